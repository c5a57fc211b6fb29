#include "nn/parallel/tree_sum.h"

#include <algorithm>
#include <array>
#include <bit>

namespace troupe::nn {

namespace {

/// The existing slots under the node of `level` that begins at `begin`.
SlotRange node(std::size_t begin, std::uint32_t level, std::size_t filled) {
  return {std::min(begin, filled), std::min(begin + (std::size_t{1} << level), filled)};
}

std::uint32_t level_of_root(std::size_t filled) { return static_cast<std::uint32_t>(std::bit_width(filled - 1)); }

/// Walks down from the root to the pieces and writes the additions on the way back up.
class Planner {
 public:
  Planner(TreePlan& plan, std::size_t filled) : plan_(plan), filled_(filled) {}

  std::uint32_t visit(std::size_t begin, std::uint32_t level) {
    const SlotRange here = node(begin, level, filled_);
    const auto piece = std::lower_bound(plan_.pieces.begin(), plan_.pieces.end(), here.begin,
                                        [](const Piece& p, std::size_t slot) { return p.begin < slot; });
    TROUPE_CHECK(piece != plan_.pieces.end(), "the ranks hold every existing slot");
    if (*piece == here) return static_cast<std::uint32_t>(piece - plan_.pieces.begin());
    TROUPE_CHECK(level > 0, "every piece is a node of the tree");

    const std::size_t middle = begin + (std::size_t{1} << (level - 1));
    const std::uint32_t left = visit(begin, level - 1);
    if (middle >= filled_) return left;
    const std::uint32_t right = visit(middle, level - 1);
    plan_.additions.push_back({left, right, result_of(left, right)});
    return plan_.additions.back().result;
  }

 private:
  bool is_scratch(std::uint32_t value) const { return value >= plan_.pieces.size(); }

  /// Scratch arrays are a stack, and an operand that is one is overwritten.
  std::uint32_t result_of(std::uint32_t left, std::uint32_t right) {
    if (is_scratch(left) && is_scratch(right)) --used_;
    if (is_scratch(left)) return left;
    if (is_scratch(right)) return right;
    const auto fresh = static_cast<std::uint32_t>(plan_.pieces.size()) + used_++;
    plan_.scratch = std::max(plan_.scratch, used_);
    return fresh;
  }

  TreePlan& plan_;
  std::size_t filled_;
  std::uint32_t used_ = 0;
};

std::string sum_of(const std::string& left, const std::string& right) {
  return std::string("(").append(left).append("+").append(right).append(")");
}

std::string expression_of_slots(std::size_t begin, std::size_t end) {
  if (end - begin == 1) return std::string("g").append(std::to_string(begin));
  const std::size_t middle = begin + std::bit_ceil(end - begin) / 2;
  return sum_of(expression_of_slots(begin, middle), expression_of_slots(middle, end));
}

// Eight floats at once, whatever the machine's registers hold; loads come before the store, so `result` may be an
// operand.
[[gnu::always_inline]] inline void add_loop(float* result, const float* left, const float* right, std::size_t n) {
  typedef float Lanes __attribute__((vector_size(32), aligned(4), may_alias));
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    *reinterpret_cast<Lanes*>(result + i) =
        *reinterpret_cast<const Lanes*>(left + i) + *reinterpret_cast<const Lanes*>(right + i);
  }
  for (; i < n; ++i) result[i] = left[i] + right[i];
}

using AddLoop = void (*)(float*, const float*, const float*, std::size_t);

void add_narrow(float* result, const float* left, const float* right, std::size_t n) {
  add_loop(result, left, right, n);
}

#if defined(__x86_64__)
// Not the compiler's automatic dispatch: its resolvers run before the sanitizers are ready.
__attribute__((target("avx2"))) void add_wide(float* result, const float* left, const float* right, std::size_t n) {
  add_loop(result, left, right, n);
}

const AddLoop add = __builtin_cpu_supports("avx2") ? add_wide : add_narrow;
#else
const AddLoop add = add_narrow;
#endif

/// Scratch arrays of this many floats stay in the first-level cache.
constexpr std::size_t tile = 1024;
/// Enough for `most_slots` pieces: a stack as deep as the tree.
constexpr std::size_t most_scratch = std::bit_width(most_slots);

}  // namespace

std::vector<Piece> pieces_of(SlotRange held, std::size_t filled) {
  std::vector<Piece> pieces;
  const std::size_t end = std::min(held.end, filled);
  for (std::size_t begin = held.begin; begin < end; begin = pieces.back().end) {
    const auto fits = [&](std::uint32_t level) {
      return begin % (std::size_t{1} << level) == 0 && node(begin, level, filled).end <= end;
    };
    std::uint32_t level = 0;
    while (level < level_of_root(filled) && fits(level + 1)) ++level;
    pieces.push_back(node(begin, level, filled));
  }
  return pieces;
}

TreePlan plan_tree(std::span<const SlotRange> held, std::size_t filled) {
  TROUPE_CHECK(filled <= most_slots, "a slot count that choose_slot_count allows");
  TreePlan plan;
  std::size_t covered = 0;
  for (const SlotRange& range : held) {
    TROUPE_CHECK(range.begin == covered, "the ranks' slots follow each other");
    covered = range.end;
    const std::vector<Piece> pieces = pieces_of(range, filled);
    plan.pieces.insert(plan.pieces.end(), pieces.begin(), pieces.end());
  }
  TROUPE_CHECK(covered >= filled, "the ranks hold every existing slot");
  if (filled > 0) Planner(plan, filled).visit(0, level_of_root(filled));
  TROUPE_CHECK(plan.scratch <= most_scratch, "the scratch stack is no deeper than the tree");
  return plan;
}

std::string expression_of(const TreePlan& plan) {
  std::vector<std::string> values;
  for (const Piece& piece : plan.pieces) values.push_back(expression_of_slots(piece.begin, piece.end));
  if (values.empty()) return "0";
  values.resize(values.size() + plan.scratch);
  std::uint32_t root = 0;
  for (const Addition& addition : plan.additions) {
    values[addition.result] = sum_of(values[addition.left], values[addition.right]);
    root = addition.result;
  }
  return values[root];
}

void sum_tree(const TreePlan& plan, std::span<const float* const> pieces, std::span<float> total) {
  TROUPE_CHECK(pieces.size() == plan.pieces.size(), "one array for every piece");
  if (plan.pieces.empty()) {
    std::fill(total.begin(), total.end(), 0.0f);
    return;
  }
  if (plan.additions.empty()) {
    std::copy_n(pieces[0], total.size(), total.begin());
    return;
  }

  alignas(64) std::array<float, most_scratch * tile> scratch;
  for (std::size_t begin = 0; begin < total.size(); begin += tile) {
    const std::size_t n = std::min(tile, total.size() - begin);
    const auto value = [&](std::uint32_t number) -> const float* {
      return number < pieces.size() ? pieces[number] + begin : scratch.data() + (number - pieces.size()) * tile;
    };
    for (const Addition& addition : plan.additions) {
      float* result = &addition == &plan.additions.back() ? total.data() + begin
                                                          : scratch.data() + (addition.result - pieces.size()) * tile;
      add(result, value(addition.left), value(addition.right), n);
    }
  }
}

void add_into(std::span<float> left, std::span<const float> right) {
  TROUPE_CHECK(left.size() == right.size(), "arrays of equal size");
  add(left.data(), left.data(), right.data(), left.size());
}

}  // namespace troupe::nn
