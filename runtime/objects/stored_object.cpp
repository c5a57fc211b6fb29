#include "runtime/objects/stored_object.h"

#include "runtime/wire/fields.h"

namespace troupe {
namespace {

constexpr char mark = '\xc1';  // "Never used" in msgpack.

}  // namespace

template <class Archive>
void fields(Archive& archive, ObjectId& value) {
  archive("object id", value.high, value.low);
}

template <class Archive>
void fields(Archive& archive, StoredObject& value) {
  archive("stored object", value.id, value.store, value.bytes);
}

Bytes to_bytes(const StoredObject& object) { return mark + encode(object); }

std::optional<StoredObject> stored_object_from(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != mark) return std::nullopt;
  auto object = decode<StoredObject>(bytes.substr(1));
  // What is marked and damaged is an object that nobody has.
  return object ? std::move(object).value() : StoredObject{};
}

std::string object_socket_of(const std::string& agent_address) {
  constexpr std::string_view scheme = "ipc://";
  return agent_address.starts_with(scheme) ? agent_address.substr(scheme.size()) + ".objects" : std::string();
}

}  // namespace troupe
