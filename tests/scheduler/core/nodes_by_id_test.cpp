#include "scheduler/core/nodes_by_id.h"

#include <map>

#include <catch2/catch.hpp>

#include "scheduler/core/cluster.h"
#include "scheduler/simulation/dice.h"

using namespace troupe;
using namespace troupe::scheduler;

TEST_CASE("nodes are found by their ids, whichever others came and went", "[scheduler]") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    INFO("seed " << seed);
    sim::Dice dice(seed, "nodes");
    std::map<std::uint64_t, Node> nodes;
    NodesById by_id;
    for (int step = 0; step < 500; ++step) {
      const auto id = dice.between<std::uint64_t>(1, 60);
      if (nodes.contains(id)) {
        by_id.erase({id});
        nodes.erase(id);
      } else {
        by_id.add({id}, &nodes[id]);
      }
      for (std::uint64_t each = 1; each <= 60; ++each) {
        const auto known = nodes.find(each);
        REQUIRE(by_id.find({each}) == (known == nodes.end() ? nullptr : &known->second));
      }
    }
  }
}
