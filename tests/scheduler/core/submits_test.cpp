#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity two_cpus{.cpus = 2000, .memory_bytes = std::int64_t{1} << 30};

/// What a submit on a cluster of one node of two cpus is answered.
std::string answer_to(const std::vector<std::pair<std::string, TaskWish>>& tasks) {
  Scenario cluster;
  cluster.joins("a", two_cpus);
  (void)cluster.transcript();
  cluster.submits_all(tasks);
  CHECK(cluster.tasks_known() == 0);
  const std::string text = cluster.transcript();
  const std::string before = "answer d 1: ";
  const std::size_t from = text.find(before) + before.size();
  return text.substr(from, text.find('\n', from) - from);
}

}  // namespace

TEST_CASE("a submit is refused as a whole, in one line that names the task", "[scheduler]") {
  CHECK(answer_to({{"small", {}}, {"big", {.needs = {.cpus = 8000}}}}) ==
        "task 'big' needs 8 cpus; the nearest, node 'a', has 2 cpus, 0 gpus, 1024 MiB");
  CHECK(answer_to({{"half", {.needs = {.gpus = 1500}}}}) ==
        "task 'half': gpus is 1.5: expected at most 1, or a whole number");
  CHECK(answer_to({{"x", {.after = {"y"}}}, {"y", {.after = {"x"}}}}) ==
        "task 'x' waits for itself: 'after' goes in a circle");
  CHECK(answer_to({{"never", {.max_attempts = 0}}}) == "task 'never': max_attempts is 0: expected 1 to 1000");
  CHECK(answer_to({{"x", {}}, {"x", {}}}) == "task 'x' has number 1, which is there twice");
}

TEST_CASE("what no order could carry is refused as it is submitted", "[scheduler]") {
  Scenario cluster({.most_input_bytes = 1000});
  cluster.submits(std::string(2000, 'n'));
  CHECK(cluster.tasks_known() == 0);
  CHECK_THAT(cluster.transcript(), Catch::Contains("has 2200 bytes of arguments and text; at most 1000 can be"));
}

TEST_CASE("a task whose inputs are too large beside what it was submitted with fails", "[scheduler]") {
  Scenario cluster({.most_input_bytes = 1000});
  cluster.joins("a", two_cpus);
  cluster.submits_all({{"makes", {}}, {"takes", {.inputs = {"makes"}}}});
  cluster.finishes("a", "makes#1", std::string(900, 'r'));
  CHECK(cluster.state_of("takes") == "failed");
  CHECK_THAT(cluster.reason_of("takes"), Catch::Contains("bytes together; at most 1000 can be handed to a task"));
}

TEST_CASE("a gang is refused unless it is whole and could be held", "[scheduler]") {
  CHECK(answer_to({{"r0", {.gang = GangHint{.gang = 1, .size = 2, .rank = 0}}}}) ==
        "gang 1 has 1 of its 2 members: they are submitted together");
  CHECK(answer_to({{"r0", {.gang = GangHint{.gang = 1, .size = 2, .rank = 0}}},
                   {"r1", {.gang = GangHint{.gang = 1, .size = 2, .rank = 0}}}}) ==
        "gang 1: rank 0 is there twice, the second time as task 'r1'");
  CHECK(answer_to({{"r0", {.needs = {.cpus = 2000}, .gang = GangHint{.gang = 1, .size = 2, .rank = 0}}},
                   {"r1", {.needs = {.cpus = 1000}, .gang = GangHint{.gang = 1, .size = 2, .rank = 1}}}}) ==
        "gang 1: the nodes together cannot hold its gang: 2 members need 3 cpus in all");
  CHECK(answer_to({{"r0", {.gang = GangHint{.gang = 1, .size = 2, .rank = 0}}},
                   {"between", {.after = {"r0"}}},
                   {"r1", {.after = {"between"}, .gang = GangHint{.gang = 1, .size = 2, .rank = 1}}}}) ==
        "task 'r0' waits for itself: 'after' goes in a circle, or through its own gang");
}

TEST_CASE("a submit that names an unknown task before its own is refused", "[scheduler]") {
  Scenario cluster;
  cluster.submits("t1").cancels("t1").releases("t1");
  CHECK(cluster.tasks_known() == 0);
  (void)cluster.transcript();
  cluster.submits("t2", {.after = {"t1"}});
  CHECK(cluster.transcript() == R"(
0 d submits t2 by request 3 → answer d 3: task 't2' comes after task 0000000000000001.1, which is not known
)");
}

TEST_CASE("more tasks than there may be are refused", "[scheduler]") {
  Scenario cluster({.most_tasks = 2});
  cluster.submits("t1").submits_all({{"t2", {}}, {"t3", {}}});
  CHECK(cluster.transcript() == R"(
0 d submits t1 by request 1 → answer d 1: accepted
0 d submits t2, t3 by request 2 → answer d 2: 2 more tasks than the 1 there are would be more than 2
)");
}

TEST_CASE("the same submit again is answered the same way and changes nothing", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits_all({{"t1", {}}, {"t2", {}}}).submits_again();
  cluster.at(10ms).finishes("a", "t1#1", "1");
  cluster.at(20ms).submits_again().submits_again(true);
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 2 cpus, 0 gpus, 1024 MiB; runs nothing → welcome a
0 d submits t1, t2 by request 1 → answer d 1: accepted; run t1#1 on a; run t2#1 on a
0 d submits t1, t2 by request 1 → answer d 1: accepted
10 a reports t1#1 done → tell d: t1 done; acknowledge t1#1 to a
20 d submits t1, t2 by request 1 → tell d: t1 done; answer d 1: accepted
20 d submits t1, t2 by request 2 → answer d 2: accepted; tell d: t1 done
)");
}

TEST_CASE("what no node has is accepted while no node is there, and waits for one that has it", "[scheduler]") {
  Scenario cluster;
  cluster.submits("t1", {.needs = {.cpus = 4000}});
  CHECK(cluster.reason_of("t1") == "no node is there");
  cluster.at(10ms).joins("a", two_cpus);
  CHECK(cluster.reason_of("t1") == "no node has 4 cpus");
  cluster.at(20ms).joins("b", {.cpus = 4000});
  CHECK(cluster.state_of("t1") == "running");
}

TEST_CASE("a driver that falls silent has left: what it owned is stopped, its durable work goes on", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .driver_timeout = Time{300}});
  cluster.joins("a", two_cpus).submits("own");
  cluster.as_durable_job().submits("kept");
  cluster.at(200ms).driver_joins();
  (void)cluster.transcript();
  cluster.at(499ms);
  CHECK(cluster.state_of("own") == "running");
  cluster.at(600ms);
  CHECK(cluster.transcript() == R"(
500 tick → stop own#1 on a
)");
  CHECK(cluster.state_of("own") == "unknown");
  CHECK(cluster.state_of("kept") == "running");
}

TEST_CASE("a driver that was taken for dead learns at its next hello that it starts anew", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .driver_timeout = Time{300}});
  const auto since = [&] {
    const Effects effects = cluster.scheduler().step(cluster.now(), DriverJoined{{1}, {.id = {1}, .name = "own"}});
    for (const auto& effect : effects)
      if (const auto* welcome = std::get_if<WelcomeDriver>(&effect)) return welcome->since;
    return Time{-1};
  };
  CHECK(cluster.at(200ms).now() == 200ms);
  CHECK(since() == 0ms);
  cluster.at(600ms);
  CHECK(since() == 600ms);
  cluster.at(700ms);
  CHECK(since() == 600ms);
}
