// SHA-256 as a value, for the pure cores: no library, no I/O. Source: FIPS 180-4.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

class Sha256 {
 public:
  /// Appends bytes.
  void add(std::string_view bytes);
  /// Appends the length, then the bytes: what is added this way, field after field, has one reading only.
  void add_field(std::string_view bytes);
  void add_number(std::uint64_t number);

  /// 32 bytes. Nothing may be added after it.
  std::string digest();

 private:
  void mix(const unsigned char* block);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> block_{};
  std::uint64_t length_ = 0;
};

}  // namespace troupe
