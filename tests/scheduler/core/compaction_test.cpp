#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity two_cpus{.cpus = 2000};

Settings settings() {
  return {.node_timeout = Time{3'600'000},
          .keep_finished = Time{1000},
          .most_summaries = 2,
          .driver_timeout = Time{3'600'000},
          .rejoin_grace = Time{50}};
}

}  // namespace

TEST_CASE("a graph is compacted some time after its last task has ended", "[scheduler]") {
  Scenario cluster(settings());
  cluster.joins("a", two_cpus).as_durable_job().submits("t1").submits("t2");
  cluster.at(100ms).finishes("a", "t1#1");
  cluster.at(300ms).fails("a", "t2#1", {.exit_code = 3});
  (void)cluster.transcript();
  cluster.at(1299ms);
  CHECK(cluster.state_of("t1") == "done");
  cluster.at(1300ms);
  CHECK(cluster.transcript() == R"(
1300 tick → compact job graph
)");
  CHECK(cluster.tasks_known() == 0);
  const GraphSummary& summary = cluster.stored().summaries.at(0);
  CHECK(summary.job.name == "graph");
  CHECK(summary.tasks == std::vector<std::uint32_t>{0, 0, 0, 1, 1, 0, 0});
  CHECK(summary.started_ms == 0);
  CHECK(summary.ended_ms == 300);
}

TEST_CASE("a graph that is given another task is not compacted before that one has ended", "[scheduler]") {
  Scenario cluster(settings());
  cluster.joins("a", two_cpus).as_durable_job().submits("t1");
  cluster.at(100ms).finishes("a", "t1#1");
  cluster.at(500ms).submits("t2");
  cluster.at(5'000ms).finishes("a", "t2#1");
  CHECK(cluster.state_of("t1") == "done");
  cluster.at(5'999ms);
  CHECK(cluster.state_of("t1") == "done");
  cluster.at(6'000ms);
  CHECK(cluster.state_of("t1") == "unknown");
}

TEST_CASE("a restart forgets neither when a graph ended nor which summaries are the oldest", "[scheduler]") {
  Scenario cluster(settings());
  cluster.joins("a", two_cpus).as_durable_job().submits("t1");
  cluster.at(100ms).finishes("a", "t1#1");
  cluster.at(600ms).restarts_scheduler();
  cluster.at(1'099ms);
  CHECK(cluster.state_of("t1") == "done");
  cluster.at(1'100ms);
  CHECK(cluster.state_of("t1") == "unknown");

  StoredState stored{.epoch = 2};
  for (const std::int64_t ended : {30, 10, 20})
    stored.summaries.push_back({.job = {.id = JobId{static_cast<std::uint64_t>(ended)}}, .ended_ms = ended});
  Scheduler scheduler(settings(), stored, Time{100});
  const Effects effects = scheduler.step(Time{100}, Tick{});
  REQUIRE(std::holds_alternative<DropSummary>(effects.at(0)));
  CHECK(std::get<DropSummary>(effects[0]).job == JobId{10});
  CHECK(std::count_if(effects.begin(), effects.end(), is_write) == 1);
}

TEST_CASE("a graph that ended without an attempt is kept as long as any other, after a restart, too", "[scheduler]") {
  Scenario cluster(settings());
  cluster.as_durable_job().at(5'000ms).submits("t1").cancels("t1");
  cluster.at(5'100ms).restarts_scheduler();
  cluster.at(6'099ms);
  CHECK(cluster.state_of("t1") == "cancelled");
  cluster.at(6'100ms);
  CHECK(cluster.state_of("t1") == "unknown");
  CHECK(cluster.stored().summaries.at(0).ended_ms == 5'100);
}

TEST_CASE("a clock that was set on between two schedulers does not make graphs vanish", "[scheduler]") {
  Scenario cluster(settings());
  cluster.joins("a", two_cpus).as_durable_job().submits("t1").at(100ms).finishes("a", "t1#1");
  Scheduler later(settings(), cluster.stored(), 100'000ms);
  const auto drops_at = [&](Time at) {
    const auto effects = later.step(at, Tick{});
    return std::any_of(effects.begin(), effects.end(), [](const Effect& effect) {
      const auto* saved = std::get_if<SaveSummary>(&effect);
      return saved != nullptr && saved->summary.ended_ms == 100;
    });
  };
  CHECK_FALSE(drops_at(100'000ms));
  CHECK_FALSE(drops_at(100'141ms));
  CHECK(drops_at(100'142ms));  // A seventh of the time.
}
