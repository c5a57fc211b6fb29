// What processes ask their object store, whatever it is: the store keeps to its limit, uses memory and disk rightly,
// and has nothing left when all of them have gone. Covers: runtime/objects/store_core.cpp
#include <cstring>

#include "runtime/base/check.h"
#include "tests/fuzz/target.h"
#include "tests/support/fake_shelf.h"

namespace troupe::fuzz {
namespace {

using namespace object_store;

constexpr std::uint64_t limit = 64 << 10;
constexpr ClientNumber clients = 3;

/// One request in the bytes.
struct Asked {
  std::uint8_t client = 0;
  std::uint8_t verb = 0;
  std::uint8_t object = 0;
  std::uint8_t segment = 0;
  std::uint16_t capacity = 0;
  std::uint16_t bytes = 0;
  std::uint8_t flags = 0;  // 1: for another, 2: let go, 4: hands memory over, 8: the disk is full, 16: time passes
  std::uint8_t value_at = 0;
};
static_assert(sizeof(Asked) == 10);

}  // namespace

void run(std::string_view bytes) {
  test::FakeShelf shelf;
  StoreCore core({.limit_bytes = limit, .most_spares = 4, .most_objects = 64}, shelf);
  std::vector<ClientNumber> present;
  ClientNumber last = 0;
  for (; last < clients; present.push_back(last)) core.client_came(++last);
  Time now{};
  for (; bytes.size() >= sizeof(Asked); bytes.remove_prefix(sizeof(Asked))) {
    Asked asked;
    std::memcpy(&asked, bytes.data(), sizeof asked);
    shelf.disk_is_full = (asked.flags & 8) != 0;
    if ((asked.flags & 16) != 0) {
      now += Time(asked.capacity);
      core.tick(now);
    }
    ClientNumber& client = present[asked.client % clients];
    const Request request{.verb = static_cast<Verb>(asked.verb % 10),
                          .number = 1,
                          .object = {1ull + asked.object % clients, 1ull + asked.object / clients},
                          .segment = asked.segment,
                          .capacity = asked.capacity,
                          .bytes = asked.bytes,
                          .value_at = asked.value_at,
                          .is_for_other = static_cast<std::uint16_t>(asked.flags & 1),
                          .is_let_go = static_cast<std::uint16_t>(asked.flags & 2)};
    const SegmentNumber segment = (asked.flags & 4) != 0 ? shelf.make() : 0;
    if (const auto replies = core.take(now, client, request, segment); !replies) {
      if (segment != 0) shelf.remove(segment);
      core.client_gone(client);
      core.client_came(++last);
      client = last;
    }
    TROUPE_CHECK(core.usage().used_bytes <= limit, "the limit holds");
  }
  for (const ClientNumber client : present) core.client_gone(client);
  core.tick(now + Time(60'000));
  const Usage usage = core.usage();
  TROUPE_CHECK(usage.objects == 0 && usage.used_bytes == 0, "nothing is left of those that have gone");
  TROUPE_CHECK(shelf.memory.empty() && shelf.disk.empty(), "neither in memory nor on disk");
}

std::vector<std::string> seeds() {
  std::string all;
  const auto ask = [&](const Asked& asked) { all.append(reinterpret_cast<const char*>(&asked), sizeof asked); };
  constexpr std::uint8_t at = 192;
  for (std::uint8_t i = 1; i <= 30; ++i) {
    const std::uint8_t client = i % clients;
    const auto flags = static_cast<std::uint8_t>(4 | (i % 4 == 0 ? 1 : 0) | (i % 7 == 0 ? 2 : 0));
    ask({.client = client, .verb = 0, .object = client, .capacity = 8192});
    if (i % 6 == 0) ask({.client = 1, .verb = 4, .object = i});  // before it is there
    if (i % 9 == 2) ask({.client = 0, .verb = 6, .object = i});
    ask({.client = client,
         .verb = 2,
         .object = i,
         .segment = i,
         .capacity = 8192,
         .bytes = 8000,
         .flags = flags,
         .value_at = at});
    ask({.client = 1, .verb = i % 3 == 0 ? std::uint8_t{4} : std::uint8_t{3}, .object = i});
    if (i > 8) ask({.client = 2, .verb = 6, .object = static_cast<std::uint8_t>(i - 8)});
    if (i > 10) ask({.client = 2, .verb = 7, .object = static_cast<std::uint8_t>(i - 8)});
    if (i % 5 == 0) ask({.client = client, .verb = 5, .object = i, .capacity = 3000, .flags = 16});
    if (i % 5 == 1 && i > 5)
      ask({.client = client,
           .verb = 2,
           .object = static_cast<std::uint8_t>(99 + client),
           .segment = static_cast<std::uint8_t>(i - 6),
           .capacity = 8192,
           .bytes = 10,
           .value_at = at});
  }
  return {all, all.substr(0, 200)};
}

}  // namespace troupe::fuzz
