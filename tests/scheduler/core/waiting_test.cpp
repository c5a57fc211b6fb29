// Why each task waits, as those are told who ask; and how many tasks of a job are in which state.
#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity one_cpu{.cpus = 1000};
const NodeCapacity two_cpus{.cpus = 2000};

std::vector<std::pair<std::string, TaskWish>> pair_of(const std::string& name, TaskWish wish = {}) {
  std::vector<std::pair<std::string, TaskWish>> members;
  for (std::uint32_t rank = 0; rank < 2; ++rank) {
    wish.gang = GangHint{.gang = 1, .size = 2, .rank = rank};
    members.emplace_back(name + std::to_string(rank), wish);
  }
  return members;
}

std::vector<std::uint64_t> states_of(Scenario& cluster) { return cluster.scheduler().jobs({}, 1).at(0).states; }

}  // namespace

TEST_CASE("what runs, has ended or is not known waits for nothing", "[waiting]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1").submits("t2").at(10ms).finishes("a", "t1#1");
  CHECK(cluster.wait_of("t1") == WaitReason{});
  CHECK(cluster.wait_of("t2") == WaitReason{});
  CHECK(cluster.scheduler().why_waiting({JobId{9}, 9}) == WaitReason{});
}

TEST_CASE("what waits for others names the first of them, and how many there are besides", "[waiting]") {
  Scenario cluster;
  cluster.submits("left").submits("right").submits("sum", {.after = {"left", "right"}});
  const WaitReason reason = cluster.wait_of("sum");
  CHECK(reason.what == WaitsFor::predecessor);
  CHECK(reason.task == cluster.id_of("left"));
  CHECK(reason.others == 1);
}

TEST_CASE("what waits for its next attempt says when that is due", "[waiting]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1", {.max_attempts = 2, .retry = RetryRule{.delay = 100ms}});
  cluster.at(10ms).fails("a", "t1#1", {.exit_code = 3});
  const WaitReason reason = cluster.wait_of("t1");
  CHECK(reason.what == WaitsFor::delay);
  CHECK(reason.until_ms == 110);
}

TEST_CASE("what waits for a lock is told who holds it: a task, or a driver's command", "[waiting]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits("holds", {.locks = {"x"}}).submits("waits", {.locks = {"x"}});
  WaitReason reason = cluster.wait_of("waits");
  CHECK(reason.what == WaitsFor::lock);
  CHECK(reason.name == "x");
  CHECK(reason.task == cluster.id_of("holds"));
  CHECK(reason.text == "waits: lock 'x' is held by task 'holds'");
  cluster.asks(sync::Acquire{.name = "y"}).submits("other", {.locks = {"y"}});
  reason = cluster.wait_of("other");
  CHECK(reason.text == "waits: lock 'y' is held by driver 'own'");
  CHECK_FALSE(reason.task);
}

TEST_CASE("what waits for a permit of a semaphore is told how many hold one", "[waiting]") {
  Scenario cluster;
  const TaskWish wish{.semaphores = {{"s", 2}}};
  cluster.joins("a", {.cpus = 3000}).submits("t1", wish).submits("t2", wish).submits("t3", wish);
  const WaitReason reason = cluster.wait_of("t3");
  CHECK(reason.what == WaitsFor::semaphore);
  CHECK(reason.others == 1);
  CHECK(reason.text == "waits: semaphore 's' has no free permit: held by task 't1' and 1 more");
}

TEST_CASE("a member of a gang waits for the others to be ready, then for seats for all", "[waiting]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).joins("b", one_cpu).submits("t1");
  auto members = pair_of("g");
  members[1].second.after = {"t1"};
  cluster.submits_all(members);
  const WaitReason reason = cluster.wait_of("g0");
  CHECK(reason.what == WaitsFor::gang);
  CHECK(reason.task == cluster.id_of("g1"));
  CHECK(reason.text == "waits for 1 more of its gang, task 'g1' first");
  cluster.submits("t2").at(10ms).finishes("a", "t1#1");
  CHECK(cluster.wait_of("g0").what == WaitsFor::room);
  CHECK(cluster.reason_of("g1") == "the nodes do not have room for all of its gang at once: for 1 of 2 there is room");
}

TEST_CASE("where nodes are busy the roomiest says what is free of what is needed", "[waiting]") {
  Scenario cluster;
  const NodeCapacity large{.cpus = 4000, .memory_bytes = 1 << 30, .named = {{"seats", 1000}}};
  cluster.joins("a", large).joins("b", large).submits("t1", {.needs = {.cpus = 4000}});
  cluster.submits("t2", {.needs = {.cpus = 2500}});
  cluster.submits("t3", {.needs = {.cpus = 2000, .memory_bytes = 1 << 20, .named = {{"seats", 1000}}}});
  CHECK(cluster.wait_of("t3").what == WaitsFor::room);
  CHECK(cluster.reason_of("t3") ==
        "the 2 nodes that could hold it are busy: on 'b' 1.5 of 2 cpus, 1024 of 1 MiB, 1 of 1 seats are free");
}

TEST_CASE("room that only actors hold does not come by itself, and that is said", "[waiting]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("actor", {.is_actor = true}).has_actor_up("a", "actor#1").submits("t1");
  CHECK(cluster.reason_of("t1") ==
        "node 'a' is busy: 0 of 1 cpus are free, and what runs there does not end by itself");
}

TEST_CASE("gpus that are free in parts are told as such", "[waiting]") {
  Scenario cluster;
  NodeCapacity node{.cpus = 4000};
  for (std::uint32_t i = 0; i < 2; ++i) node.gpus.push_back({.index = i, .uuid = "g"});
  cluster.joins("a", node);
  for (const char* half : {"t1", "t2", "t3"}) cluster.submits(half, {.needs = {.cpus = 0, .gpus = 600}});
  CHECK(cluster.reason_of("t3") == "node 'a' is busy: 0.8 of 0.6 gpus in parts that are too small are free");
}

TEST_CASE("what could run where a node is kept for another names that one", "[waiting]") {
  Scenario cluster({.node_timeout = Time{60'000}, .line_patience = Time{100}});
  cluster.joins("a", two_cpus).submits("t1").submits("large", {.needs = {.cpus = 2000}});
  cluster.at(200ms).submits("t2");
  const WaitReason reason = cluster.wait_of("t2");
  CHECK(reason.what == WaitsFor::kept_node);
  CHECK(reason.task == cluster.id_of("large"));
  CHECK(reason.text == "node 'a' has room, and is kept for task 'large', which has waited longer");
  CHECK(cluster.wait_of("large").what == WaitsFor::room);
}

TEST_CASE("what never fits, and what fits only where no work is taken, says so", "[waiting]") {
  Scenario cluster;
  cluster.submits("never", {.needs = {.cpus = 4000}}).submits("away", {.needs = {.cpus = 2000}}).submits("t1");
  CHECK(cluster.wait_of("t1").text == "no node is there");
  cluster.joins("a", two_cpus).joins("b", one_cpu).drains("a");
  CHECK(cluster.wait_of("never").what == WaitsFor::never);
  CHECK(cluster.wait_of("never").text == "no node has 4 cpus");
  cluster.at(10ms).stops("a", "away#1");
  cluster.submits("late", {.needs = {.cpus = 2000}});
  CHECK(cluster.wait_of("late").what == WaitsFor::node);
  CHECK(cluster.wait_of("late").text == "the nodes that could hold it are away, or drained: 1");
  cluster.drains("b");
  CHECK(cluster.wait_of("late").text == "no node takes work: they are drained");
}

TEST_CASE("after a restart of the scheduler what waits is told so until all have had time to come back", "[waiting]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits("t1").submits("t2", {.after = {"t1"}}).submits("t3");
  cluster.at(100ms).restarts_scheduler();
  cluster.driver_joins().submits("t4");
  CHECK(cluster.wait_of("t4").what == WaitsFor::restart);
  CHECK(cluster.wait_of("t4").until_ms == 150);
  CHECK(cluster.wait_of("t1").text == "it was given to a node that has not come back");
}

TEST_CASE("what was given to a node and has not begun there is told as such", "[waiting]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("actor", {.needs = {.cpus = 0}, .is_actor = true});
  CHECK(cluster.wait_of("actor").what == WaitsFor::worker);
  CHECK(cluster.reason_of("actor") == "was given to node 'a', and starts there");
  cluster.has_actor_up("a", "actor#1");
  CHECK(cluster.wait_of("actor") == WaitReason{});
  for (int i = 1; i <= 60; ++i) cluster.submits("t" + std::to_string(i));
  for (int i = 1; i < 40; ++i) cluster.finishes("a", "t" + std::to_string(i) + "#1");
  CHECK(cluster.reason_of("t50") == "was given to node 'a', where it begins when something has ended");
  cluster.submits("next", {.inputs = {"t40"}});
  CHECK(cluster.reason_of("next") == "was given to node 'a', behind task 't40'");
}

TEST_CASE("a job counts its tasks by their states, through retries, skips and what is let go of", "[waiting]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1", {.max_attempts = 2}).submits("t2").submits("t3", {.after = {"t2"}});
  cluster.submits("join", {.after = {"t3"}, .is_join = true}).submits("actor", {.is_actor = true});
  CHECK(states_of(cluster) == std::vector<std::uint64_t>{1, 2, 1, 0, 0, 0, 0});
  CHECK(cluster.scheduler().jobs({}, 1).at(0).actors == 1);
  cluster.at(10ms).fails("a", "t1#1", {.exit_code = 1}).at(20ms).finishes("a", "t1#2");
  CHECK(states_of(cluster) == std::vector<std::uint64_t>{1, 1, 1, 1, 0, 0, 0});
  cluster.cancels("t2").releases("t1");
  CHECK(states_of(cluster) == std::vector<std::uint64_t>{0, 1, 0, 0, 0, 1, 1});
  cluster.at(30ms).stops("a", "t2#1").cancels("actor").releases("actor");
  CHECK(states_of(cluster) == std::vector<std::uint64_t>{0, 0, 0, 0, 0, 1, 1});
  CHECK(cluster.scheduler().jobs({}, 1).at(0).actors == 0);
}

TEST_CASE("jobs are told in the order of their ids, those of drivers with when they came", "[waiting]") {
  Scenario cluster;
  cluster.at(20ms).as_driver(3).submits("t1").as_driver(1).as_durable_job().submits("t2");
  const auto jobs = cluster.scheduler().jobs({}, 10);
  REQUIRE(jobs.size() == 3);
  CHECK((jobs[0].job.id < jobs[1].job.id && jobs[1].job.id < jobs[2].job.id));
  CHECK(cluster.scheduler().jobs(jobs[0].job.id, 1).at(0).job == jobs[1].job);
  for (const auto& job : jobs) CHECK((job.since > Time{0}) == (job.job.id != JobId{1} && !job.job.durable));
}
