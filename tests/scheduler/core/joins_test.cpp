// Joins: tasks without work, by which many come after many.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity two_cpus{.cpus = 2000};

/// Two tasks, their join, and two tasks after it.
std::vector<std::pair<std::string, TaskWish>> two_and_two() {
  return {{"a1", {}},
          {"a2", {}},
          {"all", {.after = {"a1", "a2"}, .is_join = true}},
          {"b1", {.after = {"all"}}},
          {"b2", {.after = {"all"}}}};
}

/// What a submit of one task is answered.
std::string refusal(const std::string& name, const TaskWish& wish) {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits("before");
  cluster.transcript();
  cluster.submits(name, wish);
  const std::string text = cluster.transcript();
  const std::string answer = "answer d 2: ";
  const auto at = text.find(answer) + answer.size();
  return text.substr(at, text.find_first_of(";\n", at) - at);
}

}  // namespace

TEST_CASE("a join is done in the step that ends the last before it, and what comes after it may start", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits_all(two_and_two());
  cluster.at(10ms).finishes("a", "a1#1");
  CHECK(cluster.state_of("all") == "waiting");
  cluster.transcript();
  cluster.at(20ms).finishes("a", "a2#1");
  CHECK(cluster.transcript() == R"(
20 a reports a2#1 done → save a2 done (a2#1 on a); save all done; save b1 running (b1#1 on a); save b2 running (b2#1 on a); tell d: a2 done; tell d: all done; acknowledge a2#1 to a; run b1#1 on a; run b2#1 on a
)");
}

TEST_CASE("a driver's own tasks may be joined, too", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits_all(two_and_two());
  cluster.at(10ms).finishes("a", "a1#1").finishes("a", "a2#1");
  CHECK(cluster.state_of("all") == "done");
  CHECK(cluster.state_of("b2") == "running");
}

TEST_CASE("joins after joins are done in one step, without a node", "[scheduler]") {
  Scenario cluster;
  cluster.transcript();
  cluster.as_durable_job().submits_all({{"first", {.is_join = true}},
                                        {"second", {.after = {"first"}, .is_join = true}},
                                        {"task", {.after = {"second"}}}});
  CHECK(cluster.transcript() == R"(
0 d submits first, second, task by request 1 → save job graph; save task first; save task second; save task task; save first done; save second done; save task ready; answer d 1: accepted; tell d: first done; tell d: second done
)");
  CHECK(cluster.reason_of("task") == "no node is there");
}

TEST_CASE("a join that is added behind tasks that have ended is done at once", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits("t1");
  cluster.at(10ms).finishes("a", "t1#1");
  cluster.submits_all({{"all", {.after = {"t1"}, .is_join = true}}, {"t2", {.after = {"all"}}}});
  CHECK(cluster.state_of("all") == "done");
  CHECK(cluster.state_of("t2") == "running");
}

TEST_CASE("a failure before a join skips what comes after it, naming the task that failed", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits_all(two_and_two());
  cluster.at(10ms).fails("a", "a1#1", {.exit_code = 3});
  CHECK(cluster.state_of("all") == "skipped");
  CHECK(cluster.reason_of("b1") == "task 'a1' failed: exit code 3");
  CHECK(cluster.state_of("b2") == "skipped");
  cluster.at(20ms).finishes("a", "a2#1");
  CHECK(cluster.state_of("all") == "skipped");
}

TEST_CASE("a join that is cancelled skips what comes after it", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits_all(two_and_two());
  cluster.cancels("all");
  CHECK(cluster.reason_of("b1") == "task 'all' was cancelled");
  cluster.at(10ms).finishes("a", "a1#1").finishes("a", "a2#1");
  CHECK(cluster.state_of("all") == "cancelled");
}

TEST_CASE("a join after untaken branches alone is skipped with them, after any other it is done", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job();
  cluster.submits_all({{"choose", {}},
                       {"left", {.inputs = {"choose"}, .when = "choose == 1"}},
                       {"right", {.inputs = {"choose"}, .when = "choose == 2"}},
                       {"none", {.after = {"left", "right"}, .is_join = true}},
                       {"some", {.after = {"left", "choose"}, .is_join = true}},
                       {"after_none", {.after = {"none"}}},
                       {"after_some", {.after = {"some"}}}});
  cluster.at(10ms).finishes("a", "choose#1", "3");
  CHECK(cluster.state_of("none") == "skipped");
  CHECK(cluster.reason_of("after_none") ==
        "task 'left' was skipped: its condition `choose == 1` is false: choose is 3");
  CHECK(cluster.state_of("some") == "done");
  CHECK(cluster.state_of("after_some") == "running");
}

TEST_CASE("a join waits on across a restart of the scheduler", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits_all(two_and_two());
  cluster.at(10ms).finishes("a", "a1#1");
  cluster.restarts_scheduler().joins_again("a");
  CHECK(cluster.state_of("all") == "waiting");
  cluster.at(100ms).finishes("a", "a2#1");
  CHECK(cluster.state_of("all") == "done");
  CHECK(cluster.state_of("b1") == "running");
}

TEST_CASE("a store in which a join is left behind by those before it is put right by the first step", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits_all({{"t1", {}}, {"all", {.after = {"t1"}, .is_join = true}}});
  cluster.at(10ms).finishes("a", "t1#1");
  StoredState stored = cluster.stored();
  ++stored.epoch;
  stored.tasks.at(1).progress = {};
  REQUIRE(stored.tasks.at(1).spec.is_join());
  Scheduler scheduler({}, stored, Time{20});
  const Effects effects = scheduler.step(Time{20}, Tick{});
  const auto* saved = std::get_if<SaveProgress>(&effects.front());
  REQUIRE(saved != nullptr);
  CHECK(saved->task == stored.tasks.at(1).spec.id);
  CHECK(saved->progress.state == TaskState::done);
}

TEST_CASE("what waits behind a join waits for the tasks before the join", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).as_durable_job().submits_all(two_and_two());
  CHECK(cluster.reason_of("b1") == "waits for task 'a1' and 1 more");
  cluster.at(10ms).finishes("a", "a1#1");
  CHECK(cluster.reason_of("b1") == "waits for task 'a2'");
}

TEST_CASE("a join of a compacted graph is none of its tasks", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{3'600'000}, .keep_finished = Time{1000}, .driver_timeout = Time{3'600'000}});
  cluster.joins("a", two_cpus).as_durable_job();
  cluster.submits_all({{"t1", {}}, {"all", {.after = {"t1"}, .is_join = true}}});
  cluster.at(10ms).finishes("a", "t1#1").at(2000ms);
  CHECK(cluster.stored().summaries.at(0).tasks == std::vector<std::uint32_t>{0, 0, 0, 1, 0, 0, 0});
}

TEST_CASE("a join with anything that only a task that runs can have is refused", "[scheduler]") {
  const auto refused_for = [](const std::string& what) {
    return "task 'all' is a join and has " + what + ": nothing of it runs";
  };
  CHECK(refusal("all", {.needs = {.cpus = 500}, .is_join = true}) == refused_for("needs"));
  CHECK(refusal("all", {.inputs = {"before"}, .is_join = true}) == refused_for("inputs"));
  CHECK(refusal("all", {.is_join = true, .gang = GangHint{.gang = 9}}) == refused_for("a gang"));
  CHECK(refusal("all", {.is_join = true, .repeat = "all == 1"}) == refused_for("a loop"));
  CHECK(refusal("all", {.is_join = true, .retry = RetryRule{}}) == refused_for("a retry rule"));
  CHECK(refusal("all", {.is_join = true, .timeout = 10ms}) == refused_for("a time-out"));
  CHECK(refusal("all", {.is_join = true, .cache = true}) == refused_for("a cached result"));
  CHECK(refusal("all", {.is_join = true, .locks = {"l"}}) == refused_for("locks"));
  CHECK(refusal("all", {.after = {"before"}, .is_join = true}) == "accepted");
}
