// Which of a job's numbers were seen. They are given in sequence, so they stand in ranges, and mostly in one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>

namespace troupe::scheduler {

class NumberSet {
 public:
  /// With more gaps than this, the lowest one is taken for seen.
  static constexpr std::size_t most_ranges = 1024;

  void add(std::uint32_t number) { add(number, number); }
  /// All from `first` to `last`. Requires: first <= last.
  void add(std::uint32_t first, std::uint32_t last) {
    auto next = ranges_.upper_bound(first);
    if (next != ranges_.begin() && std::prev(next)->second + std::uint64_t{1} >= first) --next;
    while (next != ranges_.end() && next->first <= last + std::uint64_t{1}) {
      first = std::min(first, next->first);
      last = std::max(last, next->second);
      next = ranges_.erase(next);
    }
    ranges_.emplace_hint(next, first, last);
    if (ranges_.size() <= most_ranges) return;
    const std::uint32_t lowest = ranges_.begin()->first;
    ranges_.erase(ranges_.begin());
    const auto second = ranges_.extract(ranges_.begin());
    ranges_.emplace_hint(ranges_.begin(), lowest, second.mapped());
  }

  bool contains(std::uint32_t number) const {
    const auto next = ranges_.upper_bound(number);
    return next != ranges_.begin() && number <= std::prev(next)->second;
  }

  std::size_t ranges() const { return ranges_.size(); }

 private:
  std::map<std::uint32_t, std::uint32_t> ranges_;  // their last ones by their first
};

}  // namespace troupe::scheduler
