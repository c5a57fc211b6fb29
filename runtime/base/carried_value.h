// What travels for a value: its encoded bytes, or, where it lies in a node's store, a mark with which no encoded value
// begins, how many bytes it has, and where it lies (runtime/objects/stored_object.h).
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace troupe {

inline constexpr char stored_value_mark = '\xc1';  // "Never used" in msgpack.
/// Of a value with Refs in it: itself and what travels for what they name follow (runtime/api/carried.h).
inline constexpr char refs_mark = '\xd4';  // An extension's in msgpack: no value here is one.

/// What stands before the name of a stored value.
inline std::string stored_value_head(std::uint64_t bytes) {
  std::string head(1 + sizeof bytes, stored_value_mark);
  std::memcpy(head.data() + 1, &bytes, sizeof bytes);
  return head;
}

/// How many bytes the value has for which this travels.
inline std::uint64_t value_bytes(std::string_view carried) {
  std::uint64_t bytes = 0;
  if (carried.size() <= sizeof bytes || carried.front() != stored_value_mark) return carried.size();
  std::memcpy(&bytes, carried.data() + 1, sizeof bytes);
  return bytes;
}

}  // namespace troupe
