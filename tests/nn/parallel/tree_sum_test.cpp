#include "nn/parallel/tree_sum.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::nn;

namespace {

std::vector<SlotRange> ranks_of(std::size_t slots, std::size_t ranks) {
  std::vector<SlotRange> held;
  for (std::size_t rank = 0; rank < ranks; ++rank) held.push_back(slots_of_rank(slots, ranks, rank));
  return held;
}

std::string expression(std::size_t slots, std::size_t ranks, std::size_t filled) {
  return expression_of(plan_tree(ranks_of(slots, ranks), filled));
}

/// The tree, written down a second time: a node is the sum of its halves, where they exist.
std::string node_text(std::size_t begin, std::size_t size, std::size_t filled) {
  if (size == 1) return std::string("g").append(std::to_string(begin));
  const std::string left = node_text(begin, size / 2, filled);
  if (begin + size / 2 >= filled) return left;
  std::string text = "(";
  text += left;
  text += "+";
  text += node_text(begin + size / 2, size / 2, filled);
  text += ")";
  return text;
}

/// Values whose sum depends on the order of additions.
float value_of(std::size_t slot, std::size_t element) {
  const std::uint32_t bits = static_cast<std::uint32_t>((slot * 1000003 + element) * 2654435761u);
  return std::ldexp(static_cast<float>(bits >> 8) - 8388608.0f, static_cast<int>(bits & 31) - 40);
}

std::vector<float> node_value(std::size_t begin, std::size_t size, std::size_t filled, std::size_t n) {
  std::vector<float> left(n);
  if (size == 1) {
    for (std::size_t i = 0; i < n; ++i) left[i] = value_of(begin, i);
    return left;
  }
  left = node_value(begin, size / 2, filled, n);
  if (begin + size / 2 >= filled) return left;
  const std::vector<float> right = node_value(begin + size / 2, size / 2, filled, n);
  for (std::size_t i = 0; i < n; ++i) left[i] = left[i] + right[i];
  return left;
}

}  // namespace

TEST_CASE("with eight slots the tree is that of the manual", "[tree]") {
  CHECK(expression(8, 1, 8) == "(((g0+g1)+(g2+g3))+((g4+g5)+(g6+g7)))");
  const std::vector<Piece> first = pieces_of(slots_of_rank(8, 3, 0), 8);
  const std::vector<Piece> second = pieces_of(slots_of_rank(8, 3, 1), 8);
  const std::vector<Piece> third = pieces_of(slots_of_rank(8, 3, 2), 8);
  CHECK(first == std::vector<Piece>{{0, 2}, {2, 3}});
  CHECK(second == std::vector<Piece>{{3, 4}, {4, 6}});
  CHECK(third == std::vector<Piece>{{6, 8}});
  CHECK(pieces_of({0, 4}, 8) == std::vector<Piece>{{0, 4}});
  CHECK(pieces_of({0, 8}, 8) == std::vector<Piece>{{0, 8}});
}

TEST_CASE("missing leaves are skipped, and no zero is added", "[tree]") {
  CHECK(expression(3, 1, 3) == "((g0+g1)+g2)");
  CHECK(expression(6, 2, 6) == "(((g0+g1)+(g2+g3))+(g4+g5))");
  CHECK(expression(8, 2, 5) == "(((g0+g1)+(g2+g3))+g4)");
  CHECK(expression(8, 4, 1) == "g0");
  CHECK(expression(8, 4, 0) == "0");
  CHECK(pieces_of({4, 8}, 5) == std::vector<Piece>{{4, 5}});
  CHECK(pieces_of({4, 8}, 4).empty());
  CHECK(pieces_of({0, 4}, 3) == std::vector<Piece>{{0, 3}});
}

TEST_CASE("every number of ranks computes the same expression", "[tree]") {
  for (const std::size_t slots : {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 31, 32, 33, 64}) {
    for (std::size_t filled = 1; filled <= slots; ++filled) {
      const std::string expected = node_text(0, std::bit_ceil(filled), filled);
      for (std::size_t ranks = 1; ranks <= slots; ++ranks) {
        if (expression(slots, ranks, filled) == expected) continue;
        CAPTURE(slots, filled, ranks);
        CHECK(expression(slots, ranks, filled) == expected);
      }
    }
  }
}

TEST_CASE("a rank keeps few pieces", "[tree]") {
  for (std::size_t begin = 0; begin < 64; ++begin) {
    for (std::size_t end = begin + 1; end <= 64; ++end) {
      const std::size_t most = std::max<std::size_t>(1, 2 * (std::bit_width(end - begin) - 1) + 1);
      CHECK(pieces_of({begin, end}, 64).size() <= most);
    }
  }
}

TEST_CASE("the plan's sum is the tree's, bit by bit, for every size", "[tree]") {
  for (const std::size_t n : {0, 1, 7, 8, 1023, 1024, 1025, 5000}) {
    for (const std::size_t slots : {1, 2, 3, 8, 13}) {
      const std::vector<float> expected = node_value(0, std::bit_ceil(slots), slots, n);
      for (std::size_t ranks = 1; ranks <= slots; ++ranks) {
        const TreePlan plan = plan_tree(ranks_of(slots, ranks), slots);
        std::vector<std::vector<float>> sums;
        for (const Piece& piece : plan.pieces) {
          std::vector<float> sum = node_value(piece.begin, std::bit_ceil(piece.size()), piece.end, n);
          sums.push_back(sum);
        }
        std::vector<const float*> pointers;
        for (const std::vector<float>& sum : sums) pointers.push_back(sum.data());
        std::vector<float> total(n, NAN);
        sum_tree(plan, pointers, total);
        CAPTURE(n, slots, ranks);
        CHECK((n == 0 || std::memcmp(total.data(), expected.data(), n * sizeof(float)) == 0));
      }
    }
  }
}

TEST_CASE("another grouping has other bits, so the comparison can fail", "[tree]") {
  const std::size_t n = 1000;
  const std::vector<float> tree = node_value(0, 4, 4, n);
  std::size_t different = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const float other = (value_of(0, i) + value_of(2, i)) + (value_of(1, i) + value_of(3, i));
    if (std::memcmp(&other, &tree[i], sizeof other) != 0) ++different;
  }
  CHECK(different > n / 10);
}

TEST_CASE("a batch without samples sums to zero", "[tree]") {
  std::vector<float> total(10, 5.0f);
  sum_tree(plan_tree(ranks_of(4, 2), 0), {}, total);
  CHECK(total == std::vector<float>(10, 0.0f));
}
