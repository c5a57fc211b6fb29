// Where a value lies that is too large to travel inside messages: what travels instead of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/ids.h"
#include "runtime/base/task_spec.h"

namespace troupe {

/// Names one object of a node's store. The first half is of who made it.
struct ObjectId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};

struct StoredObject {
  ObjectId id;
  std::string store;  ///< The socket of the store that keeps it.
  std::uint64_t bytes = 0;
  friend bool operator==(const StoredObject&, const StoredObject&) = default;
};

/// As a value among others (runtime/base/carried_value.h).
Bytes to_bytes(const StoredObject& object);

/// Nullopt: the bytes are a value themselves.
std::optional<StoredObject> stored_object_from(std::string_view bytes);

/// The socket of the object store beside an agent's own address; empty: there is none.
std::string object_socket_of(const std::string& agent_address);

}  // namespace troupe
