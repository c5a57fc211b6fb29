#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {
const NodeCapacity one_cpu{.cpus = 1000};
const NodeCapacity two_cpus{.cpus = 2000};
}  // namespace

TEST_CASE("an order that was lost on its way is given again, as the same attempt", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1").loses("a", "t1#1");
  cluster.at(100ms).hears("a");
  cluster.at(200ms).hears("a");
  cluster.at(250ms).hears("a");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on a
100 a is heard; runs nothing → nothing
200 a is heard; runs nothing → run t1#1 on a
250 a is heard; runs t1#1 → nothing
)");
}

TEST_CASE("what a silent node ran runs elsewhere, and is stopped when the node is back", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1");
  cluster.at(200ms).joins("b", one_cpu);
  cluster.at(310ms).hears("a");
  cluster.joins_again("a");
  cluster.at(320ms).finishes("a", "t1#1", "late");
  cluster.at(330ms).finishes("b", "t1#2", "right");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on a
200 b joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome b
300 tick → run t1#2 on b
310 a is heard; runs t1#1 → ask a to join
310 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs t1#1 → welcome a; stop t1#1 on a
320 a reports t1#1 done → ignored: the attempt was told to stop; acknowledge t1#1 to a
330 b reports t1#2 done → tell d: t1 done; acknowledge t1#2 to b
)");
}

TEST_CASE("an agent that starts anew has lost what it ran", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits("t1").submits("actor", {.is_actor = true}).has_actor_up("a", "actor#1");
  cluster.at(10ms).restarts_agent("a");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 2 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on a
0 d submits actor by request 2 → answer d 2: accepted; run actor#1 on a
0 a has actor actor#1 up at ipc://actor#1 → tell d: actor actor#1 up at ipc://actor#1
10 a joins as incarnation 2 with 2 cpus, 0 gpus, 0 MiB; runs nothing → welcome a; tell d: actor actor#1 down: node 'a' came back without it; run t1#2 on a; run actor#2 on a
)");
}

TEST_CASE("a task whose nodes die under it three times in a row is not tried again", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1");
  cluster.at(10ms).restarts_agent("a").restarts_agent("a").restarts_agent("a");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on a
10 a joins as incarnation 2 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a; run t1#2 on a
10 a joins as incarnation 3 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a; run t1#3 on a
10 a joins as incarnation 4 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a; tell d: t1 failed: lost 3 attempts in a row: node 'a' came back without it
)");
}

TEST_CASE("a task that was lost goes elsewhere, and is given up only where it was lost on two nodes", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1").joins("b", two_cpus);
  cluster.at(10ms).restarts_agent("a");
  CHECK(cluster.free_cpus("b") == 1000);
  cluster.at(20ms).restarts_agent("b");
  CHECK(cluster.free_cpus("a") == 0);
  cluster.at(30ms).restarts_agent("a");
  CHECK(cluster.state_of("t1") == "failed");
  // Nowhere else is room: it has twice the chances there.
  cluster.submits("b1", {.needs = {.cpus = 2000}}).submits("t2");
  for (Time at = 40ms; at < 90ms; at += 10ms) cluster.at(at).restarts_agent("a");
  CHECK(cluster.state_of("t2") == "running");
  cluster.at(90ms).restarts_agent("a");
  CHECK(cluster.state_of("t2") == "failed");
}

TEST_CASE("a task whose node leaves in order has lost nothing", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1");
  for (Time at = 10ms; at < 60ms; at += 10ms) cluster.at(at).leaves("a").joins("a", one_cpu);
  CHECK(cluster.state_of("t1") == "running");
}

TEST_CASE("an agent that tells nonsense is not heard", "[scheduler]") {
  Scheduler scheduler({}, {.epoch = 2}, Time{0});
  const auto joins = [&](NodeCapacity capacity, Grant grant) {
    (void)scheduler.step(
        0ms, NodeJoined{{1}, 1, "a", std::move(capacity), {{.task = {{1}, 1}, .attempt = {1, 1}, .grant = grant}}});
    return !scheduler.nodes().empty();
  };
  const std::vector<GpuDevice> two{{.index = 0}, {.index = 1}};
  CHECK_FALSE(joins({.cpus = -1000}, {}));
  CHECK_FALSE(joins({.cpus = 1000, .gpus = {{.index = 0}, {.index = 0}}}, {}));
  CHECK_FALSE(joins({.cpus = 1000}, {.cpus = -5000}));
  CHECK_FALSE(joins({.cpus = 1000, .gpus = two}, {.gpus = {{.index = 0, .amount = 700}, {.index = 0, .amount = 700}}}));
  CHECK(joins({.cpus = 1000, .gpus = two}, {.gpus = {{.index = 0, .amount = 700}, {.index = 1, .amount = 700}}}));
}

TEST_CASE("a scheduler that was itself stopped takes nobody's silence for death", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1");
  Effects effects = cluster.scheduler().step(30s, Tick{});
  CHECK(cluster.state_of("t1") == "running");
  CHECK(cluster.scheduler().nodes()[0].alive);
}

TEST_CASE("a stop of the scheduler that ends soon after a node would be dead is noticed too", "[scheduler]") {
  Scheduler scheduler({.node_timeout = 300ms}, {.epoch = 1}, 0ms);
  (void)scheduler.step(0ms, NodeJoined{{1}, 1, "a", one_cpu, {}});
  (void)scheduler.step(310ms, Tick{});
  CHECK(scheduler.nodes()[0].alive);
}

TEST_CASE("nodes and incarnations that are not known are asked to join, earlier ones are ignored", "[scheduler]") {
  Scenario cluster;
  const auto answer_to = [&](const Event& event) { return describe(cluster.scheduler().step(0ms, event).front()); };
  CHECK(answer_to(NodeHeard{{7}, 1, {}}) == "ask 0000000000000007 to join");
  CHECK(answer_to(NodeJoined{{7}, 2, "a", one_cpu, {}}) == "welcome 0000000000000007");
  CHECK(answer_to(NodeHeard{{7}, 3, {}}) == "ask 0000000000000007 to join");
  CHECK(answer_to(NodeHeard{{7}, 1, {}}) == "ignored: it comes from an earlier incarnation of node 'a'");
  CHECK(answer_to(NodeJoined{{7}, 1, "a", one_cpu, {}}) == "ignored: a later incarnation of node 'a' has joined");
  CHECK(answer_to(NodeLeft{{7}, 1}) == "ignored: the node is not there");
}

TEST_CASE("a tick is asked for when the first node would be dead, and before, to notice a stop of its own",
          "[scheduler]") {
  Scheduler scheduler({.node_timeout = 300ms}, {.epoch = 1}, 0ms);
  Effects effects = scheduler.step(10ms, NodeJoined{{1}, 1, "a", one_cpu, {}});
  CHECK(describe(effects.back()) == "wake at 85");
  CHECK(scheduler.step(20ms, NodeHeard{{1}, 1, {}}).empty());
  effects = scheduler.step(85ms, Tick{});
  CHECK(describe(effects.back()) == "wake at 160");
  (void)scheduler.step(160ms, Tick{});
  (void)scheduler.step(235ms, Tick{});
  effects = scheduler.step(300ms, Tick{});
  CHECK(describe(effects.back()) == "wake at 320");
  (void)scheduler.step(320ms, Tick{});
  CHECK_FALSE(scheduler.nodes()[0].alive);
}

TEST_CASE("what ran for a minute before it was lost is not lost by its own doing", "[scheduler]") {
  const bool are_long = GENERATE(true, false);
  Scenario cluster({.node_timeout = Time{600'000}, .driver_timeout = Time{600'000}});
  cluster.joins("a", one_cpu).submits("t1");
  for (int i = 1; i <= 6; ++i) cluster.at(Time{i * (are_long ? 60'010 : 59'990)}).restarts_agent("a");
  CHECK(cluster.state_of("t1") == (are_long ? "running" : "failed"));
}

TEST_CASE("how long an attempt ran that another scheduler finds lost is not known: it counts", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{300}, .rejoin_grace = Time{50}});
  cluster.joins("a", one_cpu).as_durable_job().submits("t1");
  for (int i = 1; i <= 3; ++i) {
    cluster.at(cluster.now() + 61s).restarts_scheduler().restarts_agent("a").at(cluster.now() + 100ms);
  }
  CHECK(cluster.state_of("t1") == "failed");
}
