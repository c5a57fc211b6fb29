#include "nn/parallel/shared_memory_communicator.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <thread>
#include <utility>
#include <vector>

#include "nn/parallel/gang_segment.h"
#include "nn/parallel/gang_waiter.h"
#include "nn/parallel/shared_segment.h"
#include "nn/parallel/slot_accumulator.h"

namespace troupe::nn {

namespace {

using Clock = GangWaiter::Clock;

std::chrono::nanoseconds default_spin(const Mesh& mesh) {
  cpu_set_t cpus;
  if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0) return {};
  const bool core_for_each = static_cast<std::size_t>(CPU_COUNT(&cpus)) >= mesh.world();
  return core_for_each ? std::chrono::microseconds(40) : std::chrono::microseconds(0);
}

/// The tree of tree_sum.h over losses.
LossSum sum_losses(std::span<const LossSum> slots) {
  if (slots.size() == 1) return slots[0];
  const std::size_t half = std::bit_ceil(slots.size()) / 2;
  const LossSum left = sum_losses(slots.first(half));
  const LossSum right = sum_losses(slots.subspan(half));
  return {left.loss + right.loss, left.correct + right.correct};
}

class SharedMemoryCommunicator final : public Communicator {
 public:
  SharedMemoryCommunicator(SharedMemoryOptions options, std::optional<SharedSegment> own)
      : options_(std::move(options)),
        mesh_(options_.mesh),
        own_(std::move(own)),
        segment_(mesh_, options_.segment ? options_.segment->bytes() : own_->bytes()),
        waiter_(mesh_, segment_,
                {.rank = options_.rank,
                 .deadline = options_.deadline,
                 .spin = options_.spin ? *options_.spin : default_spin(mesh_),
                 .alive = options_.alive}),
        rank_(options_.rank),
        held_(mesh_.slots_of(replica())),
        elements_(mesh_.parameters[stage()]),
        plans_(mesh_.slots + 1),
        lines_(4 * mesh_.slots) {
    losses_.reserve(mesh_.slots);
  }

  ~SharedMemoryCommunicator() override {
    if (joined_) segment_.rank(rank_).presence.raise(RankState::left);
    if (own_) own_->unlink();
  }

  /// Writes or checks the header, says that this rank is there and waits for the others.
  Result<void> join(Clock::time_point began);

  std::size_t rank() const override { return rank_; }
  std::size_t world() const override { return mesh_.world(); }
  std::size_t replica() const override { return mesh_.replica_of(rank_); }
  std::size_t stage() const override { return mesh_.stage_of(rank_); }
  SlotRange slots() const override { return held_; }
  std::span<float> piece_storage() override { return segment_.storage(rank_); }

  Result<Reduction> all_reduce_tree(const Contribution& contribution) override;
  Result<void> barrier() override;
  Result<std::span<float>> outgoing(Flow flow, std::size_t slot, std::size_t elements) override;
  void send(Flow flow, std::size_t slot) override;
  Result<std::span<const float>> receive(Flow flow, std::size_t slot, std::size_t elements) override;
  void release(Flow flow, std::size_t slot) override;
  void abort(const Error& cause) override {
    waiter_.stop(rank_, {cause.fault, describe_rank(mesh_, rank_) + " stopped: " + cause.message});
  }
  std::optional<std::size_t> failed_rank() const override { return waiter_.failed_rank(); }

 private:
  /// How far this end of a channel has come. One message at a time: it is opened, then closed.
  struct Line {
    std::uint32_t messages = 0;
    std::size_t elements = 0;
    bool open = false;
  };

  void write_header();
  Result<void> wait_for_stage_mates(SharedFlag RankState::*flag, std::uint32_t value, WaitPhase phase);

  void bring(const Contribution& contribution);
  void place_sums(std::span<const PieceSum> sums, std::span<std::uint32_t> buffers);
  Result<void> find_pieces(std::size_t filled);
  void sum_own_range(std::size_t filled);
  Result<LossSum> total_loss(std::size_t filled);
  const TreePlan& plan_for(std::size_t filled);

  bool has_neighbour(Flow flow, bool to_send) const {
    return (flow == Flow::activations) == to_send ? stage() + 1 < mesh_.stages : stage() > 0;
  }
  GangSegment::Place place(Flow flow, std::size_t slot, bool to_send) const {
    TROUPE_CHECK(has_neighbour(flow, to_send), "a neighbour stage on that side");
    const std::size_t border = (flow == Flow::activations) == to_send ? stage() : stage() - 1;
    return {.replica = replica(), .border = border, .flow = flow, .slot = slot};
  }
  static WaitPhase phase_of(Flow flow, std::size_t slot) {
    return {flow == Flow::activations ? "activations of slot" : "gradients of slot", slot};
  }
  std::size_t neighbour(Flow flow, bool to_send) const {
    return (flow == Flow::activations) == to_send ? rank_ + 1 : rank_ - 1;
  }
  Line& line_of(Flow flow, std::size_t slot, bool to_send) {
    return lines_[4 * slot + 2 * static_cast<std::size_t>(flow) + (to_send ? 1 : 0)];
  }

  SharedMemoryOptions options_;
  Mesh mesh_;
  std::optional<SharedSegment> own_;
  GangSegment segment_;
  GangWaiter waiter_;
  std::size_t rank_;
  SlotRange held_;
  std::size_t elements_;
  bool joined_ = false;

  std::uint32_t reductions_ = 0;
  std::uint32_t barriers_ = 0;
  std::vector<std::optional<TreePlan>> plans_;  ///< By filled slots.
  std::vector<const float*> pieces_;
  std::vector<LossSum> losses_;
  std::vector<float> zeros_;
  std::vector<Line> lines_;
};

// ---- joining

void SharedMemoryCommunicator::write_header() {
  GangHeader& header = segment_.header();
  header.magic = GangHeader::expected_magic;
  header.version = GangHeader::expected_version;
  header.replicas = static_cast<std::uint32_t>(mesh_.replicas);
  header.stages = static_cast<std::uint32_t>(mesh_.stages);
  header.slots = static_cast<std::uint32_t>(mesh_.slots);
  header.digest = digest(mesh_);
  header.bytes = segment_bytes(mesh_);
  header.ready.raise(1);
}

Result<void> SharedMemoryCommunicator::join(Clock::time_point began) {
  if (options_.create) write_header();
  RankState& self = segment_.rank(rank_);
  if (self.presence.reached(RankState::here)) {
    return Error{Fault::refused, describe_rank(mesh_, rank_) + " has joined the gang already, expected each rank once"};
  }
  self.process = static_cast<std::uint32_t>(::getpid());
  self.presence.raise(RankState::here);
  joined_ = true;

  GangWaiter::Start start = began;
  for (std::size_t other = 0; other < world(); ++other) {
    const SharedFlag& presence = segment_.rank(other).presence;
    auto came = waiter_.wait(presence, RankState::here, other, {"the start with rank", other}, start);
    if (!came) return came;
  }
  // Everybody has mapped it: from here on nothing stays behind, however the ranks end.
  if (own_) own_->unlink();
  return {};
}

// ---- all ranks of a stage

Result<void> SharedMemoryCommunicator::wait_for_stage_mates(SharedFlag RankState::*flag, std::uint32_t value,
                                                            WaitPhase phase) {
  GangWaiter::Start start;
  for (std::size_t other = stage(); other < world(); other += mesh_.stages) {
    if (other == rank_) continue;
    if (auto there = waiter_.wait(segment_.rank(other).*flag, value, other, phase, start); !there) return there;
  }
  return {};
}

// Safety of what is shared: a rank writes its pieces, raises `arrived`, and reads the others' pieces only after theirs.
// It raises `summed` when it reads no piece any more, and returns only after everybody's: so pieces may be written
// again as soon as the call returns. The total is written only after everybody arrived at the next all-reduce, which
// each rank does when it no longer reads the last total.
Result<Reduction> SharedMemoryCommunicator::all_reduce_tree(const Contribution& contribution) {
  if (const auto cause = waiter_.stopped()) return *cause;
  const std::size_t filled = contribution.filled;
  TROUPE_CHECK(filled <= mesh_.slots, "no more slots than the mesh has");
  bring(contribution);
  ++reductions_;
  if (mesh_.replicas == 1) {
    // The only piece is the root.
    if (filled == 0) zeros_.resize(elements_);
    const auto loss = total_loss(filled);
    if (!loss) return loss.error();
    return Reduction{filled == 0 ? std::span<const float>(zeros_) : contribution.pieces[0].sum, *loss};
  }

  const WaitPhase phase{"all-reduce", reductions_};
  segment_.rank(rank_).arrived.raise(reductions_);
  if (auto there = wait_for_stage_mates(&RankState::arrived, reductions_, phase); !there) return there.error();
  if (auto agree = find_pieces(filled); !agree) return agree.error();
  sum_own_range(filled);
  const auto loss = total_loss(filled);
  if (!loss) return loss.error();
  segment_.rank(rank_).summed.raise(reductions_);
  if (auto there = wait_for_stage_mates(&RankState::summed, reductions_, phase); !there) return there.error();
  return Reduction{segment_.total(stage()), *loss};
}

void SharedMemoryCommunicator::bring(const Contribution& contribution) {
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
  if (!piece_storage().empty()) place_sums(sums, self.buffers);
}

void SharedMemoryCommunicator::place_sums(std::span<const PieceSum> sums, std::span<std::uint32_t> buffers) {
  const std::span<float> storage = piece_storage();
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

const TreePlan& SharedMemoryCommunicator::plan_for(std::size_t filled) {
  std::optional<TreePlan>& plan = plans_[filled];
  if (!plan) {
    std::vector<SlotRange> held;
    for (std::size_t replica = 0; replica < mesh_.replicas; ++replica) held.push_back(mesh_.slots_of(replica));
    plan = plan_tree(held, filled);
  }
  return *plan;
}

/// Collects where everybody's pieces lie, in tree order.
Result<void> SharedMemoryCommunicator::find_pieces(std::size_t filled) {
  const std::size_t stride = buffer_stride(elements_);
  pieces_.clear();
  for (std::size_t other = stage(); other < world(); other += mesh_.stages) {
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
void SharedMemoryCommunicator::sum_own_range(std::size_t filled) {
  const std::span<float> total = segment_.total(stage());
  const std::size_t unit = buffer_stride(1);
  const std::size_t units = buffer_stride(total.size()) / unit;
  const std::size_t begin = std::min(total.size(), units * replica() / mesh_.replicas * unit);
  const std::size_t end = std::min(total.size(), units * (replica() + 1) / mesh_.replicas * unit);
  if (begin == end) return;
  for (const float*& piece : pieces_) piece += begin;
  sum_tree(plan_for(filled), pieces_, total.subspan(begin, end - begin));
}

Result<LossSum> SharedMemoryCommunicator::total_loss(std::size_t filled) {
  losses_.clear();
  for (std::size_t other = stage(); other < world(); other += mesh_.stages) {
    const std::size_t count = std::min<std::size_t>(segment_.rank(other).losses, segment_.losses(other).size());
    const std::span<const LossSum> losses = segment_.losses(other).first(count);
    losses_.insert(losses_.end(), losses.begin(), losses.end());
  }
  if (losses_.empty()) return LossSum{};
  if (losses_.size() == filled) return sum_losses(losses_);
  return waiter_.stop(rank_, {Fault::corrupt, "the ranks of stage " + std::to_string(stage()) + " bring " +
                                                  std::to_string(losses_.size()) + " losses, expected " +
                                                  std::to_string(filled) + ", one for each filled slot, or none"});
}

// ---- all ranks of the gang

Result<void> SharedMemoryCommunicator::barrier() {
  if (const auto cause = waiter_.stopped()) return *cause;
  segment_.rank(rank_).barriers.raise(++barriers_);
  GangWaiter::Start start;
  for (std::size_t other = 0; other < world(); ++other) {
    const SharedFlag& flag = segment_.rank(other).barriers;
    if (auto there = waiter_.wait(flag, barriers_, other, {"barrier", barriers_}, start); !there) return there;
  }
  return {};
}

// ---- neighbours

// Every slot has a channel of its own in each direction, with room for one message. Message n is written only after
// `released` says that n messages, all before it, were read, and read only after `sent` says that it is there: writer
// and reader never have the buffer at the same time. In training the first wait costs nothing: a stage writes slot k of
// the next step after it took the gradient of slot k, which its neighbour sent after the backward pass that last read
// the activations. Passes without a backward (evaluation) are held back by `released` alone.
Result<std::span<float>> SharedMemoryCommunicator::outgoing(Flow flow, std::size_t slot, std::size_t elements) {
  if (const auto cause = waiter_.stopped()) return *cause;
  const GangSegment::Place here = place(flow, slot, true);
  const std::span<float> data = segment_.channel_data(here);
  TROUPE_CHECK(elements <= data.size(), "no more than the border was made for");
  Line& line = line_of(flow, slot, true);
  GangWaiter::Start start;
  const SharedFlag& released = segment_.channel(here).released;
  auto free = waiter_.wait(released, line.messages, neighbour(flow, true), phase_of(flow, slot), start);
  if (!free) return free.error();
  line.open = true;
  line.elements = elements;
  return data.first(elements);
}

void SharedMemoryCommunicator::send(Flow flow, std::size_t slot) {
  BorderChannel& channel = segment_.channel(place(flow, slot, true));
  Line& line = line_of(flow, slot, true);
  TROUPE_CHECK(line.open, "something to send, written to `outgoing`");
  line.open = false;
  channel.elements = line.elements;
  channel.sent.raise(++line.messages);
}

Result<std::span<const float>> SharedMemoryCommunicator::receive(Flow flow, std::size_t slot, std::size_t elements) {
  if (const auto cause = waiter_.stopped()) return *cause;
  const GangSegment::Place here = place(flow, slot, false);
  BorderChannel& channel = segment_.channel(here);
  Line& line = line_of(flow, slot, false);
  const std::size_t peer = neighbour(flow, false);
  GangWaiter::Start start;
  auto came = waiter_.wait(channel.sent, line.messages + 1, peer, phase_of(flow, slot), start);
  if (!came) return came.error();
  if (channel.elements != elements) {
    return waiter_.stop(
        peer, {Fault::corrupt, describe_rank(mesh_, peer) + " sent " + std::to_string(channel.elements) +
                                   " elements of " + phase_of(flow, slot).what + " " + std::to_string(slot) + ", " +
                                   describe_rank(mesh_, rank_) + " expected " + std::to_string(elements)});
  }
  line.open = true;
  return std::span<const float>(segment_.channel_data(here).first(elements));
}

void SharedMemoryCommunicator::release(Flow flow, std::size_t slot) {
  BorderChannel& channel = segment_.channel(place(flow, slot, false));
  Line& line = line_of(flow, slot, false);
  TROUPE_CHECK(line.open, "something received to release");
  line.open = false;
  channel.released.raise(++line.messages);
}

// ---- finding the segment

Error no_creator(const std::string& name, std::chrono::milliseconds deadline) {
  return {Fault::timed_out, (name.empty() ? "the segment" : "/dev/shm" + name) + " was not made within " +
                                std::to_string(deadline.count()) + " ms: the rank that creates it has not come"};
}

/// Waits for the creator's header and compares it with what this rank expects.
Result<void> check_header(const SharedMemoryOptions& options, std::span<std::byte> memory, Clock::time_point end) {
  if (memory.size() < sizeof(GangHeader)) {
    return Error{Fault::refused, "/dev/shm" + options.name + ": found " + std::to_string(memory.size()) +
                                     " bytes, expected a segment of Troupe: choose another name"};
  }
  GangHeader& header = *reinterpret_cast<GangHeader*>(memory.data());
  while (!header.ready.reached(1)) {
    if (Clock::now() >= end) return no_creator(options.name, options.join_deadline.value_or(options.deadline));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (header.magic != GangHeader::expected_magic || header.version != GangHeader::expected_version) {
    return Error{Fault::refused, "/dev/shm" + options.name + ": found version " + std::to_string(header.version) +
                                     ", expected a segment of version " + std::to_string(GangHeader::expected_version) +
                                     ": run the same build on every rank"};
  }
  if (header.digest == digest(options.mesh) && header.bytes == segment_bytes(options.mesh) &&
      header.bytes <= memory.size()) {
    return {};
  }
  const Mesh found{.replicas = header.replicas, .stages = header.stages, .slots = header.slots};
  const Error mismatch{Fault::refused, "the gang's segment was made for " + describe(found) + ", " +
                                           describe_rank(options.mesh, options.rank) + " expects " +
                                           describe(options.mesh) +
                                           (describe(found) == describe(options.mesh) ? " of other sizes" : "") +
                                           ": give every rank the same plan"};
  header.stop(options.rank, mismatch);
  return mismatch;
}

Result<std::optional<SharedSegment>> own_segment(const SharedMemoryOptions& options, Clock::time_point end) {
  const auto made = [](Result<SharedSegment> segment) -> Result<std::optional<SharedSegment>> {
    if (!segment) return segment.error();
    return std::optional<SharedSegment>(std::move(*segment));
  };
  if (options.segment) return std::optional<SharedSegment>();
  if (options.name.empty()) return made(SharedSegment::anonymous(segment_bytes(options.mesh)));
  if (options.create) return made(SharedSegment::create(options.name, segment_bytes(options.mesh)));
  while (true) {
    auto segment = SharedSegment::open(options.name);
    if (!segment || segment->has_value()) return segment;
    if (Clock::now() >= end) return no_creator(options.name, options.join_deadline.value_or(options.deadline));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Result<void> check_options(const SharedMemoryOptions& options) {
  if (auto good = check(options.mesh); !good) return good;
  if (options.rank >= options.mesh.world()) {
    return bad_input("rank " + std::to_string(options.rank) + ": expected one of " +
                     std::to_string(options.mesh.world()) + " ranks, counted from 0");
  }
  if (options.name.empty() && !options.segment && options.mesh.world() > 1) {
    return bad_input("a gang of " + std::to_string(options.mesh.world()) + " ranks needs a name for its segment");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Communicator>> join_shared_memory(SharedMemoryOptions options) {
  if (auto good = check_options(options); !good) return good.error();
  if (options.name.empty() && !options.segment) options.create = true;
  const auto start = Clock::now();
  const auto join_deadline = options.join_deadline.value_or(options.deadline);
  const auto end = start + join_deadline;
  const auto waits_from = end - options.deadline;  // So that the waits of the joining, too, last until `end`.

  auto own = own_segment(options, end);
  if (!own) return own.error();
  if (!options.create) {
    const std::span<std::byte> memory = options.segment ? options.segment->bytes() : (*own)->bytes();
    if (auto good = check_header(options, memory, end); !good) return good.error();
  }
  auto communicator = std::make_unique<SharedMemoryCommunicator>(std::move(options), std::move(*own));
  if (auto joined = communicator->join(waits_from); !joined) return joined.error();
  return std::unique_ptr<Communicator>(std::move(communicator));
}

std::size_t segment_bytes(const Mesh& mesh) { return GangSegment::bytes_for(mesh); }

}  // namespace troupe::nn
