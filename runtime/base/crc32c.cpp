#include "runtime/base/crc32c.h"

#include <array>

namespace troupe {

namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b] is what byte b adds to the checksum when k more bytes follow it: so eight bytes go in one step.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78u : 0u);
    tables[0][byte] = sum;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t sum = tables[k - 1][byte];
      tables[k][byte] = sum >> 8 ^ tables[0][sum & 0xff];
    }
  }
  return tables;
}

constexpr Tables tables = make_tables();

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  const auto byte = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  std::uint32_t sum = ~before;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    sum = tables[7][(sum & 0xff) ^ byte(i)] ^ tables[6][(sum >> 8 & 0xff) ^ byte(i + 1)] ^
          tables[5][(sum >> 16 & 0xff) ^ byte(i + 2)] ^ tables[4][(sum >> 24) ^ byte(i + 3)] ^ tables[3][byte(i + 4)] ^
          tables[2][byte(i + 5)] ^ tables[1][byte(i + 6)] ^ tables[0][byte(i + 7)];
  }
  for (; i < bytes.size(); ++i) sum = sum >> 8 ^ tables[0][(sum & 0xff) ^ byte(i)];
  return ~sum;
}

}  // namespace troupe
