#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {
const NodeCapacity one_cpu{.cpus = 1000};
const NodeCapacity two_cpus{.cpus = 2000};
}  // namespace

TEST_CASE("a task waits for those before it and takes their results", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits_all({{"left", {}}, {"right", {}}, {"sum", {.inputs = {"left", "right"}}}});
  CHECK(cluster.reason_of("sum") == "waits for task 'left' and 1 more");
  cluster.at(10ms).finishes("a", "left#1", "1");
  CHECK(cluster.reason_of("sum") == "waits for task 'right'");
  cluster.at(20ms).finishes("a", "right#1", "2");
  cluster.at(30ms).finishes("a", "sum#1", "3");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 2 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits left, right, sum by request 1 → answer d 1: accepted; run left#1 on a; run right#1 on a
10 a reports left#1 done → tell d: left done; acknowledge left#1 to a
20 a reports right#1 done → tell d: right done; acknowledge right#1 to a; run sum#1 on a
30 a reports sum#1 done → tell d: sum done; acknowledge sum#1 to a
)");
}

TEST_CASE("a task whose worker is killed runs again and its first result, arriving late, is dropped", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1", {.max_attempts = 2});
  cluster.at(10ms).fails("a", "t1#1", {.signal = 9});
  cluster.at(20ms).finishes("a", "t1#1", "late");
  cluster.at(30ms).finishes("a", "t1#2", "right");
  cluster.at(40ms).finishes("a", "t1#2", "right");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on a
10 a reports t1#1 failed: signal 9 → acknowledge t1#1 to a; run t1#2 on a
20 a reports t1#1 done → ignored: the attempt is not the current one, or has been reported; acknowledge t1#1 to a
30 a reports t1#2 done → tell d: t1 done; acknowledge t1#2 to a
40 a reports t1#2 done → ignored: the attempt is not the current one, or has been reported; acknowledge t1#2 to a
)");
}

TEST_CASE("a task that has used up its attempts fails, and what hangs on it is skipped with the cause", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits_all({{"a1", {}}, {"b", {.after = {"a1"}}}, {"c", {.after = {"b"}}}});
  cluster.at(10ms).fails("a", "a1#1", {.exit_code = 3});
  cluster.at(20ms).submits("d1", {.after = {"b"}});
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits a1, b, c by request 1 → answer d 1: accepted; run a1#1 on a
10 a reports a1#1 failed: exit code 3 → tell d: a1 failed: exit code 3; tell d: b skipped: task 'a1' failed: exit code 3; tell d: c skipped: task 'a1' failed: exit code 3; acknowledge a1#1 to a
20 d submits d1 by request 2 → answer d 2: accepted; tell d: d1 skipped: task 'a1' failed: exit code 3
)");
}

TEST_CASE("a cancelled task ends at once, and its cpu is free when its node has stopped it", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1").submits("t2").submits("t3", {.after = {"t1"}});
  cluster.at(10ms).cancels("t1");
  CHECK(cluster.free_cpus("a") == 0);
  cluster.at(20ms).stops("a", "t1#1");
  cluster.at(30ms).cancels("t1");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on a
0 d submits t2 by request 2 → answer d 2: accepted
0 d submits t3 by request 3 → answer d 3: accepted
10 d cancels t1 by request 4 → stop t1#1 on a; tell d: t1 cancelled: on request; tell d: t3 skipped: task 't1' was cancelled; answer d 4: accepted
20 a reports t1#1 cancelled: it was told to stop → ignored: the attempt was told to stop; acknowledge t1#1 to a; run t2#1 on a
30 d cancels t1 by request 5 → answer d 5: accepted
)");
}

TEST_CASE("an actor is announced, restarted as often as it may be, and then failed", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("actor", {.max_attempts = 2, .is_actor = true});
  cluster.at(10ms).has_actor_up("a", "actor#1").has_actor_up("a", "actor#1");
  cluster.at(20ms).fails("a", "actor#1", {.signal = 11});
  cluster.at(30ms).has_actor_up("a", "actor#2");
  cluster.at(40ms).fails("a", "actor#2", {.signal = 11});
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits actor by request 1 → answer d 1: accepted; run actor#1 on a
10 a has actor actor#1 up at ipc://actor#1 → tell d: actor actor#1 up at ipc://actor#1
10 a has actor actor#1 up at ipc://actor#1 → ignored: it is known that the actor is up
20 a reports actor#1 failed: signal 11 → tell d: actor actor#1 down: signal 11; acknowledge actor#1 to a; run actor#2 on a
30 a has actor actor#2 up at ipc://actor#2 → tell d: actor actor#2 up at ipc://actor#2
40 a reports actor#2 failed: signal 11 → tell d: actor actor#2 down: signal 11; tell d: actor failed: signal 11; acknowledge actor#2 to a
)");
}

TEST_CASE("released tasks are forgotten once nothing needs them", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits_all({{"t1", {}}, {"t2", {.inputs = {"t1"}}}});
  cluster.at(10ms).finishes("a", "t1#1", "1").releases("t1");
  CHECK(cluster.tasks_known() == 2);
  cluster.at(20ms).finishes("a", "t2#1", "2");
  CHECK(cluster.tasks_known() == 1);
  cluster.releases("t2").releases("t2");
  CHECK(cluster.tasks_known() == 0);
}

TEST_CASE("a driver's work ends with it, and its grants are kept until the nodes have answered", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits_all({{"t1", {}}, {"t2", {.after = {"t1"}}}});
  cluster.at(10ms).driver_leaves();
  CHECK(cluster.tasks_known() == 0);
  CHECK(cluster.free_cpus("a") == 0);
  cluster.at(20ms).hears("a").hears("a");
  cluster.at(30ms).stops("a", "t1#1");
  CHECK(cluster.free_cpus("a") == 1000);
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1, t2 by request 1 → answer d 1: accepted; run t1#1 on a
10 d leaves → stop t1#1 on a
20 a is heard; runs t1#1 → nothing
20 a is heard; runs t1#1 → stop t1#1 on a
30 a reports t1#1 cancelled: it was told to stop → ignored: the attempt was told to stop; acknowledge t1#1 to a
)");
}

TEST_CASE("a driver taken for dead that comes back starts over with attempts that count on", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits("t1");
  cluster.at(10ms).driver_leaves().driver_joins().submits_again();
  cluster.at(20ms).finishes("a", "t1#1", "of the life before");
  CHECK(cluster.state_of("t1") == "running");
  cluster.at(30ms).finishes("a", "t1#2", "of this life");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 2 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on a
10 d leaves → stop t1#1 on a
10 d joins → welcome d
10 d submits t1 by request 1 → answer d 1: accepted; run t1#2 on a
20 a reports t1#1 done → ignored: the attempt was told to stop; acknowledge t1#1 to a
30 a reports t1#2 done → tell d: t1 done; acknowledge t1#2 to a
)");
}

TEST_CASE("what happened to a durable task is saved before anybody is told", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits_all({{"t1", {}}, {"t2", {.after = {"t1"}}}});
  cluster.at(10ms).finishes("a", "t1#1", "1");
  cluster.at(20ms).cancels("t2");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1, t2 by request 1 → save job graph; save task t1; save task t2; save t1 running (t1#1 on a); answer d 1: accepted; run t1#1 on a
10 a reports t1#1 done → save t1 done (t1#1 on a); save t2 running (t2#1 on a); tell d: t1 done; acknowledge t1#1 to a; run t2#1 on a
20 d cancels t2 by request 2 → save t2 cancelled (t2#1 on a); stop t2#1 on a; tell d: t2 cancelled: on request; answer d 2: accepted
)");
}
