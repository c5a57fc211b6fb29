#include "runtime/api/carried.h"

#include "runtime/wire/transport.h"

namespace troupe {

Result<Carried> carry(EncodedValue value, ObjectClient* objects, ObjectClient::For whom) {
  const std::size_t bytes = value.size();
  if (bytes <= small_value_bytes) return Carried{std::move(value).joined(), nullptr};
  if (objects != nullptr) {
    // The head of an array stands before its numbers; of anything else all are one piece.
    const bool is_one_piece = value.body.empty();
    auto put = is_one_piece ? objects->put({}, value.head, whom) : objects->put(value.head, value.body, whom);
    if (put) return Carried{to_bytes(put->object), std::move(put->hold)};
    if (put.error().fault != Fault::peer_lost || bytes > most_inline_bytes) return put.error();
  }
  if (bytes > most_inline_bytes)
    return Error{Fault::bad_input, std::to_string(bytes) + " bytes are too many to travel inside a message, at most " +
                                       std::to_string(most_inline_bytes) + ", and there is no store of objects here"};
  return Carried{std::move(value).joined(), nullptr};
}

Result<Payload> fetch(std::string_view bytes, ObjectClient* objects) {
  const auto stored = stored_object_from(bytes);
  if (!stored) return Payload{bytes, nullptr};
  if (objects == nullptr)
    return Error{Fault::unavailable, "it lies in the store of objects at " + stored->store + ", which is not here"};
  return objects->open(*stored);
}

}  // namespace troupe
