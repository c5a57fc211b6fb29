#include "runtime/api/carried.h"

#include <algorithm>
#include <utility>

#include "runtime/base/carried_value.h"
#include "runtime/wire/transport.h"

namespace troupe {
template <class Archive>
void fields(Archive& archive, CarriedWithRefs& value) {
  archive("value with refs", as_bytes(value.around), as_bytes(value.refs));
}

Bytes to_bytes(const CarriedWithRefs& value) { return refs_mark + encode(value); }

std::optional<CarriedWithRefs> carried_with_refs_from(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != refs_mark) return std::nullopt;
  auto value = decode<CarriedWithRefs>(bytes.substr(1), {.array_length = most_refs, .string_bytes = bytes.size()});
  // What is damaged is no value at all.
  if (!value) return CarriedWithRefs{};
  return std::move(value).value();
}

namespace {

/// How often Refs lead on to values with Refs; more than `deepest_refs` are not counted.
int depth_of(std::string_view bytes, int above = 0) {
  const auto with_refs = above <= deepest_refs ? carried_with_refs_from(bytes) : std::nullopt;
  if (!with_refs) return above;
  int deepest = above + 1;
  for (const Bytes& each : with_refs->refs) deepest = std::max(deepest, depth_of(each, above + 1));
  return deepest;
}

}  // namespace

void measure(RefsInside& inside) {
  inside.depth = 1;
  inside.ways = inside.refs.size();
  for (const auto& ref : inside.refs) {
    if (!ref->inside) continue;
    inside.depth = std::max(inside.depth, 1 + ref->inside->depth);
    inside.ways = std::min(most_ways + 1, inside.ways + ref->inside->ways);
  }
}

namespace {

std::string flaw_of_depth(int depth) {
  if (depth <= deepest_refs) return {};
  return "Refs lead on to Refs " + std::to_string(depth) + " times, at most " + std::to_string(deepest_refs) +
         " can be handed over";
}

}  // namespace

std::string flaw_of(const RefsInside& inside) {
  if (inside.ways > most_ways)
    return "Refs lead on to Refs on more than " + std::to_string(most_ways) + " ways, which is too many";
  return flaw_of_depth(inside.depth);
}

std::string flaw_of(const CarriedWithRefs& value) {
  if (value.refs.size() > most_refs)
    return "a value has " + std::to_string(value.refs.size()) + " Refs in it, at most " + std::to_string(most_refs) +
           " can be handed over";
  std::size_t bytes = value.around.size();
  int deepest = 1;
  for (const Bytes& each : value.refs) {
    bytes += each.size();
    deepest = std::max(deepest, depth_of(each, 1));
  }
  if (bytes > most_inline_bytes)
    return "a value and what Refs in it name have " + std::to_string(bytes) +
           " bytes together that lie in no store, at most " + std::to_string(most_inline_bytes) + " can be handed over";
  return flaw_of_depth(deepest);
}

bool lies_elsewhere(std::string_view bytes) {
  return !bytes.empty() && (bytes.front() == stored_value_mark || bytes.front() == refs_mark);
}

std::string_view around_refs(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != refs_mark) return bytes;
  Decoder decoder(bytes.substr(1), value_limits);
  decoder.enter_array();
  return decoder.bytes();
}

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

namespace {

void take_in(Object& object, ObjectClient* objects, bool takes_over, int depth) {
  const auto* bytes = std::get_if<Bytes>(&object.outcome);
  if (bytes == nullptr || !lies_elsewhere(*bytes)) return;
  const auto hold = [&](std::string_view carried) {
    const auto stored = objects != nullptr ? stored_object_from(carried) : std::nullopt;
    return stored ? objects->hold(*stored, takes_over) : nullptr;
  };
  object.hold = hold(around_refs(*bytes));
  auto with_refs = depth < deepest_refs ? carried_with_refs_from(*bytes) : std::nullopt;
  if (!with_refs) return;
  object.inside = std::make_unique<RefsInside>();
  for (Bytes& each : with_refs->refs) {
    auto& ref = object.inside->refs.emplace_back(std::make_shared<Object>(object.name(), std::nullopt));
    ref->outcome = std::move(each);
    take_in(*ref, objects, takes_over, depth + 1);
  }
  measure(*object.inside);
}

void leave_for_other(std::string_view bytes, ObjectClient* objects, int depth) {
  if (const auto stored = stored_object_from(around_refs(bytes))) objects->leave(*stored);
  const auto with_refs = depth < deepest_refs ? carried_with_refs_from(bytes) : std::nullopt;
  if (!with_refs) return;
  for (const Bytes& each : with_refs->refs) leave_for_other(each, objects, depth + 1);
}

}  // namespace

void take_in(Object& object, ObjectClient* objects, bool takes_over) { take_in(object, objects, takes_over, 0); }

void add_holds(const Object& object, std::vector<std::shared_ptr<const ObjectHold>>& holds) {
  if (object.hold) holds.push_back(object.hold);
  if (!object.inside) return;
  for (const auto& ref : object.inside->refs) add_holds(*ref, holds);
}

void leave_for_other(std::string_view bytes, ObjectClient* objects) {
  if (objects != nullptr) leave_for_other(bytes, objects, 0);
}

Result<Payload> fetch(std::string_view bytes, ObjectClient* objects, Handed handed) {
  bytes = around_refs(bytes);
  const auto stored = stored_object_from(bytes);
  if (!stored) return Payload{bytes, nullptr, std::move(handed)};
  if (objects == nullptr)
    return Error{Fault::unavailable, "it lies in the store of objects at " + stored->store + ", which is not here"};
  auto payload = objects->open(*stored);
  if (payload) payload->handed = std::move(handed);
  return payload;
}

}  // namespace troupe
