#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity one_cpu{.cpus = 1000};

}  // namespace

TEST_CASE("a drained node ends what it runs and takes nothing new, until it is told otherwise", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1").drains("a").submits("t2").transcript();
  cluster.at(10ms).finishes("a", "t1#1");
  cluster.at(20ms).drains("a", false);
  CHECK(cluster.transcript() == R"(
10 a reports t1#1 done → tell d: t1 done; acknowledge t1#1 to a
20 d undrains a by request 4 → save that a takes work; answer d 4: accepted; run t2#1 on a
)");
}

TEST_CASE("a drain is stored, and asked twice it is the same", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).transcript();
  cluster.drains("a").drains("a");
  CHECK(cluster.transcript() == R"(
0 d drains a by request 1 → save that a takes no new work; answer d 1: accepted
0 d drains a by request 2 → answer d 2: accepted
)");
}

TEST_CASE("a node is still drained after a restart of its agent, and of the scheduler", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).drains("a").restarts_agent("a").submits("t1");
  CHECK(cluster.state_of("t1") == "ready");
  cluster.restarts_scheduler().driver_joins().joins_again("a").submits_again(true).at(100ms).hears("a");
  CHECK(cluster.state_of("t1") == "ready");
  cluster.leaves("a").restarts_agent("a");
  CHECK(cluster.state_of("t1") == "ready");
  cluster.drains("a", false);
  CHECK(cluster.state_of("t1") == "running");
}

TEST_CASE("what was kept on a node for a patient request is let go when it is drained", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{5000}, .line_patience = Time{100}});
  cluster.joins("a", {.cpus = 2000}).joins("b", {.cpus = 2000});
  const TaskWish most{.needs = {.cpus = 1500}};
  cluster.submits("t1", most).submits("t2", most).submits("large", {.needs = {.cpus = 2000}});
  cluster.at(200ms).hears("a").hears("b").drains("a");
  cluster.finishes("a", "t1#1");
  CHECK(cluster.state_of("large") == "ready");
  cluster.finishes("b", "t2#1");
  CHECK(cluster.state_of("large") == "running");
}

TEST_CASE("a node that nobody knows cannot be drained", "[scheduler]") {
  Scenario cluster;
  const Effects effects = cluster.scheduler().step(1ms, DrainRequested{{1}, 1, {77}, true});
  CHECK(std::get<AnswerRequest>(effects.front()).refusal == "node 000000000000004d is not known");
}
