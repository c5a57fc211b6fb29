#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {
const NodeCapacity one_cpu{.cpus = 1000};
const NodeCapacity two_cpus{.cpus = 2000};
}  // namespace

TEST_CASE("a restarted scheduler adopts what runs, and nothing runs twice", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits_all({{"t1", {}}, {"t2", {.inputs = {"t1"}}}});
  (void)cluster.transcript();
  cluster.at(10ms).restarts_scheduler().hears("a").joins_again("a");
  cluster.at(100ms).finishes("a", "t1#1", "1");
  cluster.driver_joins().submits_again();
  CHECK(cluster.transcript() == R"(
10 the scheduler starts again, epoch 2
10 a is heard; runs t1#1 → ask a to join
10 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs t1#1 → welcome a
100 a reports t1#1 done → save t1 done (t1#1 on a); save t2 running (t2#1@2 on a); acknowledge t1#1 to a; run t2#1@2 on a
100 d joins → welcome d
100 d submits t1, t2 by request 1 → answer d 1: accepted; tell d: t1 done
)");
}

TEST_CASE("what ran on a node that does not come back after a restart runs elsewhere", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits("t1").joins("b", one_cpu);
  (void)cluster.transcript();
  cluster.at(10ms).restarts_scheduler().joins_again("b");
  cluster.at(200ms).hears("b");
  cluster.at(310ms).hears("b");
  CHECK(cluster.transcript() == R"(
10 the scheduler starts again, epoch 2
10 b joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome b
200 b is heard; runs nothing → nothing
310 tick → save t1 running (t1#2@2 on b); run t1#2@2 on b
310 b is heard; runs t1#2@2 → nothing
)");
}

TEST_CASE("an order that a scheduler saved and did not send before it died is given anew", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits("t1").loses("a", "t1#1");
  (void)cluster.transcript();
  cluster.at(10ms).restarts_scheduler().joins_again("a");
  cluster.at(60ms).hears("a");
  CHECK(cluster.transcript() == R"(
10 the scheduler starts again, epoch 2
10 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → save t1 ready (t1#1 on a); welcome a
60 tick → save t1 running (t1#2@2 on a); run t1#2@2 on a
60 a is heard; runs t1#2@2 → nothing
)");
}

TEST_CASE("after a restart a driver's running task is adopted, whoever comes back first", "[scheduler]") {
  const bool driver_is_first = GENERATE(true, false);
  Scenario cluster;
  cluster.joins("a", two_cpus).submits("t1", {.is_actor = true}).has_actor_up("a", "t1#1");
  cluster.at(10ms).restarts_scheduler();
  if (driver_is_first) cluster.driver_joins().submits_again();
  cluster.joins_again("a");
  if (!driver_is_first) cluster.driver_joins().submits_again();
  cluster.at(60ms).hears("a");
  CHECK(cluster.state_of("t1") == "running");
  CHECK(cluster.free_cpus("a") == 1000);
  CHECK(cluster.transcript().find("actor t1#1 up at ipc://t1#1") != std::string::npos);
  cluster.at(100ms).fails("a", "t1#1", {.exit_code = 1});
  CHECK(cluster.state_of("t1") == "failed");
}

TEST_CASE("a scheduler that was long about its books gives those who come back their time from then on",
          "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1").joins("b", one_cpu);
  (void)cluster.transcript();
  cluster.at(10ms).restarts_scheduler(390ms).joins_again("b").driver_joins().submits_again();
  cluster.at(410ms).joins_again("a");
  cluster.at(460ms).finishes("a", "t1#1", "1");
  CHECK(cluster.transcript() == R"(
10 the scheduler starts again, epoch 2
400 b joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome b
400 d joins → welcome d
400 d submits t1 by request 1 → answer d 1: accepted
410 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs t1#1 → welcome a
460 a reports t1#1 done → tell d: t1 done; acknowledge t1#1 to a
)");
}

TEST_CASE("a result whose driver is not back yet is not acknowledged, so that it is sent again", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1");
  (void)cluster.transcript();
  cluster.at(10ms).restarts_scheduler().joins_again("a");
  cluster.at(20ms).finishes("a", "t1#1", "1");
  cluster.at(80ms).driver_joins().submits_again();
  cluster.at(100ms).finishes("a", "t1#1", "1");
  CHECK(cluster.transcript() == R"(
10 the scheduler starts again, epoch 2
10 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs t1#1 → welcome a
20 a reports t1#1 done → ignored: the attempt's driver has not come back yet
80 d joins → welcome d
80 d submits t1 by request 1 → answer d 1: accepted
100 a reports t1#1 done → tell d: t1 done; acknowledge t1#1 to a
)");
}

TEST_CASE("what a driver ran that does not come back after a restart is stopped", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1");
  (void)cluster.transcript();
  cluster.at(10ms).restarts_scheduler().joins_again("a");
  cluster.at(200ms).hears("a");
  cluster.at(310ms).hears("a");
  CHECK(cluster.free_cpus("a") == 0);
  cluster.at(320ms).stops("a", "t1#1");
  CHECK(cluster.free_cpus("a") == 1000);
  CHECK(cluster.transcript() == R"(
10 the scheduler starts again, epoch 2
10 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs t1#1 → welcome a
200 a is heard; runs t1#1 → nothing
310 tick → stop t1#1 on a
310 a is heard; runs t1#1 → nothing
320 a reports t1#1 cancelled: it was told to stop → ignored: the attempt was told to stop; acknowledge t1#1 to a
)");
}

TEST_CASE("a driver's gang is adopted only if all of it still runs", "[scheduler]") {
  const bool all_run = GENERATE(true, false);
  const std::vector<std::pair<std::string, TaskWish>> gang = {
      {"g0", {.gang = GangHint{.gang = 1, .size = 2, .rank = 0}}},
      {"g1", {.gang = GangHint{.gang = 1, .size = 2, .rank = 1}}}};
  Scenario cluster;
  cluster.joins("a", one_cpu).joins("b", one_cpu).submits_all(gang);
  CHECK(cluster.state_of("g0") == "running");
  cluster.at(10ms).restarts_scheduler().driver_joins().submits_again();
  cluster.joins_again("b");
  if (all_run) cluster.joins_again("a");
  (void)cluster.transcript();
  cluster.at(60ms).hears("b");
  CHECK(cluster.state_of("g0") == (all_run ? "running" : "ready"));
  CHECK(cluster.state_of("g1") == (all_run ? "running" : "ready"));
}

TEST_CASE("attempts after a restart count on", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits("t1", {.max_attempts = 2});
  cluster.at(10ms).restarts_scheduler().joins_again("a");
  cluster.at(20ms).fails("a", "t1#1", {.exit_code = 1});
  (void)cluster.transcript();
  cluster.at(60ms).finishes("a", "t1#2@2", "1");
  CHECK(cluster.state_of("t1") == "done");
}

TEST_CASE("an attempt that a node lists, and that was never given, is not given anew while the node has it",
          "[scheduler]") {
  const TaskId task{{1}, 1};
  const JobInfo job{.id = {1}, .name = "own", .program = "/bin/own"};
  Scheduler scheduler({}, {.epoch = 1}, Time{0});
  (void)scheduler.step(0ms, NodeJoined{.node = {1},
                                       .incarnation = 1,
                                       .name = "a",
                                       .capacity = {.cpus = 2000},
                                       .running = {{.task = task, .attempt = {1, 1}, .grant = {.cpus = 1000}}}});
  (void)scheduler.step(0ms, DriverJoined{{1}, job});
  std::string told;
  for (const auto& effect :
       scheduler.step(0ms, TasksSubmitted{{1}, 1, job, {{.id = task, .work = FunctionWork{"f", {}}}}}))
    told += describe(effect) + "; ";
  CHECK_THAT(told, Catch::Contains("run 0000000000000001.1#2 on 0000000000000001"));
}

TEST_CASE("what an earlier scheduler gave goes on only if it was made of what its driver was told", "[scheduler]") {
  const TaskId before{{1}, 1}, task{{1}, 2};
  const JobInfo job{.id = {1}, .name = "own", .program = "/bin/own"};
  const auto told_of = [&](std::vector<TaskSpec> tasks) {
    Scheduler scheduler({}, {.epoch = 3}, Time{0});
    (void)scheduler.step(0ms, NodeJoined{.node = {1},
                                         .incarnation = 1,
                                         .name = "a",
                                         .capacity = {.cpus = 1000},
                                         .running = {{.task = task, .attempt = {2, 1}, .grant = {.cpus = 1000}}}});
    (void)scheduler.step(0ms, DriverJoined{{1}, job});
    std::string told;
    (void)scheduler.step(0ms, TasksSubmitted{{1}, 1, job, std::move(tasks)});
    for (const auto& effect : scheduler.step(700ms, Tick{})) told += describe(effect) + "; ";
    return told;
  };
  const Work work = FunctionWork{"f", {}};
  const auto is_stopped = Catch::Contains("stop 0000000000000001.2#1@2 on 0000000000000001");
  CHECK_THAT(told_of({{.id = task, .work = work, .inputs_epoch = 2}}), !is_stopped);
  // The result of the task before it was told by a later scheduler: of another attempt, maybe.
  CHECK_THAT(told_of({{.id = task, .work = work, .inputs_epoch = 3}}), is_stopped);
  // The driver was not told what became of that one.
  const TaskSpec open{.id = before, .work = work};
  CHECK_THAT(told_of({open, {.id = task, .work = work, .after = {before}, .inputs = {before}}}), is_stopped);
  CHECK_THAT(told_of({open, {.id = task, .work = work, .after = {before}}}), !is_stopped);
}

TEST_CASE("what a node said before it knew that its report was taken is not believed", "[scheduler]") {
  const RunningAttempt orphan{.task = {{1}, 1}, .attempt = {1, 1}, .grant = {.cpus = 1000}};
  const NodeHeard beat{{1}, 1, {orphan}};
  Scheduler scheduler({.node_timeout = 300ms}, {.epoch = 2}, Time{0});
  (void)scheduler.step(0ms, NodeJoined{{1}, 1, "a", {.cpus = 1000}, {orphan}});
  for (const Time tick : {70ms, 140ms, 210ms, 280ms}) {
    (void)scheduler.step(tick, beat);
    (void)scheduler.step(tick, Tick{});
  }
  (void)scheduler.step(300ms, Tick{});  // its driver did not come back
  (void)scheduler.step(301ms, AttemptEnded{{1}, 1, {orphan.task, orphan.attempt, AttemptEnd::cancelled}});
  CHECK(scheduler.nodes().front().free_cpus == 1000);
  (void)scheduler.step(302ms, beat);
  CHECK(scheduler.nodes().front().free_cpus == 1000);
  (void)scheduler.step(400ms, NodeHeard{{1}, 1, {}});
  (void)scheduler.step(500ms, beat);
  CHECK(scheduler.nodes().front().free_cpus == 0);
}

TEST_CASE("an actor that was starting when its scheduler was started anew is not waited for as if it would end",
          "[scheduler]") {
  Scenario cluster({.node_timeout = Time{5000},
                    .driver_timeout = Time{60'000},
                    .rejoin_grace = Time{50},
                    .line_patience = Time{100}});
  cluster.joins("a", {.cpus = 4000}).submits("actor", {.needs = {.cpus = 2000}, .is_actor = true});
  cluster.at(10ms).restarts_scheduler().joins_again("a").driver_joins().submits_again();
  REQUIRE(cluster.at(100ms).state_of("actor") == "running");
  cluster.submits("large", {.needs = {.cpus = 4000}});
  cluster.at(600ms).submits("small");
  CHECK(cluster.state_of("small") == "running");
}

TEST_CASE("a running task whose lock another has by now is stopped, and runs anew when the lock is free",
          "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .driver_timeout = Time{60'000}});
  cluster.joins("a", {.cpus = 4000}).joins("b", {.cpus = 1000});
  cluster.submits("t1", {.locks = {"x"}});
  const std::string node = cluster.free_cpus("a") == 4000 ? "b" : "a";
  cluster.at(10ms).restarts_scheduler().joins_again(node == "a" ? "b" : "a").driver_joins().submits_again();
  cluster.at(20ms).asks(sync::Acquire{.name = "x", .lease = std::chrono::minutes(10)});
  cluster.at(6010ms).joins_again(node);
  CHECK(cluster.state_of("t1") == "ready");
  cluster.stops(node, "t1#1");
  CHECK(cluster.state_of("t1") == "ready");
  cluster.asks(sync::Release{(std::uint64_t{2} << 44) | 1});
  cluster.at(6020ms);
  CHECK(cluster.state_of("t1") == "running");
}

TEST_CASE("who holds a lock has the whole grace to say so, however long the scheduler was about its books",
          "[scheduler]") {
  Scenario cluster({.driver_timeout = Time{60'000}});
  cluster.joins("a", one_cpu).asks(sync::Acquire{.name = "x", .lease = std::chrono::minutes(10)});
  cluster.at(10ms).restarts_scheduler(Time{6000}).as_driver(2).asks(sync::Acquire{.name = "x"});
  (void)cluster.transcript();
  cluster.at(6100ms).as_driver(1).driver_joins();
  cluster.asks(sync::Acquire{.name = "x", .lease = std::chrono::minutes(10), .held = (std::uint64_t{1} << 44) | 1});
  CHECK_THAT(cluster.transcript(), Catch::Contains("granted as 1"));
}

TEST_CASE("an actor that belongs to no driver lives on under the next scheduler", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits("actor", {.is_actor = true}).has_actor_up("a", "actor#1");
  cluster.driver_leaves();
  CHECK(cluster.state_of("actor") == "running");
  cluster.at(10ms).restarts_scheduler().joins_again("a");
  cluster.at(200ms).hears("a").at(400ms).hears("a");
  CHECK(cluster.state_of("actor") == "running");
  cluster.at(500ms).driver_joins().cancels("actor").stops("a", "actor#1");
  CHECK(cluster.state_of("actor") == "cancelled");
}
