// Tasks that are given to a node before it has room for them.
#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

std::string task(int number) { return "t" + std::to_string(number); }

/// One cpu on which tasks of one job end at once, until it is known that they do. The next is `quick_from`.
constexpr int quick_from = 40;
void run_quick_ones(Scenario& cluster, int tasks) {
  cluster.joins("a", {.cpus = 1000});
  for (int i = 1; i <= tasks; ++i) cluster.submits(task(i));
  for (int i = 1; i < quick_from; ++i) cluster.finishes("a", task(i) + "#1");
}

}  // namespace

TEST_CASE("where tasks end at once, the next ones wait at the node, and hold nothing there", "[scheduler]") {
  Scenario cluster;
  run_quick_ones(cluster, 100);
  CHECK(cluster.state_of(task(quick_from + 10)) == "running");
  CHECK(cluster.free_cpus("a") == 0);
  (void)cluster.transcript();
  cluster.finishes("a", task(quick_from) + "#1").finishes("a", task(quick_from + 1) + "#1");
  CHECK(cluster.free_cpus("a") == 0);
}

TEST_CASE("tasks whose ends are told together, those of one worker first, are as quick as others", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 2000});
  for (int i = 1; i <= 5000; ++i) cluster.submits(task(i));
  int first = 1;
  int next = 1;
  for (int batch = 1; batch <= 22; ++batch) {
    for (next = first; cluster.state_of(task(next)) == "running";) ++next;
    cluster.at(batch * 1ms);
    for (const int worker : {0, 1})
      for (int i = first + worker; i < next; i += 2) cluster.finishes("a", task(i) + "#1");
    first = next;
  }
  for (next = first; cluster.state_of(task(next)) == "running";) ++next;
  CHECK(next - first == 2 + 2 * 128);
}

TEST_CASE("nothing is given ahead before tasks of the job have shown to be quick", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000});
  for (int i = 1; i <= 100; ++i) cluster.submits(task(i));
  for (int i = 1; i < 60; ++i) cluster.at(i * 10ms).finishes("a", task(i) + "#1");
  CHECK(cluster.state_of(task(60)) == "running");
  CHECK(cluster.state_of(task(61)) == "ready");
}

TEST_CASE("what waits at a node behind a task that takes long is taken back for other nodes", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}});
  run_quick_ones(cluster, 60);
  const std::string waits = task(quick_from + 5);
  REQUIRE(cluster.state_of(waits) == "running");
  cluster.at(1500ms).joins("b", {.cpus = 100'000});
  CHECK(cluster.state_of(waits) == "running");
  cluster.stops("a", waits + "#1").finishes("b", waits + "#2");
  CHECK(cluster.state_of(waits) == "done");
  CHECK(cluster.state_of(task(quick_from)) == "running");
}

TEST_CASE("a node that is kept for a large task is given nothing ahead", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .line_patience = Time{100}});
  cluster.joins("a", {.cpus = 2000});
  for (int i = 1; i <= 600; ++i) cluster.submits(task(i));
  cluster.submits("large", {.needs = {.cpus = 2000}});
  int next = 1;
  for (; next < 600 && cluster.state_of("large") == "ready"; ++next)
    cluster.at(next * 1ms).finishes("a", task(next) + "#1");
  CHECK(cluster.state_of("large") == "running");
  CHECK(next < 400);
  CHECK(cluster.state_of(task(600)) == "ready");
}

TEST_CASE("nothing is given ahead while it is another's turn, whatever that needs", "[scheduler]") {
  Scenario cluster;
  run_quick_ones(cluster, 400);
  const bool has_higher_priority = GENERATE(false, true);
  if (!has_higher_priority) cluster.as_durable_job();
  for (int i = 0; i < 5; ++i)
    cluster.submits("other" + std::to_string(i),
                    {.needs = {.cpus = 1000, .named = {}}, .priority = has_higher_priority, .spreads = true});
  int next = quick_from;
  for (; next < 390 && cluster.state_of("other4") == "ready"; ++next) {
    cluster.finishes("a", task(next) + "#1");
    for (int i = 0; i < 5; ++i)
      if (cluster.state_of("other" + std::to_string(i)) == "running")
        cluster.finishes("a", "other" + std::to_string(i) + "#1");
  }
  CHECK(next < quick_from + 200);
}

TEST_CASE("what was given ahead and is cancelled counts in its job's share while it holds room, and not after",
          "[scheduler]") {
  Scenario cluster;
  run_quick_ones(cluster, 60);
  const std::string waits = task(quick_from + 1);
  cluster.cancels(waits);
  cluster.finishes("a", task(quick_from) + "#1").stops("a", waits + "#1");
  CHECK(cluster.state_of(waits) == "cancelled");
  CHECK(cluster.state_of(task(quick_from + 2)) == "running");
}

TEST_CASE("what was given ahead to a node that dies runs elsewhere", "[scheduler]") {
  Scenario cluster;
  run_quick_ones(cluster, 60);
  cluster.joins("b", {.cpus = 100'000}).leaves("a");
  CHECK(cluster.state_of(task(quick_from + 5)) == "running");
  cluster.finishes("b", task(quick_from + 5) + "#2");
  CHECK(cluster.state_of(task(quick_from + 5)) == "done");
}
