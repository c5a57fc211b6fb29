// Tasks that have a reason to run on one node and not on another.
#include <catch2/catch.hpp>

#include "runtime/base/carried_value.h"
#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity two_cpus{.cpus = 2000};
const NodeCapacity four_cpus{.cpus = 4000};

}  // namespace

TEST_CASE("a task goes to where most of its input was made, in its store or not", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits("small");
  cluster.joins("b", four_cpus).submits("large", {.needs = {.cpus = 4000}});
  const bool is_stored = GENERATE(true, false);
  const std::uint64_t bytes = 1 << 20;
  cluster.finishes("a", "small#1", stored_value_head(bytes - 1) + "where it lies");
  cluster.finishes("b", "large#1", is_stored ? stored_value_head(bytes) + "where it lies" : std::string(bytes, 'x'));
  cluster.transcript();
  cluster.submits("t1", {.inputs = {"small", "large"}}).submits("t2", {.inputs = {"small"}});
  CHECK(cluster.transcript() == R"(
0 d submits t1 by request 3 → answer d 3: accepted; run t1#1 on b
0 d submits t2 by request 4 → answer d 4: accepted; run t2#1 on a
)");
}

TEST_CASE("a task goes to where its driver says that its arguments lie, if there is room", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).joins("b", two_cpus).transcript();
  cluster.submits("t1", {.near = "b"}).submits("t2", {.near = "b"}).submits("t3", {.near = "b"});
  CHECK(cluster.transcript() == R"(
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on b
0 d submits t2 by request 2 → answer d 2: accepted; run t2#1 on b
0 d submits t3 by request 3 → answer d 3: accepted; run t3#1 on a
)");
}

TEST_CASE("a node has its name as a label, whatever its agent says", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", four_cpus).joins("b", {.cpus = 1000, .labels = {{"node", "a"}}}).transcript();
  const Resources on_b{.labels = {{node_label, "b"}}};
  cluster.submits("t1", {.needs = on_b}).submits("t2", {.needs = on_b});
  cluster.submits("t3", {.needs = {.labels = {{node_label, "c"}}}});
  CHECK(cluster.transcript() == R"(
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on b
0 d submits t2 by request 2 → answer d 2: accepted
0 d submits t3 by request 3 → answer d 3: task 't3' needs 1 cpus, node=c; the nearest, node 'a', has 4 cpus, 0 gpus, 0 MiB
)");
  cluster.at(10ms).finishes("b", "t1#1");
  CHECK(cluster.state_of("t2") == "running");
}
