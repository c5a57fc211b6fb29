// CRC-32C (Castagnoli): finds every flipped bit, and every burst of up to 32 of them, in a stored record.
#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// The checksum of `bytes`; with `before`, of the bytes that gave `before` followed by these.
///
/// Source: RFC 3720, appendix B.4.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

/// The same on a processor that has no instruction for it.
std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t before = 0);

}  // namespace troupe
