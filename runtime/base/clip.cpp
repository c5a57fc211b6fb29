#include "runtime/base/clip.h"

namespace troupe {

std::string clipped(std::string text, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return text;
  const std::string rest = "... (of " + std::to_string(text.size()) + " bytes)";
  std::size_t end = most_bytes > rest.size() ? most_bytes - rest.size() : 0;
  constexpr unsigned char_mark = 0xc0, continuation = 0x80;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & char_mark) == continuation) --end;
  text.resize(end);
  return text + rest;
}

}  // namespace troupe
