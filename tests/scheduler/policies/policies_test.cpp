#include <deque>

#include <catch2/catch.hpp>

#include "scheduler/policies/policy_table.h"

using namespace troupe;
using namespace troupe::scheduler;

namespace {

/// Nodes 1, 2, … with these capacities, and members with these needs.
struct Case {
  std::deque<NodeLedger> ledgers;
  std::vector<NodeSpace> nodes;
  std::deque<Resources> needs;
  std::vector<Need> members;
  std::uint32_t stages = 1;
  bool spreads = false;
  std::vector<NodeId> near;

  Case& node(NodeCapacity capacity) {
    ledgers.emplace_back(std::move(capacity));
    nodes.push_back({NodeId{nodes.size() + 1}, &ledgers.back()});
    return *this;
  }
  Case& member(Resources each, std::int64_t bytes_to_next = 0) {
    needs.push_back(std::move(each));
    members.push_back({&needs.back(), bytes_to_next});
    return *this;
  }
  /// `1 1 2`: the node of each member; or the reason.
  std::string place(std::optional<GangPolicy> policy) const {
    std::deque<NodeLedger> empty_ledgers;
    std::vector<NodeSpace> empty;
    for (const auto& space : nodes) {
      empty_ledgers.push_back(space.ledger->emptied());
      empty.push_back({space.node, &empty_ledgers.back()});
    }
    const ListedRooms if_empty(empty);
    const Request request{.members = members, .stages = stages, .spreads = spreads, .near = near};
    const Placement outcome = policy_for(policy)(request, ListedRooms(nodes), &if_empty);
    if (const auto* later = std::get_if<NotNow>(&outcome)) return "not now: " + std::string(later->why);
    if (const auto* never = std::get_if<Never>(&outcome)) return "never: " + never->why;
    std::string text;
    for (const NodeId node : std::get<Placed>(outcome).nodes) {
      if (!text.empty()) text += ' ';
      text += std::to_string(node.value);
    }
    return text;
  }
};

const GpuDevice gpu{.index = 0, .uuid = "g", .memory_bytes = 1 << 30};

}  // namespace

TEST_CASE("a task goes where it fits best, ties to the lower id", "[policies]") {
  CHECK(Case{}.node({.cpus = 4000}).node({.cpus = 2000}).node({.cpus = 2000}).member({}).place({}) == "2");
  CHECK(Case{}.node({.cpus = 1000, .gpus = {gpu}}).node({.cpus = 4000}).member({}).place({}) == "2");
  CHECK(Case{}.node({.cpus = 4000}).node({.cpus = 9000, .gpus = {gpu}}).member({.gpus = 500}).place({}) == "2");
}

TEST_CASE("a task that fits nowhere now is told apart from one that never does", "[policies]") {
  Case busy = Case{}.node({.cpus = 2000});
  busy.nodes[0].ledger = &busy.ledgers[0];
  REQUIRE(busy.ledgers[0].take({.cpus = 1500}));
  CHECK(busy.member({}).place({}) ==
        "not now: every node that could hold it is busy, or kept for what has waited longer");
  CHECK(Case{}.node({.cpus = 2000}).member({.cpus = 2001}).place({}) == "never: no node has 2.001 cpus");
}

TEST_CASE("replicas share the fullest node that holds them all, or spread evenly", "[policies]") {
  const auto data = GangPolicy::data;
  CHECK(Case{}.node({.cpus = 4000}).node({.cpus = 2000}).member({}).member({}).place(data) == "2 2");
  CHECK(Case{}.node({.cpus = 3000}).node({.cpus = 3000}).member({}).member({}).member({}).member({}).place(data) ==
        "1 2 1 2");
  CHECK(Case{}.node({.cpus = 1000}).node({.cpus = 3000}).member({}).member({}).member({}).member({}).place(data) ==
        "2 1 2 2");
  CHECK(Case{}.node({.cpus = 1000}).member({}).member({}).place(data) ==
        "never: the nodes together cannot hold its gang: 2 members need 2 cpus in all");
}

TEST_CASE("a gang that fits only where its members are spread over the nodes is not refused", "[policies]") {
  Case two;
  two.node({.cpus = 10'000}).node({.cpus = 10'000});
  for (const Milli cpus : {4000, 4000, 3000, 3000, 3000, 3000}) two.member({.cpus = cpus});
  CHECK(two.place(GangPolicy::model).find("never") == std::string::npos);
}

TEST_CASE("a chain finds the one start from which all its stages have room", "[policies]") {
  Case three;
  three.node({.cpus = 2000}).node({.cpus = 2000, .labels = {{"disk", "nvme"}}}).node({.cpus = 2000});
  three.member({.cpus = 2000}).member({.cpus = 2000}).member({.cpus = 2000, .labels = {{"disk", "nvme"}}});
  CHECK(three.place(GangPolicy::model) == "3 1 2");
}

TEST_CASE("a chain of many stages over many nodes is seated in a moment", "[policies]") {
  Case large;
  for (int i = 0; i < 1000; ++i) large.node({.cpus = 4000});
  for (int i = 0; i < 512; ++i) large.member({.cpus = 1000});
  large.stages = 8;
  CHECK(large.place(GangPolicy::mesh).starts_with("1 1 1 1 2 2 2 2 3 3 3 3"));
}

TEST_CASE("members of a gang with unequal needs are seated the largest first", "[policies]") {
  CHECK(Case{}
            .node({.cpus = 2000})
            .node({.cpus = 3000})
            .member({.cpus = 1000})
            .member({.cpus = 2000})
            .member({.cpus = 2000})
            .place(GangPolicy::data) == "2 2 1");
}

TEST_CASE("stages stay with their neighbours, and the cut goes through the thinnest edge", "[policies]") {
  const auto model = GangPolicy::model;
  CHECK(Case{}.node({.cpus = 2000}).node({.cpus = 2000}).member({}).member({}).member({}).place(model) == "1 1 2");
  // Alone on node 1 the first stage would send 100 bytes over the wire; from node 2 on only 1.
  CHECK(Case{}.node({.cpus = 1000}).node({.cpus = 2000}).member({}, 100).member({}, 1).member({}).place(model) ==
        "2 2 1");
  CHECK(Case{}.node({.cpus = 1000}).node({.cpus = 3000}).member({}).member({}).member({}).place(model) == "2 2 2");
}

TEST_CASE("a chain that no walk along it seats is squeezed in if it fits at all", "[policies]") {
  CHECK(Case{}
            .node({.cpus = 3000})
            .node({.cpus = 3000})
            .member({.cpus = 1000})
            .member({.cpus = 1000})
            .member({.cpus = 2000})
            .member({.cpus = 2000})
            .place(GangPolicy::model) != "");
  CHECK(Case{}.node({.cpus = 3000}).member({.cpus = 2000}).member({.cpus = 2000}).place(GangPolicy::model) ==
        "never: the nodes together cannot hold its stages: 2 members need 4 cpus in all");
}

TEST_CASE("pipelines of a mesh are packed each, and keep apart from each other", "[policies]") {
  Case mesh;
  for (int i = 0; i < 3; ++i) mesh.node({.cpus = 4000});
  mesh.stages = 2;
  for (int i = 0; i < 6; ++i) mesh.member({}, 10);
  CHECK(mesh.place(GangPolicy::mesh) == "1 1 2 2 3 3");
  // With too few nodes two pipelines share one.
  Case tight;
  tight.node({.cpus = 4000}).node({.cpus = 2000});
  tight.stages = 2;
  for (int i = 0; i < 6; ++i) tight.member({}, 10);
  CHECK(tight.place(GangPolicy::mesh) == "1 1 2 2 1 1");
  CHECK(Case{}.node({.cpus = 3000}).member({}).member({}).member({}).member({}).place(GangPolicy::mesh) ==
        "never: the nodes together cannot hold its pipelines: 4 members need 4 cpus in all");
}

TEST_CASE("a task that spreads takes the roomiest node, one with input near takes that", "[policies]") {
  Case spread;
  spread.node({.cpus = 2000}).node({.cpus = 4000}).node({.cpus = 3000}).member({});
  CHECK(spread.place({}) == "1");
  spread.spreads = true;
  CHECK(spread.place({}) == "2");
  spread.near = {NodeId{3}};
  CHECK(spread.place({}) == "3");
}

TEST_CASE("0.6 and 0.6 of a gpu need two devices, 0.5 and 0.5 one; memory counts on each", "[policies]") {
  const GpuDevice other{.index = 1, .uuid = "h", .memory_bytes = 1 << 30};
  const auto both = [&](Milli share, std::int64_t memory_bytes, std::vector<GpuDevice> devices) {
    const Resources needs{.cpus = 0, .gpus = share, .gpu_memory_bytes = memory_bytes};
    return Case{}.node({.cpus = 1000, .gpus = std::move(devices)}).member(needs).member(needs).place(GangPolicy::data);
  };
  CHECK(both(500, 0, {gpu}) == "1 1");
  CHECK(both(600, 0, {gpu}).starts_with("never"));
  CHECK(both(600, 0, {gpu, other}) == "1 1");
  CHECK(both(500, 1 << 30, {gpu}).starts_with("never"));
  CHECK(both(500, 1 << 29, {gpu}) == "1 1");
}

TEST_CASE("a task goes to the node with the label that it asks for", "[policies]") {
  CHECK(Case{}
            .node({.cpus = 1000})
            .node({.cpus = 4000, .labels = {{"disk", "nvme"}}})
            .member({.labels = {{"disk", "nvme"}}})
            .place({}) == "2");
}
