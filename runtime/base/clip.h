// Text from outside that is kept, copied and sent on: only as much of it as somebody will read.
#pragma once

#include <cstddef>
#include <string>

namespace troupe {

inline constexpr std::size_t most_cause_bytes = 8u << 10;  ///< Of why an attempt or a call ended as it did.
inline constexpr std::size_t most_line_bytes = 512;        ///< Of the line that stands for it elsewhere.

/// The text if it has at most so many bytes; else its beginning and its end, where what went wrong first often stands,
/// whole characters of UTF-8, and between them how long it is.
std::string clipped(std::string text, std::size_t most_bytes);

}  // namespace troupe
