// When a wait that is limited ends.
#pragma once

#include <algorithm>
#include <chrono>

namespace troupe {

inline constexpr std::chrono::milliseconds longest_wait = std::chrono::hours(24 * 365);

/// A limit that is longer, such as milliseconds::max(), counts as `longest_wait`: clocks do not reach so far.
inline std::chrono::steady_clock::time_point deadline_after(std::chrono::milliseconds limit) {
  return std::chrono::steady_clock::now() + std::clamp(limit, std::chrono::milliseconds(0), longest_wait);
}

}  // namespace troupe
