#include "nn/parallel/slot_accumulator.h"

#include <algorithm>
#include <cstdint>

namespace troupe::nn {

namespace {

constexpr std::size_t floats_in_line = 16;

}  // namespace

std::size_t buffer_stride(std::size_t elements) {
  return (elements + floats_in_line - 1) / floats_in_line * floats_in_line;
}

SlotAccumulator::SlotAccumulator(SlotRange held, std::size_t elements, std::span<float> storage)
    : held_(held), elements_(elements), nodes_(held.size()) {
  const std::size_t stride = buffer_stride(elements);
  // An empty gradient still needs a buffer that is not null.
  const std::size_t room = stride == 0 ? 0 : storage.size() / stride;
  for (std::size_t i = room; i-- > 0;) free_.push_back(storage.data() + i * stride);
}

void SlotAccumulator::start(std::size_t filled) {
  for (Node& node : nodes_) {
    if (node.buffer) free_.push_back(node.buffer);
    node = {};
  }
  if (filled == filled_) return;
  filled_ = filled;
  pieces_.clear();
  for (const Piece& piece : pieces_of(held_, filled)) pieces_.push_back({piece, {}});
}

float* SlotAccumulator::take_buffer() {
  if (free_.empty()) {
    heap_.push_back(std::make_unique<float[]>(std::max(elements_, std::size_t{1})));
    return heap_.back().get();
  }
  float* buffer = free_.back();
  free_.pop_back();
  return buffer;
}

std::span<float> SlotAccumulator::gradient(std::size_t slot) {
  TROUPE_CHECK(held_.contains(slot) && slot < filled_, "a slot that this rank holds and that has samples");
  Node& node = node_from(slot);
  TROUPE_CHECK(node.state == Node::State::none || node.state == Node::State::writing, "a slot is finished once a step");
  if (!node.buffer) node = {Node::State::writing, 0, take_buffer()};
  return {node.buffer, elements_};
}

void SlotAccumulator::finish(std::size_t slot) {
  TROUPE_CHECK(held_.contains(slot) && node_from(slot).state == Node::State::writing, "a slot whose gradient is there");
  const std::size_t end = std::min(held_.end, filled_);
  std::size_t begin = slot;
  node_from(begin).state = Node::State::sum;

  // Up from child to parent, as long as the parent lies in what this rank holds.
  for (std::uint32_t level = 0; (std::size_t{1} << level) < filled_; ++level) {
    const std::size_t size = std::size_t{1} << level;
    const std::size_t parent = begin - begin % (2 * size);
    if (parent < held_.begin || std::min(parent + 2 * size, filled_) > end) return;
    const std::size_t right = parent + size;
    if (right < filled_) {
      const std::size_t sibling = begin == parent ? right : parent;
      const Node& other = node_from(sibling);
      if (other.state != Node::State::sum || other.level != level) return;
      add_into({node_from(parent).buffer, elements_}, {node_from(right).buffer, elements_});
      free_.push_back(node_from(right).buffer);
      node_from(right) = {Node::State::merged};
    }
    begin = parent;
    node_from(begin).level = level + 1;
  }
}

std::span<const PieceSum> SlotAccumulator::pieces() {
  for (PieceSum& sum : pieces_) {
    const Node& node = node_from(sum.piece.begin);
    const std::size_t size = std::min(sum.piece.begin + (std::size_t{1} << node.level), filled_) - sum.piece.begin;
    TROUPE_CHECK(node.state == Node::State::sum && size == sum.piece.size(), "every existing slot is finished");
    sum.sum = {node.buffer, elements_};
  }
  return pieces_;
}

std::size_t SlotAccumulator::buffers_needed(SlotRange held) {
  // In order, the sums kept before slot k are the pieces of the slots before it.
  std::size_t most = 0;
  for (std::size_t slot = held.begin; slot < held.end; ++slot) {
    most = std::max(most, pieces_of({held.begin, slot}, held.end).size() + 1);
  }
  return most;
}

}  // namespace troupe::nn
