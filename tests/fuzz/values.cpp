// What travels for a value, whatever it is: nothing is taken from outside the bytes, Refs lead on no further than was
// said, and what is damaged is a fault or an object that nobody has. Covers: runtime/api/carried.cpp
// runtime/objects/stored_object.cpp
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/api/carried.h"
#include "runtime/base/check.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

using Tables = std::pair<std::map<std::string, std::byte>, std::variant<std::monostate, std::set<int>>>;
using Nested = std::vector<std::pair<std::string, std::variant<int, std::vector<std::optional<double>>>>>;

template <class T>
void decode_and_encode(const Payload& payload) {
  const auto value = decode_value<T>(payload);
  if (!value) return;
  const Bytes again = encode_value(*value);
  const auto same = decode_value<T>(Payload{again, nullptr, {}});
  TROUPE_CHECK(same && encode_value(*same) == again, "what was decoded travels on as it is");
}

/// Which have Refs: `bytes` and those that its Refs lead to.
int depth_of(const Object& object) {
  int deepest = 0;
  if (object.inside)
    for (const auto& ref : object.inside->refs) deepest = std::max(deepest, 1 + depth_of(*ref));
  return deepest;
}

/// Where there is no store what lies in one is lost, and what is put there travels inside messages.
void find_nowhere(std::string_view bytes) {
  ObjectClient nowhere([] { return std::string(); });
  Object object("any", std::nullopt);
  object.outcome = Bytes(bytes);
  take_in(object, &nowhere, true);
  std::vector<std::shared_ptr<const ObjectHold>> holds;
  add_holds(object, holds);
  for (const auto& hold : holds) TROUPE_CHECK(hold->is_lost(), "its store is not there");
  leave_for_other(bytes, &nowhere);
  const bool is_stored = stored_object_from(around_refs(bytes)).has_value();
  TROUPE_CHECK(fetch(bytes, &nowhere).has_value() != is_stored, "it is lost, or was never there");
  static const std::string body(small_value_bytes, 'b');
  const auto carried = carry({.head = Bytes(bytes), .body = body}, &nowhere, ObjectClient::For::self);
  TROUPE_CHECK(carried && carried->bytes == Bytes(bytes) + body, "it is carried as it is");
  TROUPE_CHECK(object_socket_of("ipc://" + Bytes(bytes)) == Bytes(bytes) + ".objects", "a store is beside its agent");
}

}  // namespace

void run(std::string_view bytes) {
  const std::string_view around = around_refs(bytes);
  TROUPE_CHECK(around.empty() || (around.data() >= bytes.data() && around.end() <= bytes.end()), "a part of the bytes");
  if (const auto with_refs = carried_with_refs_from(bytes)) {
    if (flaw_of(*with_refs).empty()) {
      const auto again = carried_with_refs_from(to_bytes(*with_refs));
      TROUPE_CHECK(again && again->around == with_refs->around && again->refs == with_refs->refs, "it travels on");
    }
  }
  Object object("any", std::nullopt);
  object.outcome = Bytes(bytes);
  take_in(object, nullptr, false);
  TROUPE_CHECK(depth_of(object) <= deepest_refs, "Refs lead on no further");
  std::vector<std::shared_ptr<const ObjectHold>> holds;
  add_holds(object, holds);
  TROUPE_CHECK(holds.empty(), "nothing is held where there is no store");
  if (object.inside)
    TROUPE_CHECK(flaw_of(*object.inside).empty() == (object.inside->ways <= most_ways), "ways are counted");
  leave_for_other(bytes, nullptr);
  find_nowhere(bytes);
  const auto payload = fetch(bytes, nullptr);
  if (!payload) return;
  decode_and_encode<Nested>(*payload);
  decode_and_encode<std::vector<float>>(*payload);
  decode_and_encode<SharedArray<float>>(*payload);
  decode_and_encode<std::array<std::int16_t, 3>>(*payload);
  decode_and_encode<std::string>(*payload);
  decode_and_encode<Tables>(*payload);
  decode_and_encode<std::vector<std::byte>>(*payload);
}

std::vector<std::string> seeds() {
  const Bytes nested = encode_value(Nested{{"a", 1}, {"b", std::vector<std::optional<double>>{0.5, std::nullopt}}});
  const Bytes stored = to_bytes(StoredObject{.id = {1, 2}, .store = "/tmp/agent.sock.objects", .bytes = 100'000});
  std::vector<std::string> all{nested,
                               stored,
                               encode_value(std::vector<float>{1, 2, 3}),
                               encode_value(std::string("text")),
                               encode_value(Tables{{{"a", std::byte{7}}}, std::set<int>{1, 2}}),
                               encode_value(Tables{{}, std::monostate()}),
                               to_bytes(CarriedWithRefs{nested, {stored, nested}}),
                               to_bytes(CarriedWithRefs{stored, {stored}})};
  Bytes deep = nested;
  for (int i = 0; i <= deepest_refs; ++i) deep = to_bytes(CarriedWithRefs{nested, {deep}});
  all.push_back(deep);
  return all;
}

}  // namespace troupe::fuzz
