// What travels for a value: its bytes where they are few, else the name of the object that holds them.
#pragma once

#include <memory>
#include <string_view>

#include "runtime/api/value.h"
#include "runtime/objects/object_client.h"

namespace troupe {

/// Values up to here travel inside messages where there is a store for larger ones.
inline constexpr std::size_t small_value_bytes = 64u << 10;

struct Carried {
  Bytes bytes;
  std::shared_ptr<const ObjectHold> hold;  ///< Where it was put for this process itself.
};

/// Puts a large value into the store of this node; where there is none, up to 32 MiB travel inside.
///
/// Fails with: bad_input (too large to travel inside), unavailable (the store is full, or there is no memory).
Result<Carried> carry(EncodedValue value, ObjectClient* objects, ObjectClient::For whom);

/// The bytes that were carried: `bytes` themselves, or those of the object that they name.
///
/// Fails with: what ObjectClient::open fails with; unavailable (there is no way to the store from here).
Result<Payload> fetch(std::string_view bytes, ObjectClient* objects);

}  // namespace troupe
