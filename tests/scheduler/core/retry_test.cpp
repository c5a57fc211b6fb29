// Which failures have another attempt, when it comes, and attempts whose time is over.
#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity one_cpu{.cpus = 1000};
const RetryRule patient{.delay = 100ms, .longest_delay = 300ms};

}  // namespace

TEST_CASE("a failure by a cause that is not named is final", "[scheduler]") {
  Scenario cluster;
  const RetryRule some{.exit_codes = {75}, .signals = {9}};
  cluster.joins("a", one_cpu).submits("t1", {.max_attempts = 5, .retry = some});
  cluster.fails("a", "t1#1", {.exit_code = 75});
  CHECK(cluster.state_of("t1") == "running");
  cluster.fails("a", "t1#2", {.signal = 9});
  CHECK(cluster.state_of("t1") == "running");
  cluster.fails("a", "t1#3", {.exit_code = 9});
  CHECK(cluster.state_of("t1") == "failed");
  CHECK(cluster.reason_of("t1") == "exit code 9");
}

TEST_CASE("a loss is not a failure: it is tried again whatever causes are named", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).joins("b", one_cpu).submits("t1", {.retry = RetryRule{.exit_codes = {75}}});
  cluster.leaves("a");
  CHECK(cluster.state_of("t1") == "running");
}

TEST_CASE("attempts come after a delay that doubles up to its longest", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1", {.max_attempts = 9, .retry = patient});
  cluster.transcript();
  cluster.at(10ms).fails("a", "t1#1", {.exit_code = 1});
  cluster.at(50ms).hears("a").at(200ms).hears("a");
  cluster.at(210ms).fails("a", "t1#2", {.exit_code = 1});
  cluster.at(400ms).hears("a");
  cluster.at(450ms).hears("a").fails("a", "t1#3", {.exit_code = 1});
  cluster.at(600ms).hears("a").at(750ms).hears("a").at(760ms);
  CHECK(cluster.transcript() == R"(
10 a reports t1#1 failed: exit code 1 → acknowledge t1#1 to a
50 a is heard; runs nothing → nothing
110 tick → run t1#2 on a
200 a is heard; runs t1#2 → nothing
210 a reports t1#2 failed: exit code 1 → acknowledge t1#2 to a
400 a is heard; runs nothing → nothing
410 tick → run t1#3 on a
450 a is heard; runs t1#3 → nothing
450 a reports t1#3 failed: exit code 1 → acknowledge t1#3 to a
600 a is heard; runs nothing → nothing
750 tick → run t1#4 on a
750 a is heard; runs t1#4 → nothing
)");
}

TEST_CASE("a delay goes on over a restart of the scheduler", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits("t1", {.max_attempts = 2, .retry = patient});
  cluster.transcript();
  cluster.at(10ms).fails("a", "t1#1", {.exit_code = 1});
  cluster.at(20ms).restarts_scheduler().joins_again("a").at(120ms);
  CHECK(cluster.transcript() == R"(
10 a reports t1#1 failed: exit code 1 → save t1 waiting (t1#1 on a), again at 110; acknowledge t1#1 to a
20 the scheduler starts again, epoch 2
20 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
110 tick → save t1 running (t1#2@2 on a); run t1#2@2 on a
)");
}

TEST_CASE("a task that waits for its next attempt can be cancelled", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1", {.max_attempts = 2, .retry = patient});
  cluster.fails("a", "t1#1", {.exit_code = 1});
  CHECK(cluster.reason_of("t1") == "waits until its next attempt is due");
  cluster.at(50ms).cancels("t1").hears("a").transcript();
  cluster.at(200ms);
  CHECK(cluster.state_of("t1") == "cancelled");
  CHECK(cluster.transcript() == "\n");
}

TEST_CASE("a gang waits for the delay of the member that failed", "[scheduler]") {
  Scenario cluster;
  const auto member = [](std::uint32_t rank) {
    return TaskWish{.needs = {.cpus = 500},
                    .max_attempts = 2,
                    .gang = GangHint{.gang = 1, .size = 2, .rank = rank},
                    .retry = patient};
  };
  cluster.joins("a", one_cpu).submits_all({{"g0", member(0)}, {"g1", member(1)}});
  cluster.at(10ms).fails("a", "g1#1", {.exit_code = 1}).stops("a", "g0#1");
  CHECK(cluster.state_of("g0") == "ready");
  cluster.at(100ms).hears("a");
  CHECK(cluster.state_of("g0") == "ready");
  cluster.at(110ms);
  CHECK(cluster.state_of("g0") == "running");
  CHECK(cluster.state_of("g1") == "running");
}

TEST_CASE("an attempt whose node does not keep its time-out is stopped and counted", "[scheduler]") {
  Scenario cluster({.timeout_grace = Time{200}});
  cluster.joins("a", one_cpu).submits("t1", {.timeout = 100ms}).transcript();
  for (Time at = 100ms; at <= 400ms; at += 100ms) cluster.at(at).hears("a");
  CHECK(cluster.state_of("t1") == "failed");
  CHECK(cluster.reason_of("t1") == "timed out after 100 ms, and its node did not end it");
  CHECK(cluster.free_cpus("a") == 0);
  cluster.stops("a", "t1#1");
  CHECK(cluster.free_cpus("a") == 1000);
}

TEST_CASE("an attempt that ends in time is not touched by its time-out", "[scheduler]") {
  Scenario cluster({.timeout_grace = Time{200}});
  cluster.joins("a", one_cpu).submits("t1", {.timeout = 100ms}).at(50ms).finishes("a", "t1#1");
  for (Time at = 100ms; at <= 400ms; at += 100ms) cluster.at(at).hears("a");
  CHECK(cluster.state_of("t1") == "done");
}

TEST_CASE("a time-out begins anew with the scheduler: the one before may have had another clock", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{1000}, .rejoin_grace = Time{50}, .timeout_grace = Time{200}});
  cluster.joins("a", one_cpu).as_durable_job().submits("t1", {.timeout = 100ms});
  cluster.at(250ms).hears("a").restarts_scheduler().joins_again("a");
  cluster.at(400ms).hears("a");
  cluster.at(540ms).hears("a");
  CHECK(cluster.state_of("t1") == "running");
  cluster.at(550ms);
  CHECK(cluster.state_of("t1") == "failed");
}

TEST_CASE("a record keeps so many attempts; those that were stopped for others go first", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .line_patience = Time{10}, .most_attempts_kept = 3});
  cluster.joins("a", one_cpu).submits("t1", {.max_attempts = 9, .preemptible = true});
  cluster.fails("a", "t1#1", {.exit_code = 1}).submits("urgent", {.priority = 1}).at(20ms).stops("a", "t1#2");
  cluster.finishes("a", "urgent#1").fails("a", "t1#3", {.exit_code = 1});
  const auto numbers = [&] {
    std::string text;
    const auto& attempts = cluster.scheduler().tasks_of({1})[0].progress.attempts;
    for (const auto& each : attempts) text += ' ' + std::to_string(each.id.number);
    return text;
  };
  CHECK(numbers() == " 1 3 4");
  cluster.fails("a", "t1#4", {.exit_code = 1});
  CHECK(numbers() == " 3 4 5");
}
