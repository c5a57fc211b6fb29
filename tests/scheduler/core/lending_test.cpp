// Tasks that wait for other work: their cpus are free meanwhile.
#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

TEST_CASE("what a task waits for runs on the cpus that it lends", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).submits("outer").submits("inner");
  CHECK(cluster.state_of("inner") == "ready");
  cluster.waits("a", "outer#1");
  CHECK(cluster.state_of("inner") == "running");
  CHECK(cluster.free_cpus("a") == 0);
  cluster.finishes("a", "inner#1");
  CHECK(cluster.free_cpus("a") == 1000);
  cluster.waits("a", "outer#1", false);
  CHECK(cluster.free_cpus("a") == 0);
  cluster.finishes("a", "outer#1");
  CHECK(cluster.free_cpus("a") == 1000);
}

TEST_CASE("cpus that are lent to another are booked again when that has ended, before more is started", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).submits("outer").submits("inner").submits("next");
  cluster.waits("a", "outer#1").waits("a", "outer#1", false);
  CHECK(cluster.state_of("inner") == "running");
  cluster.finishes("a", "inner#1");
  CHECK(cluster.state_of("next") == "ready");
  cluster.waits("a", "outer#1");
  CHECK(cluster.state_of("next") == "running");
  // It goes on, waits again, and the last word counts.
  cluster.waits("a", "outer#1", false).waits("a", "outer#1").finishes("a", "next#1");
  CHECK(cluster.free_cpus("a") == 1000);
}

TEST_CASE("a task that ends without its cpus leaves the books as they are", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).submits("outer").submits("inner");
  cluster.waits("a", "outer#1").waits("a", "outer#1", false).finishes("a", "outer#1");
  CHECK(cluster.free_cpus("a") == 0);
  cluster.finishes("a", "inner#1");
  CHECK(cluster.free_cpus("a") == 1000);
}

TEST_CASE("a scheduler that is started anew takes what waits for what it is", "[scheduler]") {
  Scenario cluster;
  cluster.as_durable_job().joins("a", {.cpus = 1000}).submits("outer").submits("inner");
  cluster.waits("a", "outer#1");
  CHECK(cluster.state_of("inner") == "running");
  cluster.restarts_scheduler().joins_again("a");
  CHECK(cluster.free_cpus("a") == 0);
  cluster.finishes("a", "inner#1");
  CHECK(cluster.free_cpus("a") == 1000);
  cluster.waits("a", "outer#1", false);
  CHECK(cluster.free_cpus("a") == 0);
}

TEST_CASE("a scheduler that is started anew knows who is owed cpus", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}});
  cluster.as_durable_job().joins("a", {.cpus = 1000}).submits("outer").submits("inner");
  cluster.waits("a", "outer#1").waits("a", "outer#1", false);
  cluster.restarts_scheduler().joins_again("a").at(2000ms);
  CHECK(cluster.state_of("outer") == "running");
  CHECK(cluster.state_of("inner") == "running");
  cluster.finishes("a", "inner#1");
  CHECK(cluster.free_cpus("a") == 0);
  cluster.finishes("a", "outer#1");
  CHECK(cluster.free_cpus("a") == 1000);
}

TEST_CASE("an actor lends nothing", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).submits("actor", {.is_actor = true}).waits("a", "actor#1");
  CHECK(cluster.free_cpus("a") == 0);
}

TEST_CASE("a node is not kept for what needs what a waiting task holds", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .line_patience = Time{100}});
  cluster.joins("a", {.cpus = 2000, .memory_bytes = 10});
  cluster.submits("outer", {.needs = {.memory_bytes = 10}});
  cluster.submits("large", {.needs = {.cpus = 2000, .memory_bytes = 10}});
  cluster.at(1000ms).submits("other");
  CHECK(cluster.state_of("other") == "ready");  // The node is kept for the large one.
  cluster.waits("a", "outer#1");
  CHECK(cluster.state_of("other") == "running");
  cluster.at(2000ms).submits("inner");
  CHECK(cluster.state_of("inner") == "running");
  cluster.finishes("a", "other#1").finishes("a", "inner#1").waits("a", "outer#1", false).finishes("a", "outer#1");
  CHECK(cluster.state_of("large") == "running");
}

TEST_CASE("heartbeats that follow each other closely do not show that an order was lost", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).submits("t").loses("a", "t#1");
  (void)cluster.transcript();
  for (int i = 0; i < 5; ++i) cluster.hears("a", true);
  CHECK(cluster.transcript().find("run t#1") == std::string::npos);
  cluster.hears("a").hears("a");
  CHECK(cluster.transcript().find("run t#1") != std::string::npos);
}
