// The all-reduce of one rank over the shared segment: brings its pieces, sums its own range of the elements over
// everybody's, and reads the total that all have written together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nn/parallel/communicator.h"
#include "nn/parallel/gang_segment.h"
#include "nn/parallel/gang_waiter.h"
#include "nn/parallel/mesh.h"
#include "nn/parallel/tree_sum.h"
#include "runtime/base/result.h"

namespace troupe::nn {

class TreeReduce {
 public:
  /// Borrows mesh, segment and waiter.
  TreeReduce(const Mesh& mesh, const GangSegment& segment, GangWaiter& waiter, std::size_t rank);

  /// As `Communicator::all_reduce_tree`.
  Result<Reduction> run(const Contribution& contribution);

 private:
  Result<void> wait_for_stage_mates(SharedFlag RankState::*flag, WaitPhase phase);
  void bring(const Contribution& contribution);
  void place_sums(std::span<const PieceSum> sums, std::span<std::uint32_t> buffers);
  /// Collects where everybody's pieces lie, in tree order.
  Result<void> find_pieces(std::size_t filled);
  void sum_own_range(std::size_t filled);
  Result<LossSum> total_loss(std::size_t filled);
  const TreePlan& plan_for(std::size_t filled);

  const Mesh& mesh_;
  const GangSegment& segment_;
  GangWaiter& waiter_;
  std::size_t rank_;
  std::size_t replica_;
  std::size_t stage_;
  SlotRange held_;
  std::size_t elements_;
  std::uint32_t count_ = 0;  ///< All-reduces so far.

  // Kept from step to step, so that none allocates.
  std::vector<std::optional<TreePlan>> plans_;  ///< By filled slots.
  std::vector<const float*> pieces_;
  std::vector<LossSum> losses_;
  std::vector<float> zeros_;
};

}  // namespace troupe::nn
