#include "nn/parallel/tree_reduce.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <string>

#include "nn/parallel/slot_accumulator.h"

namespace troupe::nn {

namespace {

/// The tree of tree_sum.h over losses.
LossSum sum_losses(std::span<const LossSum> slots) {
  if (slots.size() == 1) return slots[0];
  const std::size_t half = std::bit_ceil(slots.size()) / 2;
  const LossSum left = sum_losses(slots.first(half));
  const LossSum right = sum_losses(slots.subspan(half));
  return {left.loss + right.loss, left.correct + right.correct};
}

}  // namespace

TreeReduce::TreeReduce(const Mesh& mesh, const GangSegment& segment, GangWaiter& waiter, std::size_t rank)
    : mesh_(mesh),
      segment_(segment),
      waiter_(waiter),
      rank_(rank),
      replica_(mesh.replica_of(rank)),
      stage_(mesh.stage_of(rank)),
      held_(mesh.slots_of(replica_)),
      elements_(mesh.parameters[stage_]),
      plans_(mesh.slots + 1) {
  losses_.reserve(mesh.slots);
}

Result<void> TreeReduce::wait_for_stage_mates(SharedFlag RankState::*flag, WaitPhase phase) {
  GangWaiter::Start start;
  for (std::size_t other = stage_; other < mesh_.world(); other += mesh_.stages) {
    if (other == rank_) continue;
    if (auto there = waiter_.wait(segment_.rank(other).*flag, count_, other, phase, start); !there) return there;
  }
  return {};
}

// Safety of what is shared: a rank writes its pieces, raises `arrived`, and reads the others' pieces only after theirs.
// It raises `summed` when it reads no piece any more, and returns only after everybody's: so pieces may be written
// again as soon as the call returns. The total is written only after everybody arrived at the next all-reduce, which
// each rank does when it no longer reads the last total.
Result<Reduction> TreeReduce::run(const Contribution& contribution) {
  if (const auto cause = waiter_.stopped()) return *cause;
  const std::size_t filled = contribution.filled;
  TROUPE_CHECK(filled <= mesh_.slots, "no more slots than the mesh has");
  bring(contribution);
  ++count_;
  if (mesh_.replicas == 1) {
    // The only piece is the root.
    if (filled == 0) zeros_.resize(elements_);
    const auto loss = total_loss(filled);
    if (!loss) return loss.error();
    return Reduction{filled == 0 ? std::span<const float>(zeros_) : contribution.pieces[0].sum, *loss};
  }

  const WaitPhase phase{"all-reduce", count_};
  segment_.rank(rank_).arrived.raise(count_);
  if (auto there = wait_for_stage_mates(&RankState::arrived, phase); !there) return there.error();
  if (auto agree = find_pieces(filled); !agree) return agree.error();
  sum_own_range(filled);
  const auto loss = total_loss(filled);
  if (!loss) return loss.error();
  segment_.rank(rank_).summed.raise(count_);
  if (auto there = wait_for_stage_mates(&RankState::summed, phase); !there) return there.error();
  return Reduction{segment_.total(stage_), *loss};
}

void TreeReduce::bring(const Contribution& contribution) {
  const std::span<const PieceSum> sums = contribution.pieces;
  const std::vector<Piece>& all = plan_for(contribution.filled).pieces;
  const auto first = std::find_if(all.begin(), all.end(), [&](const Piece& p) { return p.begin >= held_.begin; });
  const auto same = [&](const PieceSum& sum, const Piece& piece) {
    return sum.piece == piece && sum.sum.size() == elements_;
  };
  const auto room = static_cast<std::size_t>(all.end() - first);
  TROUPE_CHECK(sums.size() <= room && std::equal(sums.begin(), sums.end(), first, same), "the pieces of the own slots");

  RankState& self = segment_.rank(rank_);
  self.filled = static_cast<std::uint32_t>(contribution.filled);
  self.pieces = static_cast<std::uint32_t>(sums.size());
  self.losses = static_cast<std::uint32_t>(contribution.losses.size());
  TROUPE_CHECK(contribution.losses.size() <= held_.size(), "one loss for each slot of this rank");
  std::copy(contribution.losses.begin(), contribution.losses.end(), segment_.losses(rank_).begin());
  if (!segment_.storage(rank_).empty()) place_sums(sums, self.buffers);
}

void TreeReduce::place_sums(std::span<const PieceSum> sums, std::span<std::uint32_t> buffers) {
  const std::span<float> storage = segment_.storage(rank_);
  const std::size_t stride = buffer_stride(elements_);
  std::array<bool, RankState::most_pieces> taken{};
  const auto is_inside = [&](const PieceSum& sum) {
    return !std::less<>()(sum.sum.data(), storage.data()) &&
           std::less<>()(sum.sum.data(), storage.data() + storage.size());
  };
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (!is_inside(sums[i])) continue;
    const auto offset = static_cast<std::size_t>(sums[i].sum.data() - storage.data());
    TROUPE_CHECK(offset % stride == 0, "a sum that begins where a buffer does");
    buffers[i] = static_cast<std::uint32_t>(offset / stride);
    taken[buffers[i]] = true;
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (is_inside(sums[i])) continue;
    buffers[i] = static_cast<std::uint32_t>(std::find(taken.begin(), taken.end(), false) - taken.begin());
    TROUPE_CHECK((buffers[i] + 1) * stride <= storage.size(), "a rank has a buffer for every piece it can have");
    taken[buffers[i]] = true;
    std::copy(sums[i].sum.begin(), sums[i].sum.end(), storage.data() + buffers[i] * stride);
  }
}

const TreePlan& TreeReduce::plan_for(std::size_t filled) {
  std::optional<TreePlan>& plan = plans_[filled];
  if (!plan) {
    std::vector<SlotRange> held;
    for (std::size_t replica = 0; replica < mesh_.replicas; ++replica) held.push_back(mesh_.slots_of(replica));
    plan = plan_tree(held, filled);
  }
  return *plan;
}

Result<void> TreeReduce::find_pieces(std::size_t filled) {
  const std::size_t stride = buffer_stride(elements_);
  pieces_.clear();
  for (std::size_t other = stage_; other < mesh_.world(); other += mesh_.stages) {
    const RankState& state = segment_.rank(other);
    if (state.filled != filled) {
      return waiter_.stop(
          other, {Fault::corrupt, describe_rank(mesh_, other) + " sums a batch of " + std::to_string(state.filled) +
                                      " filled slots, " + describe_rank(mesh_, rank_) + " one of " +
                                      std::to_string(filled) + ", expected the same batch"});
    }
    const std::span<const float> storage = segment_.storage(other);
    for (std::uint32_t i = 0; i < state.pieces && i < RankState::most_pieces; ++i) {
      const std::size_t begin = state.buffers[i] * stride;
      TROUPE_CHECK(begin + stride <= storage.size(), "a buffer of that rank");
      pieces_.push_back(storage.data() + begin);
    }
  }
  TROUPE_CHECK(pieces_.size() == plan_for(filled).pieces.size(), "the same pieces on every rank");
  return {};
}

/// Ranges are whole cache lines, as equal as can be, so that no line is written by two ranks.
void TreeReduce::sum_own_range(std::size_t filled) {
  const std::span<float> total = segment_.total(stage_);
  const std::size_t unit = buffer_stride(1);
  const std::size_t units = buffer_stride(total.size()) / unit;
  const std::size_t begin = std::min(total.size(), units * replica_ / mesh_.replicas * unit);
  const std::size_t end = std::min(total.size(), units * (replica_ + 1) / mesh_.replicas * unit);
  if (begin == end) return;
  for (const float*& piece : pieces_) piece += begin;
  sum_tree(plan_for(filled), pieces_, total.subspan(begin, end - begin));
}

Result<LossSum> TreeReduce::total_loss(std::size_t filled) {
  losses_.clear();
  for (std::size_t other = stage_; other < mesh_.world(); other += mesh_.stages) {
    const std::size_t count = std::min<std::size_t>(segment_.rank(other).losses, segment_.losses(other).size());
    const std::span<const LossSum> losses = segment_.losses(other).first(count);
    losses_.insert(losses_.end(), losses.begin(), losses.end());
  }
  if (losses_.empty()) return LossSum{};
  if (losses_.size() == filled) return sum_losses(losses_);
  return waiter_.stop(rank_, {Fault::corrupt, "the ranks of stage " + std::to_string(stage_) + " bring " +
                                                  std::to_string(losses_.size()) + " losses, expected " +
                                                  std::to_string(filled) + ", one for each filled slot, or none"});
}

}  // namespace troupe::nn
