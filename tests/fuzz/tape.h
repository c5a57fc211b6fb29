// Bytes that say, one after another, what a target does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::fuzz {

class Tape {
 public:
  explicit Tape(std::string_view bytes) : left_(bytes) {}

  bool is_over() const { return left_.empty(); }
  /// At most so many.
  std::string_view take(std::size_t most) {
    const std::string_view taken = left_.substr(0, most);
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() { return take(left_.size()); }
  /// The next byte, 0 behind the last.
  std::uint8_t byte() { return left_.empty() ? 0 : static_cast<std::uint8_t>(take(1)[0]); }
  /// Two bytes, the low one first.
  std::size_t pair() {
    const std::size_t low = byte();
    return low + 256u * byte();
  }

 private:
  std::string_view left_;
};

}  // namespace troupe::fuzz
