// Tasks that are given to a node while what they come after still runs there.
#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

/// Node 'a' of two cpus, and a driver whose tasks have been quick.
void is_quick(Scenario& cluster) {
  cluster.joins("a", {.cpus = 2000});
  for (int i = 1; i <= 60; ++i) cluster.submits("q" + std::to_string(i));
  for (int i = 1; i <= 60; ++i) cluster.finishes("a", "q" + std::to_string(i) + "#1");
  (void)cluster.transcript();
}

}  // namespace

TEST_CASE("a task is given behind those that it comes after, and holds nothing before they have ended", "[scheduler]") {
  Scenario cluster;
  is_quick(cluster);
  cluster.submits("p").submits("t", {.inputs = {"p"}}).submits("u", {.inputs = {"p", "t"}});
  CHECK(cluster.transcript() == R"(
0 d submits p by request 61 → answer d 61: accepted; run p#1 on a
0 d submits t by request 62 → answer d 62: accepted; run t#1 on a
0 d submits u by request 63 → answer d 63: accepted; run u#1 on a
)");
  CHECK(cluster.free_cpus("a") == 1000);
  cluster.finishes("a", "p#1", "1");
  CHECK(cluster.free_cpus("a") == 1000);  // t has begun
  CHECK(cluster.state_of("u") == "running");
  cluster.finishes("a", "t#1", "2").finishes("a", "u#1", "3");
  CHECK(cluster.state_of("u") == "done");
  CHECK(cluster.free_cpus("a") == 2000);
}

TEST_CASE("an order names the attempts that it awaits, and brings the values of what has ended", "[scheduler]") {
  Scenario cluster;
  is_quick(cluster);
  cluster.submits("done").finishes("a", "done#1", "7").submits("p");
  cluster.submits("t", {.after = {"p"}, .inputs = {"done", "p"}});
  const TaskId p{{1}, 62};
  const TaskId t{{1}, 63};
  auto order = cluster.scheduler().order(t, {1, 1});
  REQUIRE(order);
  CHECK(order->inputs == std::vector<Bytes>{"7", ""});
  CHECK(order->awaits.as_vector() == std::vector<Awaited>{{p, {1, 1}, 1}});
  // Sent again after that it brings all.
  cluster.finishes("a", "p#1", "8");
  order = cluster.scheduler().order(t, {1, 1});
  REQUIRE(order);
  CHECK(order->inputs == std::vector<Bytes>{"7", "8"});
  CHECK(order->awaits.empty());
}

TEST_CASE("an end is not taken before those of what it awaited, and is repeated until then", "[scheduler]") {
  Scenario cluster;
  is_quick(cluster);
  cluster.submits("p").submits("t", {.inputs = {"p"}});
  (void)cluster.transcript();
  cluster.finishes("a", "t#1", "2");
  CHECK(cluster.transcript() == R"(
0 a reports t#1 done → ignored: what the attempt waited for has not been reported yet
)");
  cluster.finishes("a", "p#1", "1").finishes("a", "t#1", "2");
  CHECK(cluster.state_of("t") == "done");
}

TEST_CASE("what awaits an attempt that has not ended well is taken back, and placed when its next has", "[scheduler]") {
  Scenario cluster;
  is_quick(cluster);
  cluster.submits("p", {.max_attempts = 2}).submits("t", {.inputs = {"p"}}).submits("u", {.inputs = {"t"}});
  (void)cluster.transcript();
  cluster.fails("a", "p#1", {.message = "it threw"});
  CHECK(cluster.transcript() == R"(
0 a reports p#1 failed: it threw → stop t#1 on a; stop u#1 on a; acknowledge p#1 to a; run p#2 on a
)");
  CHECK(cluster.state_of("t") == "waiting");
  cluster.stops("a", "t#1").stops("a", "u#1").finishes("a", "p#2", "1");
  CHECK(cluster.state_of("t") == "running");
  CHECK(cluster.state_of("u") == "waiting");
  cluster.finishes("a", "t#2", "2").finishes("a", "u#2", "3");
  CHECK(cluster.state_of("u") == "done");
}

TEST_CASE("what awaits a task that fails for good is stopped and skipped", "[scheduler]") {
  Scenario cluster;
  is_quick(cluster);
  cluster.submits("p").submits("t", {.inputs = {"p"}}).fails("a", "p#1", {.message = "it threw"});
  CHECK(cluster.state_of("t") == "skipped");
  CHECK(cluster.free_cpus("a") == 2000);
  cluster.stops("a", "t#1");
}

TEST_CASE("what an agent gives back waits until all before it have ended", "[scheduler]") {
  Scenario cluster;
  is_quick(cluster);
  cluster.submits("p").submits("t", {.inputs = {"p"}}).stops("a", "t#1");
  CHECK(cluster.state_of("t") == "waiting");
  cluster.finishes("a", "p#1", "1").finishes("a", "t#2", "2");
  CHECK(cluster.state_of("t") == "done");
}

TEST_CASE("what was given behind others to a node that dies runs elsewhere, and has lost nothing", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{300}, .most_lost_attempts = 1, .rejoin_grace = Time{50}});
  is_quick(cluster);
  cluster.submits("p").submits("t", {.inputs = {"p"}}).joins("b", {.cpus = 1000});
  cluster.finishes("a", "p#1", "1").submits("u", {.inputs = {"t"}}).finishes("a", "t#1", "2");
  cluster.submits("v", {.inputs = {"u"}}).finishes("a", "u#1").leaves("a");
  CHECK(cluster.state_of("v") == "running");
}

TEST_CASE("nothing durable, guarded by locks or with a time-out is given behind others", "[scheduler]") {
  Scenario cluster;
  is_quick(cluster);
  cluster.submits("p");
  cluster.submits("guarded", {.inputs = {"p"}, .locks = {"l"}});
  cluster.submits("timed", {.inputs = {"p"}, .timeout = Time{100}});
  cluster.submits("other", {.inputs = {"p"}, .needs = {.cpus = 500}});
  for (const char* task : {"guarded", "timed", "other"}) CHECK(cluster.state_of(task) == "waiting");
  cluster.as_durable_job().submits("d").submits("e", {.inputs = {"d"}});
  CHECK(cluster.state_of("e") == "waiting");
}

TEST_CASE("nothing is given behind others while a task that is ready waits for room", "[scheduler]") {
  Scenario cluster;
  is_quick(cluster);
  cluster.submits("p").submits("large", {.needs = {.cpus = 2000}}).submits("t", {.inputs = {"p"}});
  CHECK(cluster.state_of("large") == "ready");
  CHECK(cluster.state_of("t") == "waiting");
}

TEST_CASE("a scheduler does not adopt what awaited others: it cannot know of which they were", "[scheduler]") {
  Scenario cluster;
  is_quick(cluster);
  cluster.submits("p").submits("t", {.inputs = {"p"}});
  cluster.restarts_scheduler().joins_again("a");
  const std::string transcript = cluster.transcript();
  CHECK(transcript.find("stop t#1 on a") != std::string::npos);
  CHECK(transcript.find("stop p#1 on a") == std::string::npos);
}
