// Whose turn it is: priority, fair share between jobs, what is kept for those who wait, and what makes room.
#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity one_cpu{.cpus = 1000};
const NodeCapacity two_cpus{.cpus = 2000};

NodeCapacity gpus(std::uint32_t count, Milli cpus) {
  NodeCapacity node{.cpus = cpus};
  for (std::uint32_t i = 0; i < count; ++i) node.gpus.push_back({.index = i, .uuid = "g", .memory_bytes = 1000});
  return node;
}

std::vector<std::pair<std::string, TaskWish>> pair_of(const std::string& name, Resources needs, int priority = 0) {
  std::vector<std::pair<std::string, TaskWish>> members;
  for (std::uint32_t rank = 0; rank < 2; ++rank)
    members.push_back({name + std::to_string(rank),
                       {.needs = needs, .gang = GangHint{.gang = 1, .size = 2, .rank = rank}, .priority = priority}});
  return members;
}

}  // namespace

TEST_CASE("higher priority goes first, whenever it was submitted", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1").submits("low", {.priority = -1}).submits("usual");
  cluster.submits("high", {.priority = 5});
  cluster.at(10ms).finishes("a", "t1#1");
  CHECK(cluster.state_of("high") == "running");
  cluster.at(20ms).finishes("a", "high#1");
  CHECK(cluster.state_of("usual") == "running");
  cluster.at(30ms).finishes("a", "usual#1");
  CHECK(cluster.state_of("low") == "running");
}

TEST_CASE("of two jobs the one that holds less goes first, however long the other's line is", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 4000});
  for (int i = 1; i <= 8; ++i) cluster.submits("own" + std::to_string(i));
  cluster.as_durable_job();
  for (int i = 1; i <= 2; ++i) cluster.submits("graph" + std::to_string(i));
  cluster.at(10ms).finishes("a", "own1#1");
  CHECK(cluster.state_of("graph1") == "running");
  cluster.at(20ms).finishes("a", "own2#1");
  CHECK(cluster.state_of("graph2") == "running");
  cluster.at(30ms).finishes("a", "own3#1");
  CHECK(cluster.state_of("own5") == "running");
}

TEST_CASE("what waits for much is not passed for ever by what needs little", "[scheduler]") {
  Scenario cluster({.line_patience = Time{100}});
  cluster.joins("a", two_cpus).submits("t1").submits("t2").submits("large", {.needs = {.cpus = 2000}});
  cluster.at(10ms).submits("t3").submits("t4");
  cluster.at(20ms).finishes("a", "t1#1");
  CHECK(cluster.state_of("t3") == "running");
  cluster.at(150ms).finishes("a", "t2#1");
  CHECK(cluster.state_of("t4") == "ready");
  cluster.at(160ms).finishes("a", "t3#1");
  CHECK(cluster.state_of("large") == "running");
}

TEST_CASE("what waits for longest of a job that holds nothing is kept a node for, though its like has its turn first",
          "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .line_patience = Time{100}});
  const TaskWish all{.needs = {.cpus = 2000}};
  cluster.joins("a", two_cpus).submits("first", all).as_durable_job().submits("graph1", all);
  cluster.at(10ms).finishes("a", "first#1");
  REQUIRE(cluster.state_of("graph1") == "running");
  cluster.as_own_job().submits("old", all).submits_all(pair_of("g", {.cpus = 1000}));
  cluster.as_driver(2).as_own_job().submits("new", all);  // Of a job that was never served.
  cluster.at(150ms).hears("a").at(160ms).finishes("a", "graph1#1");
  INFO(cluster.transcript());
  CHECK(cluster.state_of("old") == "running");
}

TEST_CASE("requests that could never start now take no place from one behind them that can", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .line_patience = Time{100}});
  cluster.joins("a", {.cpus = 4000, .memory_bytes = 1 << 30});
  cluster.submits("actor", {.needs = {.cpus = 1000}, .is_actor = true}).has_actor_up("a", "actor#1");
  for (int i = 0; i < 20; ++i)
    cluster.submits("hopeless" + std::to_string(i), {.needs = {.cpus = 4000, .memory_bytes = i}});
  cluster.submits("t1").submits("t2").submits("t3").submits("large", {.needs = {.cpus = 3000}});
  cluster.at(500ms).submits("t4").finishes("a", "t1#1");
  CHECK(cluster.state_of("t4") == "ready");
  cluster.at(510ms).finishes("a", "t2#1").finishes("a", "t3#1");
  CHECK(cluster.state_of("large") == "running");
}

TEST_CASE("a gang takes what is spare on a node that is kept for another", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .line_patience = Time{100}});
  cluster.joins("a", {.cpus = 8000}).submits("long", {.needs = {.cpus = 4000}});
  cluster.submits("large", {.needs = {.cpus = 6000}});
  cluster.at(200ms).submits_all(pair_of("g", {.cpus = 1000})).submits("one more");
  CHECK(cluster.state_of("g0") == "running");
  CHECK(cluster.state_of("one more") == "ready");
  cluster.at(210ms).finishes("a", "long#1");
  CHECK(cluster.state_of("large") == "running");
}

TEST_CASE("what does not delay the request that a node is kept for runs there", "[scheduler]") {
  Scenario cluster({.line_patience = Time{100}});
  cluster.joins("a", gpus(2, 4000)).submits("t1", {.needs = {.cpus = 1000, .gpus = 1000}});
  cluster.submits_all(pair_of("g", {.cpus = 1000, .gpus = 1000}));
  cluster.at(150ms).submits("gpu", {.needs = {.cpus = 1000, .gpus = 1000}}).submits("cpu").submits("cpus");
  CHECK(cluster.state_of("gpu") == "ready");
  CHECK(cluster.state_of("cpu") == "running");
  CHECK(cluster.state_of("cpus") == "running");
  cluster.at(160ms).submits("too much");
  CHECK(cluster.state_of("too much") == "ready");  // two cpus are the gang's
  cluster.at(170ms).finishes("a", "t1#1");
  CHECK(cluster.state_of("g0") == "running");
  CHECK(cluster.state_of("g1") == "running");
}

TEST_CASE("a node that is kept for a request is given up with it", "[scheduler]") {
  Scenario cluster({.line_patience = Time{100}});
  cluster.joins("a", two_cpus).submits("t1").submits_all(pair_of("g", {.cpus = 1000}));
  cluster.at(150ms).submits("t2");
  CHECK(cluster.state_of("t2") == "ready");
  cluster.at(160ms).cancels("g0");
  CHECK(cluster.state_of("t2") == "running");
}

TEST_CASE("a request takes room that comes up elsewhere, though a node is kept for it", "[scheduler]") {
  Scenario cluster({.line_patience = Time{100}});
  cluster.joins("a", one_cpu).submits("t1").submits("t2");
  cluster.at(150ms).joins("b", two_cpus);
  CHECK(cluster.state_of("t2") == "running");
  cluster.at(160ms).submits("t3");
  cluster.at(170ms).finishes("a", "t1#1").submits("t4");
  CHECK(cluster.state_of("t4") == "running");  // on the node that is kept no more
}

TEST_CASE("what is preemptible makes room for higher priority, and runs again uncounted", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{300}, .line_patience = Time{100}});
  cluster.joins("a", two_cpus).submits("stays").submits("yields", {.preemptible = true});
  (void)cluster.transcript();
  cluster.at(10ms).submits("high", {.priority = 1});
  cluster.at(90ms).hears("a");
  cluster.at(150ms).stops("a", "yields#1");
  CHECK(cluster.state_of("high") == "running");
  CHECK(cluster.state_of("yields") == "ready");
  cluster.at(160ms).finishes("a", "high#1");
  CHECK(cluster.state_of("yields") == "running");
  CHECK(cluster.transcript().find("stop yields#1 on a") != std::string::npos);
}

TEST_CASE("what made room does not run there again first, where others must make room, too", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{3000}, .line_patience = Time{100}});
  const Resources half{.cpus = 500};
  cluster.joins("a", two_cpus).submits("stays").submits("t1", {.needs = half}).submits("t2", {.needs = half});
  cluster.at(10ms).submits("high", {.priority = 1}).at(130ms);  // One cpu is kept for it, the other one is spare.
  cluster.submits("yields1", {.needs = half, .preemptible = true});
  cluster.submits("yields2", {.needs = half, .preemptible = true});
  cluster.finishes("a", "t1#1").finishes("a", "t2#1");
  REQUIRE(cluster.state_of("yields1") == "running");
  REQUIRE(cluster.state_of("yields2") == "running");
  cluster.at(170ms);
  REQUIRE(cluster.state_of("yields1") == "ready");
  cluster.stops("a", "yields1#1");
  CHECK(cluster.state_of("yields1") == "ready");
  cluster.stops("a", "yields2#1");
  CHECK(cluster.state_of("high") == "running");
}

TEST_CASE("what waits and has lent its cpus is not stopped for others: it has nothing to give", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{3000}, .line_patience = Time{100}});
  cluster.joins("a", {.cpus = 3000}).submits("stays").submits("yields", {.preemptible = true});
  cluster.at(10ms).submits("waits", {.preemptible = true}).waits("a", "waits#1").submits("stays2");
  REQUIRE(cluster.state_of("stays2") == "running");
  cluster.at(20ms).submits("high", {.priority = 1}).at(170ms);
  CHECK(cluster.state_of("yields") == "ready");
  CHECK(cluster.state_of("waits") == "running");
}

TEST_CASE("only what holds what is lacking is stopped for others", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{3000}, .line_patience = Time{100}});
  cluster.joins("a", {.cpus = 4000, .gpus = {{}}});
  cluster.submits("has_gpu", {.needs = {.cpus = 1000, .gpus = 1000}, .preemptible = true});
  cluster.at(10ms).submits("has_cpu", {.preemptible = true});
  cluster.at(20ms).submits("high", {.needs = {.cpus = 1000, .gpus = 1000}, .priority = 1}).at(170ms);
  const std::string transcript = cluster.transcript();
  CHECK(transcript.find("stop has_gpu#1 on a") != std::string::npos);
  CHECK(transcript.find("stop has_cpu") == std::string::npos);
}

TEST_CASE("nothing is stopped for a gang that could not start all the same", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{3000}, .line_patience = Time{100}});
  cluster.joins("a", one_cpu).joins("b", one_cpu).submits("yields", {.preemptible = true}).submits("stays");
  cluster.at(10ms).submits_all(pair_of("g", {.cpus = 1000}, 1));
  cluster.at(400ms);
  CHECK(cluster.state_of("yields") == "running");
  cluster.at(500ms).finishes("b", "stays#1").at(600ms);
  CHECK(cluster.state_of("yields") == "ready");
}

TEST_CASE("what is kept for a request does not wait for it before higher priority", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{3000}, .line_patience = Time{100}});
  cluster.joins("a", one_cpu).joins("b", one_cpu).submits("long").submits("t1");
  cluster.submits_all(pair_of("g", {.cpus = 1000}));
  cluster.at(150ms).finishes("b", "t1#1").submits("low");
  CHECK(cluster.state_of("low") == "ready");
  cluster.at(160ms).submits("high", {.priority = 1}).at(190ms);
  CHECK(cluster.state_of("high") == "running");
}

TEST_CASE("nothing makes room that did not agree to, nor for its equals", "[scheduler]") {
  Scenario cluster({.line_patience = Time{100}});
  cluster.joins("a", one_cpu).submits("t1");
  cluster.at(10ms).submits("high", {.priority = 1});
  cluster.at(250ms);
  CHECK(cluster.state_of("t1") == "running");
  Scenario equals({.line_patience = Time{100}});
  equals.joins("a", one_cpu).submits("t1", {.preemptible = true});
  equals.at(10ms).submits("t2", {.preemptible = true});
  equals.at(250ms);
  CHECK(equals.state_of("t1") == "running");
}

TEST_CASE("a task that spreads goes where most room is", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 4000}).joins("b", {.cpus = 3000});
  cluster.submits("t1", {.spreads = true}).submits("t2", {.spreads = true}).submits("t3", {.spreads = true});
  CHECK(cluster.free_cpus("a") == 2000);
  CHECK(cluster.free_cpus("b") == 2000);
}

TEST_CASE("a task with much input goes where it was made, if there is room", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).joins("b", one_cpu).submits("first", {.needs = {.cpus = 2000}});
  cluster.submits("second", {.after = {"first"}, .inputs = {"first"}});
  cluster.at(10ms).finishes("a", "first#1", std::string(100'000, 'x'));
  CHECK(cluster.free_cpus("a") == 1000);
  CHECK(cluster.free_cpus("b") == 1000);
}
