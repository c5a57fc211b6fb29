#include "nn/parallel/slot_accumulator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::nn;

namespace {

constexpr std::size_t elements = 37;

void write_gradient(std::size_t slot, std::span<float> gradient) {
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    gradient[i] = std::ldexp(std::sin(static_cast<float>(slot * 100 + i)), static_cast<int>((slot * 7 + i) % 23));
  }
}

std::vector<float> node_value(std::size_t begin, std::size_t size, std::size_t filled) {
  std::vector<float> left(elements);
  if (size == 1) {
    write_gradient(begin, left);
    return left;
  }
  left = node_value(begin, size / 2, filled);
  if (begin + size / 2 >= filled) return left;
  const std::vector<float> right = node_value(begin + size / 2, size / 2, filled);
  for (std::size_t i = 0; i < elements; ++i) left[i] += right[i];
  return left;
}

/// Whether the sums of a step, its slots finished in `order`, are the tree's.
bool step_is_right(SlotAccumulator& accumulator, SlotRange held, std::size_t filled,
                   const std::vector<std::size_t>& order) {
  accumulator.start(filled);
  for (const std::size_t slot : order) {
    write_gradient(slot, accumulator.gradient(slot));
    accumulator.finish(slot);
  }
  const std::vector<Piece> expected = pieces_of(held, filled);
  const std::span<const PieceSum> found = accumulator.pieces();
  if (found.size() != expected.size()) return false;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (found[i].piece != expected[i] || found[i].sum.size() != elements) return false;
    const std::vector<float> sum = node_value(expected[i].begin, std::bit_ceil(expected[i].size()), expected[i].end);
    if (std::memcmp(sum.data(), found[i].sum.data(), elements * sizeof(float)) != 0) return false;
  }
  return true;
}

std::vector<std::size_t> slots_in_order(SlotRange held, std::size_t filled) {
  const std::size_t end = std::min(held.end, filled);
  std::vector<std::size_t> order(end > held.begin ? end - held.begin : 0);
  std::iota(order.begin(), order.end(), held.begin);
  return order;
}

}  // namespace

TEST_CASE("slots finished in any order give the same sums", "[accumulator]") {
  std::mt19937 random(7);
  for (const std::size_t slots : {1, 2, 3, 4, 8, 13, 64}) {
    for (const std::size_t ranks : {1, 2, 3, 4}) {
      if (ranks > slots) continue;
      for (std::size_t rank = 0; rank < ranks; ++rank) {
        const SlotRange held = slots_of_rank(slots, ranks, rank);
        SlotAccumulator accumulator(held, elements);
        for (std::size_t filled = 0; filled <= slots; ++filled) {
          std::vector<std::size_t> order = slots_in_order(held, filled);
          CAPTURE(slots, ranks, rank, filled);
          CHECK(step_is_right(accumulator, held, filled, order));
          std::reverse(order.begin(), order.end());
          CHECK(step_is_right(accumulator, held, filled, order));
          std::shuffle(order.begin(), order.end(), random);
          CHECK(step_is_right(accumulator, held, filled, order));
        }
      }
    }
  }
}

TEST_CASE("in order, the sums stay in the storage that was handed in, step after step", "[accumulator]") {
  for (std::size_t slots = 1; slots <= 24; ++slots) {
    for (std::size_t ranks = 1; ranks <= slots; ++ranks) {
      for (std::size_t rank = 0; rank < ranks; ++rank) {
        const SlotRange held = slots_of_rank(slots, ranks, rank);
        std::vector<float> storage(SlotAccumulator::buffers_needed(held) * buffer_stride(elements));
        SlotAccumulator accumulator(held, elements, storage);
        bool inside = true;
        for (std::size_t filled = slots + 1; filled-- > 0;) {
          accumulator.start(filled);
          for (const std::size_t slot : slots_in_order(held, filled)) {
            const std::span<float> gradient = accumulator.gradient(slot);
            inside = inside && gradient.data() >= storage.data() &&
                     gradient.data() + gradient.size() <= storage.data() + storage.size();
            accumulator.finish(slot);
          }
        }
        CAPTURE(slots, ranks, rank);
        CHECK(inside);
      }
    }
  }
}

TEST_CASE("a whole power of two of slots needs a buffer a level and the one in work", "[accumulator]") {
  CHECK(SlotAccumulator::buffers_needed({0, 1}) == 1);
  CHECK(SlotAccumulator::buffers_needed({0, 2}) == 2);
  CHECK(SlotAccumulator::buffers_needed({0, 8}) == 4);
  CHECK(SlotAccumulator::buffers_needed({0, 64}) == 7);
}

TEST_CASE("a model without parameters has empty sums", "[accumulator]") {
  SlotAccumulator accumulator({0, 2}, 0);
  accumulator.start(2);
  for (const std::size_t slot : {0, 1}) {
    CHECK(accumulator.gradient(slot).empty());
    accumulator.finish(slot);
  }
  REQUIRE(accumulator.pieces().size() == 1);
  CHECK(accumulator.pieces()[0].sum.empty());
}
