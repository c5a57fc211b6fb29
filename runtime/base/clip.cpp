#include "runtime/base/clip.h"

namespace troupe {

std::string clipped(std::string text, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return text;
  const std::string gap = "... (of " + std::to_string(text.size()) + " bytes) ...";
  const std::size_t kept = most_bytes > gap.size() ? (most_bytes - gap.size()) / 2 : 0;
  const auto is_inside_character = [&text](std::size_t at) {
    constexpr unsigned char_mark = 0xc0, continuation = 0x80;
    return at < text.size() && (static_cast<unsigned char>(text[at]) & char_mark) == continuation;
  };
  std::size_t gap_begin = kept;
  while (gap_begin > 0 && is_inside_character(gap_begin)) --gap_begin;
  std::size_t gap_end = text.size() - kept;
  while (is_inside_character(gap_end)) ++gap_end;
  return text.substr(0, gap_begin) + gap + text.substr(gap_end);
}

}  // namespace troupe
