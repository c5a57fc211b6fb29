#include "runtime/objects/stored_object.h"

#include <algorithm>

#include "runtime/base/carried_value.h"
#include "runtime/wire/fields.h"

namespace troupe {

template <class Archive>
void fields(Archive& archive, ObjectId& value) {
  archive("object id", value.high, value.low);
}

template <class Archive>
void fields(Archive& archive, StoredObject& value) {
  archive("stored object", value.id, value.store);
}

Bytes to_bytes(const StoredObject& object) { return stored_value_head(object.bytes) + encode(object); }

std::optional<StoredObject> stored_object_from(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != stored_value_mark) return std::nullopt;
  const std::size_t head_bytes = stored_value_head(0).size();
  auto object = decode<StoredObject>(bytes.substr(std::min(head_bytes, bytes.size())));
  // What is marked and damaged is an object that nobody has.
  if (!object) return StoredObject{};
  object->bytes = value_bytes(bytes);
  return std::move(object).value();
}

std::string object_socket_of(const std::string& agent_address) {
  constexpr std::string_view scheme = "ipc://";
  return agent_address.starts_with(scheme) ? agent_address.substr(scheme.size()) + ".objects" : std::string();
}

}  // namespace troupe
