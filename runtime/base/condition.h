// A question about results: `join.accuracy >= 0.9 and not (prepare.kind == "small")`.
//
// Comparisons (== != < <= > >=) of results, numbers, strings and true or false, joined by `and`, `or`, `not` and
// parentheses; nothing else: no functions, no arithmetic, no code. It is kept as its text, which is read again each
// time it is asked, so what is stored and sent is what the user wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/result.h"

namespace troupe {

struct Condition {
  std::string text;
  /// Name in the text (`join`, `train[2]`) -> place in the results it is asked about.
  std::vector<std::pair<std::string, std::uint32_t>> results;
  friend bool operator==(const Condition&, const Condition&) = default;
};

inline constexpr std::size_t most_condition_bytes = 4096;
inline constexpr std::size_t most_condition_depth = 32;

/// The results that the text names, with the way into them (`train[2].loss`), in order, each once.
///
/// Fails with: bad_input: `column 9: found '=', expected a comparison such as ==`.
Result<std::vector<std::string>> results_named_in(std::string_view text);

/// What is wrong with it in itself, as one line, if it is asked about `count` results; empty when nothing is.
std::string flaw_of(const Condition& condition, std::size_t count);

struct Decision {
  bool holds = false;
  std::string because;  ///< The results that were looked at: `join.accuracy is 0.83`.
};

/// Asks the question of `results`, each a JSON text. `and` and `or` look no further than they must.
///
/// Fails with: bad_input: a key that is not there, or a comparison of unlike things.
Result<Decision> evaluate(const Condition& condition, std::span<const std::string_view> results);

}  // namespace troupe
