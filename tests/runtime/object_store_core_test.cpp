// What the object store of a node decides, with a shelf that only counts.
#include <map>
#include <random>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/objects/store_core.h"
#include "tests/support/fake_shelf.h"

namespace troupe::object_store {
namespace {

constexpr std::uint64_t mib = 1u << 20;

/// A store of 10 MiB, spoken to by clients 1, 2, …
struct Store {
  explicit Store(Settings settings = {.limit_bytes = 10 * mib}) : core(settings, shelf) {
    for (ClientNumber client : {1, 2, 3}) core.client_came(client);
  }

  std::vector<Reply> ask(ClientNumber client, Request request, SegmentNumber segment = 0) {
    auto replies = core.take(now, client, request, segment);
    REQUIRE(replies);
    return *replies;
  }
  Outcome first(ClientNumber client, const Request& request) {
    const auto replies = ask(client, request);
    for (const Reply& reply : replies)
      if (reply.to == client && reply.answer.number == request.number && request.number != 0)
        return reply.answer.outcome;
    FAIL("no answer");
    return Outcome::lost;
  }
  Outcome reserve(ClientNumber client, std::uint64_t capacity) {
    return first(client, {.verb = Verb::reserve, .number = ++requests, .object = {client, 0}, .capacity = capacity});
  }
  /// An object of `capacity` bytes with its segment.
  std::vector<Reply> put(ClientNumber client, ObjectId object, std::uint64_t capacity, bool is_for_other = false) {
    return ask(client,
               {.verb = Verb::put,
                .object = object,
                .segment = ++segments,
                .capacity = capacity,
                .bytes = capacity - body_at,
                .value_at = body_at,
                .is_for_other = is_for_other},
               shelf.make());
  }
  void keep(ClientNumber client, ObjectId object, std::uint64_t capacity) {
    REQUIRE(reserve(client, capacity) == Outcome::granted);
    put(client, object, capacity);
  }
  Outcome open(ClientNumber client, ObjectId object) {
    return first(client, {.verb = Verb::open, .number = ++requests, .object = object});
  }
  void tell(ClientNumber client, Verb verb, ObjectId object) { ask(client, {.verb = verb, .object = object}); }

  test::FakeShelf shelf;
  StoreCore core;
  Time now{1};
  std::uint64_t requests = 0;
  std::uint64_t segments = 0;
};

TEST_CASE("so many segments are in memory as there may be descriptors, the others on disk") {
  Store store({.limit_bytes = 10 * mib, .most_segments = 2});
  for (std::uint64_t number = 1; number <= 3; ++number) store.keep(1, {1, number}, 1 * mib);
  CHECK(store.core.usage().objects == 3);
  CHECK(store.core.usage().on_disk == 1);
  CHECK(store.open(2, {1, 1}) == Outcome::opened);
  CHECK(store.open(2, {1, 3}) == Outcome::opened);
  CHECK(store.reserve(1, 1 * mib) != Outcome::granted);  // Somebody looks at both.
  CHECK(store.shelf.memory.size() == 2);
}

TEST_CASE("an object is there until its last holder lets go") {
  Store store;
  store.keep(1, {1, 1}, 1 * mib);
  store.tell(2, Verb::hold, {1, 1});
  store.tell(1, Verb::drop, {1, 1});
  CHECK(store.open(3, {1, 1}) == Outcome::opened);
  store.tell(2, Verb::drop, {1, 1});
  CHECK(store.open(2, {1, 1}) == Outcome::opened);  // somebody looks at it
  store.tell(2, Verb::close, {1, 1});
  store.tell(3, Verb::close, {1, 1});
  CHECK(store.open(2, {1, 1}) == Outcome::lost);
  CHECK(store.core.usage().objects == 0);
}

TEST_CASE("what a process held and looked at ends with it") {
  Store store;
  store.keep(1, {1, 1}, 1 * mib);
  store.keep(1, {1, 2}, 1 * mib);
  store.tell(2, Verb::hold, {1, 2});
  CHECK(store.open(1, {1, 1}) == Outcome::opened);
  CHECK(store.reserve(1, 2 * mib) == Outcome::granted);
  store.core.client_gone(1);
  CHECK(store.core.usage().objects == 1);
  CHECK(store.core.usage().used_bytes == 1 * mib);
  CHECK(store.shelf.memory.size() == 1);
  CHECK(store.open(2, {1, 2}) == Outcome::opened);
}

TEST_CASE("what was put for somebody else waits for that one a minute") {
  Store store;
  for (std::uint64_t i : {1, 2}) {
    REQUIRE(store.reserve(1, mib) == Outcome::granted);
    store.put(1, {1, i}, mib, true);
  }
  store.tell(2, Verb::take_over, {1, 1});
  store.core.client_gone(1);
  CHECK(store.core.next_deadline() == Time(60'001));
  store.core.tick(Time(60'000));
  CHECK(store.core.usage().objects == 2);
  store.core.tick(Time(60'001));
  CHECK(store.core.usage().objects == 1);
  store.tell(2, Verb::drop, {1, 1});
  CHECK(store.core.usage().objects == 0);
}

TEST_CASE("what is asked of an object that is on its way waits for it") {
  Store store;
  REQUIRE(store.reserve(1, mib) == Outcome::granted);
  REQUIRE(store.reserve(1, mib) == Outcome::granted);
  // 2 heard of it from 1 before 1's put is read.
  store.tell(2, Verb::take_over, {1, 1});
  CHECK(store.ask(2, {.verb = Verb::open, .number = 71, .object = {1, 1}}).empty());
  store.tell(3, Verb::hold, {1, 1});
  const auto replies = store.put(1, {1, 1}, mib, true);
  REQUIRE(replies.size() == 1);
  CHECK((replies[0].to == 2 && replies[0].answer.number == 71 && replies[0].answer.outcome == Outcome::opened));
  store.tell(2, Verb::close, {1, 1});
  store.tell(2, Verb::drop, {1, 1});
  CHECK(store.core.usage().objects == 1);
  store.tell(3, Verb::drop, {1, 1});
  CHECK(store.core.usage().objects == 0);
  CHECK(store.open(2, {1, 1}) == Outcome::lost);  // it was here
  // Who asked has gone when it comes.
  store.tell(3, Verb::hold, {1, 2});
  store.core.client_gone(3);
  store.put(1, {1, 2}, mib, true);
  store.core.tick(Time(60'001));
  CHECK(store.core.usage().objects == 0);
}

TEST_CASE("an object whose writer went before it put it is lost") {
  Store store;
  REQUIRE(store.reserve(1, mib) == Outcome::granted);
  CHECK(store.ask(2, {.verb = Verb::open, .number = 71, .object = {1, 1}}).empty());
  const auto replies = store.core.client_gone(1);
  REQUIRE(replies.size() == 1);
  CHECK((replies[0].to == 2 && replies[0].answer.outcome == Outcome::lost));
  CHECK(store.open(2, {1, 2}) == Outcome::lost);
}

TEST_CASE("who uses the ids of one that has gone holds up nobody who looks at what that one put") {
  Store store;
  store.keep(1, {1, 1}, 1 * mib);
  store.tell(2, Verb::hold, {1, 1});
  store.core.client_gone(1);
  const Request same_ids{.verb = Verb::reserve, .number = 99, .object = {1, 0}, .capacity = mib};
  CHECK(store.first(3, same_ids) == Outcome::granted);
  CHECK(store.open(2, {1, 1}) == Outcome::opened);
  store.core.client_gone(3);
  CHECK(store.open(2, {1, 1}) == Outcome::opened);
}

TEST_CASE("only so many requests of one process wait for what is on its way") {
  test::FakeShelf shelf;
  StoreCore core({.limit_bytes = mib, .most_early = 2}, shelf);
  for (ClientNumber client : {1, 2}) core.client_came(client);
  REQUIRE(core.take(Time(0), 1, {.verb = Verb::reserve, .object = {1, 0}, .capacity = 4096}, 0));
  for (const bool is_taken : {true, true, false})
    CHECK(core.take(Time(0), 2, {.verb = Verb::hold, .object = {1, 5}}, 0).has_value() == is_taken);
  core.client_gone(2);
  core.client_gone(1);
}

TEST_CASE("where room is short the least recently used objects go to disk and come back") {
  Store store;
  for (std::uint64_t i = 1; i <= 10; ++i) store.keep(1, {1, i}, mib);
  CHECK(store.open(2, {1, 1}) == Outcome::opened);
  store.tell(2, Verb::close, {1, 1});
  store.keep(1, {1, 11}, mib);
  CHECK(store.shelf.disk == std::set<ObjectId>{{1, 2}});  // {1, 1} was used later
  CHECK(store.core.usage().used_bytes == 10 * mib);
  CHECK(store.open(2, {1, 2}) == Outcome::opened);
  CHECK(store.shelf.disk == std::set<ObjectId>{{1, 2}, {1, 3}});
  CHECK(store.core.usage().on_disk == 1);
  store.tell(1, Verb::drop, {1, 2});
  store.tell(2, Verb::close, {1, 2});
  CHECK(store.shelf.disk == std::set<ObjectId>{{1, 3}});
}

TEST_CASE("what somebody looks at keeps its memory, and the refusal says how much that is") {
  Store store;
  for (std::uint64_t i = 1; i <= 10; ++i) store.keep(1, {1, i}, mib);
  for (std::uint64_t i = 1; i <= 8; ++i) REQUIRE(store.open(2, {1, i}) == Outcome::opened);
  const auto replies = store.ask(1, {.verb = Verb::reserve, .number = 77, .object = {1, 0}, .capacity = 3 * mib});
  const Answer& refused = replies.back().answer;
  CHECK(refused.outcome == Outcome::refused);
  CHECK(refused.in_use == 8 * mib);
  CHECK(refused.limit == 10 * mib);
  store.shelf.disk_is_full = true;
  CHECK(store.reserve(3, 3 * mib) == Outcome::refused);
}

TEST_CASE("memory of an object that is gone is its writer's again") {
  Store store;
  store.keep(1, {1, 1}, 4 * mib);
  const auto replies = store.ask(1, {.verb = Verb::drop, .object = {1, 1}});
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].answer.outcome == Outcome::spare);
  CHECK(replies[0].answer.segment == 1);
  CHECK(store.core.usage().spare_bytes == 4 * mib);
  // Without a reservation, and without handing anything over.
  store.ask(1,
            {.verb = Verb::put, .object = {1, 2}, .segment = 1, .capacity = 4 * mib, .bytes = 5, .value_at = body_at});
  CHECK(store.core.usage().spare_bytes == 0);
  CHECK(store.open(2, {1, 2}) == Outcome::opened);
}

TEST_CASE("spare memory goes when it is not used for long, or when others need it") {
  Store store;
  store.keep(1, {1, 1}, 4 * mib);
  store.keep(1, {1, 2}, 4 * mib);
  store.tell(1, Verb::drop, {1, 1});
  store.tell(1, Verb::drop, {1, 2});
  CHECK(store.reserve(2, 4 * mib) == Outcome::granted);
  CHECK(store.core.usage().spare_bytes == 4 * mib);
  CHECK(store.shelf.disk.empty());
  const auto replies = store.core.tick(store.now + Time(5'000));
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].answer.outcome == Outcome::gone);
  CHECK(store.core.usage().spare_bytes == 0);
  CHECK(store.shelf.memory.empty());
}

TEST_CASE("spare memory whose writer was faster than the store stays") {
  Store store;
  store.keep(1, {1, 1}, 4 * mib);
  store.tell(1, Verb::drop, {1, 1});
  store.shelf.taken_by_writer = store.shelf.memory;
  CHECK(store.reserve(2, 8 * mib) == Outcome::refused);
  store.core.tick(Time(5'001));
  CHECK(store.core.next_deadline() > Time(5'001));  // it does not spin
  store.shelf.taken_by_writer.clear();
  store.ask(1,
            {.verb = Verb::put, .object = {1, 2}, .segment = 1, .capacity = 4 * mib, .bytes = 5, .value_at = body_at});
  CHECK(store.open(2, {1, 2}) == Outcome::opened);
}

TEST_CASE("who breaks the rules is told so") {
  Store store;
  store.keep(1, {1, 1}, mib);
  const auto is_refused = [&](const Request& request, SegmentNumber segment) {
    const auto replies = store.core.take(store.now, 2, request, segment);
    return !replies && replies.error().fault == Fault::corrupt;
  };
  Request put{.verb = Verb::put, .object = {2, 1}, .segment = 1, .capacity = mib, .bytes = 5, .value_at = body_at};
  CHECK(is_refused(put, 99));  // nothing was reserved
  REQUIRE(store.reserve(2, mib) == Outcome::granted);
  CHECK(is_refused(put, 0));  // nothing is handed over
  auto wrong = put;
  wrong.bytes = ~0ull;
  CHECK(is_refused(wrong, 99));
  wrong = put;
  wrong.value_at = 0;
  CHECK(is_refused(wrong, 99));
  wrong = put;
  wrong.object = {1, 1};
  CHECK(is_refused(wrong, 99));
  wrong = put;
  wrong.version = 9;
  CHECK(is_refused(wrong, 99));
  CHECK(is_refused({.verb = Verb::give_back, .capacity = 2 * mib}, 0));
  CHECK(is_refused({.verb = static_cast<Verb>(77)}, 0));
  CHECK(is_refused({.verb = Verb::hold}, 99));
  CHECK(is_refused({.verb = Verb::reserve, .object = {1, 0}, .capacity = mib}, 0));
  CHECK(is_refused({.verb = Verb::reserve, .capacity = mib}, 0));
  // What it never had changes nothing.
  store.tell(2, Verb::drop, {1, 1});
  store.tell(2, Verb::close, {1, 1});
  CHECK(store.open(3, {1, 1}) == Outcome::opened);
}

/// What has to hold whatever happens: counted here, apart from the core.
TEST_CASE("any order of requests keeps the limit, and keeps what is held") {
  const auto seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u);
  CAPTURE(seed);
  std::mt19937 random(seed);
  Store store;
  struct Seen {
    std::map<ObjectId, int> held, opened;
  };
  std::map<ClientNumber, Seen> clients{{1, {}}, {2, {}}, {3, {}}};
  ClientNumber last_client = 3;
  std::vector<ObjectId> objects;
  std::uint64_t last_object = 0;
  int kept = 0, early = 0;
  for (int step = 0; step < 20'000; ++step) {
    store.now += Time(random() % 40);
    store.shelf.disk_is_full = random() % 10 == 0;
    auto at = clients.begin();
    std::advance(at, random() % clients.size());
    auto& [client, seen] = *at;
    const std::uint64_t capacity = (1 + random() % 12) * mib / 4;
    switch (random() % 9) {
      case 0:
      case 1:
        if (store.reserve(client, capacity) == Outcome::granted) {
          const bool is_for_other = random() % 3 == 0;
          const ObjectId object{client, ++last_object};
          // Others have heard of it before its put is read.
          for (auto& [other, theirs] : clients) {
            if (other == client || random() % 4 != 0) continue;
            store.tell(other, Verb::take_over, object);
            ++theirs.held[object];
            ++early;
          }
          store.put(client, object, capacity, is_for_other);
          objects.push_back(object);
          if (!is_for_other) ++seen.held[object];
          ++kept;
        }
        break;
      case 2:
      case 3:
        if (!objects.empty()) {
          const ObjectId object = objects[random() % objects.size()];
          const Outcome outcome = store.open(client, object);
          bool is_anybodys = false;
          for (const auto& [other, theirs] : clients)
            is_anybodys = is_anybodys || theirs.held.contains(object) || theirs.opened.contains(object);
          if (is_anybodys) REQUIRE(outcome != Outcome::lost);
          if (outcome == Outcome::opened) ++seen.opened[object];
        }
        break;
      case 4:
      case 5:
      case 6: {
        auto& counts = random() % 2 == 0 ? seen.held : seen.opened;
        if (counts.empty()) break;
        const ObjectId object = counts.begin()->first;
        store.tell(client, &counts == &seen.held ? Verb::drop : Verb::close, object);
        if (--counts[object] == 0) counts.erase(object);
        break;
      }
      case 7: store.core.tick(store.now); break;
      case 8:
        if (random() % 20 != 0) break;
        store.core.client_gone(client);
        clients.erase(at);
        store.core.client_came(++last_client);
        clients[last_client];
        break;
    }
    if (objects.size() > 60) objects.erase(objects.begin());
    const Usage usage = store.core.usage();
    REQUIRE(usage.used_bytes <= 10 * mib);
    REQUIRE(usage.on_disk <= store.shelf.disk.size());
  }
  CHECK(kept > 1000);
  CHECK(early > 100);
  for (const auto& [client, seen] : clients) store.core.client_gone(client);
  store.core.tick(store.now + Time(60'000));
  CHECK(store.core.usage().objects == 0);
  CHECK(store.core.usage().used_bytes == 0);
  CHECK(store.shelf.memory.empty());
  CHECK(store.shelf.disk.empty());
}

TEST_CASE("what is left for somebody else stays as often as it was left, or a minute") {
  Store store;
  store.keep(1, {1, 1}, 1 * mib);
  store.tell(1, Verb::leave, {1, 1});
  store.tell(1, Verb::leave, {1, 1});
  store.tell(1, Verb::drop, {1, 1});
  for (int i = 0; i < 2; ++i) {
    CHECK(store.core.usage().objects == 1);
    store.tell(2, Verb::take_over, {1, 1});
    store.tell(2, Verb::drop, {1, 1});
  }
  CHECK(store.core.usage().objects == 0);
  store.keep(1, {1, 2}, 1 * mib);
  store.tell(1, Verb::leave, {1, 2});
  store.core.client_gone(1);
  CHECK(store.core.usage().objects == 1);
  store.core.tick(Time(60'001));
  CHECK(store.core.usage().objects == 0);
}

TEST_CASE("who takes over what is left for him may be heard before that is left") {
  Store store;
  store.keep(1, {1, 1}, 1 * mib);
  store.tell(2, Verb::take_over, {1, 1});
  store.tell(1, Verb::leave, {1, 1});
  store.tell(1, Verb::drop, {1, 1});
  CHECK(store.core.usage().objects == 1);
  store.tell(2, Verb::drop, {1, 1});
  CHECK(store.core.usage().objects == 0);
}

}  // namespace
}  // namespace troupe::object_store
