#include "tools/cli/did_you_mean.h"

#include <algorithm>

namespace troupe::cli {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      next[j] = std::min({replaced, last[j] + 1, next[j - 1] + 1});
      const bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swap) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, next);
  }
  return last[b.size()];
}

std::string did_you_mean(std::string_view found, const std::vector<std::string>& candidates) {
  constexpr std::size_t longest = 64;  // Longer words are not typing errors of anything.
  if (found.size() > longest) return {};
  const std::size_t near = found.size() == 2 ? 1 : found.size() / 3;
  const std::string* best = nullptr;
  std::size_t best_distance = near + 1;
  for (const auto& candidate : candidates) {
    if (candidate.size() > found.size() + near || candidate.size() + near < found.size()) continue;
    const std::size_t distance = edit_distance(found, candidate);
    if (distance >= best_distance) continue;
    best = &candidate;
    best_distance = distance;
  }
  return best == nullptr ? std::string{} : " (did you mean '" + *best + "'?)";
}

std::string one_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

}  // namespace troupe::cli
