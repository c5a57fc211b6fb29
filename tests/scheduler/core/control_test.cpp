// Branches, loops, and tasks that add to their own graph.
#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity two_cpus{.cpus = 2000};

}  // namespace

TEST_CASE("a branch that is not taken is skipped with the reason, and so is what hangs on it alone", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job();
  cluster.submits_all({{"join", {}},
                       {"publish", {.inputs = {"join"}, .when = "join.accuracy >= 0.9"}},
                       {"announce", {.after = {"publish"}}},
                       {"archive", {.after = {"publish", "join"}}},
                       {"report", {.after = {"announce", "publish"}}}});
  cluster.transcript();
  cluster.at(10ms).finishes("a", "join#1", R"({"accuracy": 0.83})");
  CHECK(cluster.transcript() == R"(
10 a reports join#1 done → save join done (join#1 on a); save publish skipped, its branch not taken; save announce skipped, its branch not taken; save archive running (archive#1 on a); save report skipped, its branch not taken; tell d: join done; tell d: publish skipped: its condition `join.accuracy >= 0.9` is false: join.accuracy is 0.83; tell d: announce skipped: task 'publish' was skipped: its condition `join.accuracy >= 0.9` is false: join.accuracy is 0.83; tell d: report skipped: task 'publish' was skipped: its condition `join.accuracy >= 0.9` is false: join.accuracy is 0.83; acknowledge join#1 to a; run archive#1 on a
)");
}

TEST_CASE("a branch that is taken runs, and the decision is stored", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job();
  cluster.submits_all({{"join", {}}, {"publish", {.inputs = {"join"}, .when = "join.accuracy >= 0.9"}}});
  cluster.transcript();
  cluster.at(10ms).finishes("a", "join#1", R"({"accuracy": 0.93})");
  CHECK(cluster.transcript() == R"(
10 a reports join#1 done → save join done (join#1 on a); save publish running (publish#1 on a), its branch taken; tell d: join done; acknowledge join#1 to a; run publish#1 on a
)");
}

TEST_CASE("a task that would be handed the result of a branch that was not taken is skipped with it", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job();
  cluster.submits_all({{"join", {}},
                       {"left", {.inputs = {"join"}, .when = "join == 1"}},
                       {"right", {.inputs = {"join"}, .when = "join != 1"}},
                       {"both", {.after = {"left", "right"}}},
                       {"from_left", {.after = {"right"}, .inputs = {"left"}}}});
  cluster.at(10ms).finishes("a", "join#1", "2");
  cluster.at(20ms).finishes("a", "right#1", "0");
  CHECK(cluster.state_of("left") == "skipped");
  CHECK(cluster.state_of("both") == "running");
  CHECK(cluster.state_of("from_left") == "skipped");
  CHECK(cluster.reason_of("from_left") == "task 'left' was skipped: its condition `join == 1` is false: join is 2");
}

TEST_CASE("a failure before it skips a task whatever branches there are", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job();
  cluster.submits_all({{"join", {}},
                       {"publish", {.inputs = {"join"}, .when = "join == 1"}},
                       {"other", {}},
                       {"last", {.after = {"publish", "other"}}}});
  cluster.at(10ms).finishes("a", "join#1", "2");
  cluster.at(20ms).fails("a", "other#1", {.exit_code = 3});
  CHECK(cluster.reason_of("last") == "task 'other' failed: exit code 3");
}

TEST_CASE("a condition that cannot be decided fails its task with the cause", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job();
  cluster.submits_all({{"join", {}}, {"publish", {.inputs = {"join"}, .when = "join.accuracy >= 0.9"}}});
  cluster.at(10ms).finishes("a", "join#1", R"({"loss": 1})");
  CHECK(cluster.state_of("publish") == "failed");
  CHECK(cluster.reason_of("publish") ==
        "its condition `join.accuracy >= 0.9` cannot be decided: join.accuracy: the result has no key 'accuracy'");
}

TEST_CASE("tasks that are added behind a branch that was not taken are skipped at once", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job();
  cluster.submits_all({{"join", {}}, {"publish", {.inputs = {"join"}, .when = "join == 1"}}});
  cluster.at(10ms).finishes("a", "join#1", "2");
  cluster.submits_all({{"late", {.after = {"publish"}}}, {"later", {.after = {"publish", "join"}}}});
  CHECK(cluster.state_of("late") == "skipped");
  CHECK(cluster.state_of("later") == "running");
}

TEST_CASE("a decided branch stays decided over a restart of the scheduler", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).as_durable_job();
  cluster.submits_all({{"join", {}},
                       {"publish", {.inputs = {"join"}, .when = "join >= 1"}},
                       {"rest", {.inputs = {"join"}, .when = "join < 1"}},
                       {"end", {.after = {"rest", "publish"}}}});
  cluster.at(10ms).finishes("a", "join#1", "2");
  cluster.restarts_scheduler().joins_again("a").at(80ms);
  CHECK(cluster.state_of("rest") == "skipped");
  CHECK(cluster.state_of("publish") == "running");
  cluster.finishes("a", "publish#1");
  CHECK(cluster.state_of("end") == "running");
}

TEST_CASE("a task repeats while its condition holds, and the iteration is stored", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).as_durable_job();
  cluster.submits("again", {.repeat = "again.loss > 0.1", .at_most = 10});
  cluster.transcript();
  cluster.at(10ms).finishes("a", "again#1", R"({"loss": 0.5})");
  cluster.restarts_scheduler().joins_again("a").at(80ms);
  cluster.at(90ms).finishes("a", "again#2", R"({"loss": 0.05})");
  CHECK(cluster.transcript() == R"(
10 a reports again#1 done → save again running (again#2 on a), iteration 1; acknowledge again#1 to a; run again#2 on a
10 the scheduler starts again, epoch 2
10 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs again#2 → welcome a
90 a reports again#2 done → save again done (again#2 on a), iteration 1; acknowledge again#2 to a
)");
}

TEST_CASE("a loop ends at its bound", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).as_durable_job();
  cluster.submits("again", {.repeat = "again > 0", .at_most = 3});
  for (const char* attempt : {"again#1", "again#2", "again#3"}) cluster.finishes("a", attempt, "1");
  CHECK(cluster.state_of("again") == "done");
}

TEST_CASE("each iteration has all its attempts", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).as_durable_job();
  cluster.submits("again", {.max_attempts = 2, .repeat = "again > 0", .at_most = 3});
  cluster.fails("a", "again#1", {.exit_code = 1}).finishes("a", "again#2", "1");
  cluster.fails("a", "again#3", {.exit_code = 1});
  CHECK(cluster.state_of("again") == "running");
  cluster.fails("a", "again#4", {.exit_code = 1});
  CHECK(cluster.state_of("again") == "failed");
}

TEST_CASE("a loop whose condition cannot be decided fails", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).as_durable_job();
  cluster.submits("again", {.repeat = "again.loss > 0.1"});
  cluster.finishes("a", "again#1", "{}");
  CHECK(cluster.reason_of("again") ==
        "its condition `again.loss > 0.1` cannot be decided: again.loss: the result has no key 'loss'");
}

TEST_CASE("conditions, loops and cached results are refused where they make no sense", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits("t", {.when = "1 == 1"});
  CHECK(cluster.transcript().find("task 't' has a condition, a loop or a cached result, which only tasks of a durable "
                                  "graph may have") != std::string::npos);
  cluster.as_durable_job().submits("u", {.when = "1 = 1"});
  CHECK(cluster.transcript().find("task 'u': the condition `1 = 1`: column 3: found '=', expected a comparison such as "
                                  "==") != std::string::npos);
  cluster.submits("v", {.repeat = "v > 0", .at_most = 1001});
  CHECK(cluster.transcript().find("task 'v' repeats at most 1001 times: expected 1 to 1000") != std::string::npos);
  cluster.submits("w", {.repeat = "w > 0", .cache = true});
  CHECK(cluster.transcript().find("task 'w' is an actor, in a gang, or repeats: its result cannot be cached") !=
        std::string::npos);
}

TEST_CASE("a running task adds tasks to its own graph, and both drivers are told", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits("root");
  cluster.as_driver(2).from("root").transcript();
  cluster.submits_all({{"more", {}}, {"last", {.after = {"root"}}}});
  cluster.at(10ms).finishes("a", "root#1").finishes("a", "more#1");
  CHECK(cluster.transcript() == R"(
0 d2 submits more, last from root by request 2 → save task more; save task last; save more running (more#1 on a); answer d2 2: accepted; run more#1 on a
10 a reports root#1 done → save root done (root#1 on a); save last running (last#1 on a); tell d: root done; tell d2: root done; acknowledge root#1 to a; run last#1 on a
10 a reports more#1 done → save more done (more#1 on a); tell d: more done; tell d2: more done; acknowledge more#1 to a
)");
}

TEST_CASE("a task that has ended adds nothing to its graph", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits("root").finishes("a", "root#1");
  cluster.as_driver(2).from("root").transcript();
  cluster.submits("more");
  CHECK(cluster.transcript() == R"(
0 d2 submits more from root by request 2 → answer d2 2: task 0000000000000002.1 is not running: only while it runs may it add to its graph
)");
}

TEST_CASE("two who add to one graph do not take each other's numbers", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits("root").from("root");
  TasksSubmitted one{
      {1}, 50, {.id = {2}, .name = "graph", .durable = true}, {{.id = {{2}, 9}, .name = "mine"}}, {{2}, 1}};
  TasksSubmitted other = one;
  other.request = 51;
  other.tasks.front().name = "yours";
  (void)cluster.scheduler().step(1ms, one);
  const Effects effects = cluster.scheduler().step(2ms, other);
  CHECK(std::get<AnswerRequest>(effects.front()).refusal ==
        "task 'yours' has number 9, which is that of task 'mine': choose another");
}

TEST_CASE("the drivers of one graph are bounded", "[scheduler]") {
  Scenario cluster({.most_watchers = 2});
  cluster.joins("a", two_cpus).as_durable_job().submits("root");
  cluster.as_driver(2).submits("t2").as_driver(3).transcript();
  cluster.submits("t3");
  CHECK(cluster.transcript().find("answer d3 3: job 'graph' has 2 drivers, the most there may be") !=
        std::string::npos);
}
