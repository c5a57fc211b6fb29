// Sums the gradients of one rank's slots as they are finished, in the order of the tree: a binary counter, in which two
// sums merge as soon as both children of a node are there. A slot that is finished before its sibling waits for it, so
// the order of finishing never changes a bit. Buffers are used again: once warm, a step allocates nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "nn/parallel/slots.h"
#include "nn/parallel/tree_sum.h"

namespace troupe::nn {

/// Floats from one buffer to the next: `elements`, rounded up to whole cache lines.
std::size_t buffer_stride(std::size_t elements);

/// Threads: one thread at a time.
class SlotAccumulator {
 public:
  /// Sums are kept in `storage` as long as it has room, then on the heap: a communicator hands out storage that its
  /// peers can read without a copy.
  ///
  /// Shapes: storage [k * buffer_stride(elements)]; `buffers_needed(held)` suffice when slots finish in order.
  SlotAccumulator(SlotRange held, std::size_t elements, std::span<float> storage = {});

  /// Forgets the last step; slots 0 … filled-1 of the global batch exist in the next.
  void start(std::size_t filled);

  /// Where the gradient of `slot` is to be written, before `finish`. Its contents are unspecified.
  ///
  /// Requires: held, filled, not finished since `start`.
  std::span<float> gradient(std::size_t slot);

  /// Takes what was written to `gradient(slot)` into the sums.
  void finish(std::size_t slot);

  /// The sums to hand over: those of `pieces_of(held, filled)`. Valid until the next `start`.
  ///
  /// Requires: every existing slot of `held` is finished.
  std::span<const PieceSum> pieces();

  static std::size_t buffers_needed(SlotRange held);

 private:
  struct Node {
    enum class State : std::uint8_t { none, writing, sum, merged } state = State::none;
    std::uint32_t level = 0;
    float* buffer = nullptr;
  };

  Node& node_from(std::size_t begin) { return nodes_[begin - held_.begin]; }
  float* take_buffer();

  SlotRange held_;
  std::size_t elements_;
  std::size_t filled_ = 0;
  std::vector<Node> nodes_;   ///< By first slot.
  std::vector<float*> free_;  ///< The last one given back is the warmest and is taken first.
  std::vector<std::unique_ptr<float[]>> heap_;
  std::vector<PieceSum> pieces_;
};

}  // namespace troupe::nn
