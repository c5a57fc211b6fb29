// The index over nodes against the plain way: look at each.
#include <deque>
#include <map>

#include <catch2/catch.hpp>

#include "scheduler/core/room_index.h"
#include "scheduler/simulation/dice.h"

using namespace troupe;
using namespace troupe::scheduler;

namespace {

Resources draw_needs(sim::Dice& dice) {
  Resources needs{.cpus = dice.between(0, 4) * 500};
  if (dice.chance(500)) needs.gpus = dice.chance(500) ? dice.between(1, 3) * 300 : dice.between(1, 2) * 1000;
  if (dice.chance(300)) needs.memory_bytes = dice.between(1, 4) * 100;
  if (dice.chance(200)) needs.gpu_memory_bytes = dice.between(1, 10) * 100;
  if (dice.chance(200)) needs.labels = {{"disk", "fast"}};
  if (dice.chance(200)) needs.named = {{"license", 1000}};
  return needs;
}

NodeCapacity draw_node(sim::Dice& dice) {
  NodeCapacity node{.cpus = dice.between(1, 4) * 1000, .memory_bytes = dice.between(1, 5) * 100};
  for (std::uint32_t i = 0; i < dice.between<std::uint32_t>(0, 3); ++i)
    node.gpus.push_back({.index = i, .uuid = "g", .memory_bytes = dice.between(1, 10) * 100});
  if (dice.chance(300)) node.labels = {{"disk", "fast"}};
  if (dice.chance(300)) node.named = {{"license", dice.between(1, 2) * 1000}};
  return node;
}

std::vector<std::uint64_t> ids_of(const std::vector<NodeSpace>& spaces) {
  std::vector<std::uint64_t> ids;
  for (const auto& space : spaces) ids.push_back(space.node.value);
  return ids;
}
std::uint64_t id_of(const std::optional<NodeSpace>& space) { return space ? space->node.value : 0; }

}  // namespace

TEST_CASE("the index answers as a look at each node does, whatever is taken, given back, kept or dropped",
          "[policies]") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    const std::uint64_t nodes = seed % 2 == 0 ? 12 : 80;  // within a block, and in several
    sim::Dice dice(seed, "rooms");
    std::deque<NodeLedger> ledgers;
    std::deque<NodeLedger> spares;
    std::map<std::uint64_t, NodeSpace> spaces;
    std::map<std::uint64_t, std::vector<Grant>> grants;
    RoomIndex index;
    for (std::uint64_t id = 1; id <= nodes; ++id) {
      ledgers.emplace_back(draw_node(dice));
      spaces[id] = {{id}, &ledgers.back()};
      index.put(spaces[id]);
    }
    for (int step = 0; step < 100; ++step) {
      const auto id = dice.between<std::uint64_t>(1, nodes);
      NodeLedger& ledger = ledgers[id - 1];
      switch (dice.between(0, 5)) {
        case 0:
        case 1:
          if (auto grant = ledger.take(draw_needs(dice))) grants[id].push_back(*grant);
          break;
        case 2:
          if (grants[id].empty()) break;
          ledger.give_back(grants[id].back());
          grants[id].pop_back();
          break;
        case 3:
          spares.push_back(ledger.emptied());
          (void)spares.back().take(draw_needs(dice));
          if (spaces.contains(id)) spaces[id].spare = &spares.back();
          break;
        case 4:
          if (spaces.contains(id)) spaces[id].spare = nullptr;
          break;
        case 5:
          if (dice.chance(500))
            spaces[id] = {{id}, &ledger};
          else
            spaces.erase(id);
          break;
      }
      if (spaces.contains(id))
        index.put(spaces[id]);
      else
        index.drop({id});

      std::vector<NodeSpace> list;
      for (const auto& [each, space] : spaces) list.push_back(space);
      const ListedRooms plain(list);
      const Resources needs = draw_needs(dice);
      REQUIRE(id_of(index.tightest(needs)) == id_of(plain.tightest(needs)));
      REQUIRE(id_of(index.roomiest(needs)) == id_of(plain.roomiest(needs)));
      REQUIRE(id_of(index.find({id}, needs)) == id_of(plain.find({id}, needs)));
      REQUIRE(ids_of(index.with_room(needs, 5)) == ids_of(plain.with_room(needs, 5)));
    }
  }
}
