// What travels for a value: its bytes where they are few, else the name of the object that holds them; with Refs in it
// also what travels for the values that they name.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/api/object.h"
#include "runtime/api/value.h"
#include "runtime/objects/object_client.h"

namespace troupe {

/// Values up to here travel inside messages where there is a store for larger ones.
inline constexpr std::size_t small_value_bytes = 64u << 10;

inline constexpr std::uint32_t most_refs = 65'536;    ///< In a value.
inline constexpr int deepest_refs = 32;               ///< Refs to values with Refs.
inline constexpr std::uint64_t most_ways = 1u << 20;  ///< By Refs in values to values: each is gone when one was lost.

struct Carried {
  Bytes bytes;
  std::shared_ptr<const ObjectHold> hold;  ///< Where it was put for this process itself.
};

/// Puts a large value into the store of this node; where there is none, up to 32 MiB travel inside. Of a value with
/// Refs: what stands around these.
///
/// Fails with: bad_input (too large to travel inside), unavailable (the store is full, or there is no memory).
Result<Carried> carry(EncodedValue value, ObjectClient* objects, ObjectClient::For whom);

/// A value with Refs in it on its way.
struct CarriedWithRefs {
  Bytes around;             ///< What travels for the value itself.
  std::vector<Bytes> refs;  ///< What travels for those that they name, by their numbers.
};
Bytes to_bytes(const CarriedWithRefs& value);
/// Nullopt: there are no Refs in it.
std::optional<CarriedWithRefs> carried_with_refs_from(std::string_view bytes);
/// Why it cannot be handed over; empty: it can.
std::string flaw_of(const CarriedWithRefs& value);

/// Finds its `depth` and `ways`, of those of what its Refs name.
void measure(RefsInside& inside);
/// Why it cannot be handed over, as far as is known before all that its Refs name is there; empty: it can.
std::string flaw_of(const RefsInside& inside);

/// Whether there is more to it than these bytes.
bool lies_elsewhere(std::string_view bytes);

/// What travels for the value itself, a part of `bytes`: all of it where there are no Refs.
std::string_view around_refs(std::string_view bytes);

/// Makes an object that has its bytes ready to be looked at: holds what lies in stores, and knows what the Refs in it
/// name. `takes_over`: this process is the one for whom it was put or left there. `objects`: nullptr where there is no
/// way to others' values.
void take_in(Object& object, ObjectClient* objects, bool takes_over);

/// What keeps it, and all that its Refs lead to, in stores.
void add_holds(const Object& object, std::vector<std::shared_ptr<const ObjectHold>>& holds);

/// What lies in stores stays for the one to whom this is sent. Requires: this process holds it.
void leave_for_other(std::string_view bytes, ObjectClient* objects);

/// The bytes that were carried: `bytes` themselves, or those of the object that they name. Of a value with Refs:
/// `handed` is what these name.
///
/// Fails with: what ObjectClient::open fails with; unavailable (there is no way to the store from here).
Result<Payload> fetch(std::string_view bytes, ObjectClient* objects, Handed handed = {});

}  // namespace troupe
