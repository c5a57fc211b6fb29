#include <catch2/catch.hpp>

#include "scheduler/core/result_cache.h"
#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity one_cpu{.cpus = 1000};

TaskSpec command(std::vector<std::string> argv) {
  return {.id = {{1}, 1}, .name = "t", .work = CommandWork{.argv = std::move(argv), .task_directory = "/run/t"}};
}

}  // namespace

TEST_CASE("a task that does what was done before takes its result and runs no attempt", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits("t1", {.cache = true}).transcript();
  cluster.at(10ms).finishes("a", "t1#1", "42");
  cluster.at(20ms).submits_all({{"t2", {.cache = true}}, {"t3", {.inputs = {"t2"}}}});
  CHECK(cluster.transcript() == R"(
10 a reports t1#1 done → cache a result of 2 bytes; save t1 done (t1#1 on a); tell d: t1 done; acknowledge t1#1 to a
20 d submits t2, t3 by request 2 → save task t2; save task t3; save t2 done, from the cache; save t3 running (t3#1 on a); answer d 2: accepted; tell d: t2 done; run t3#1 on a
)");
  CHECK(cluster.scheduler().order({{2}, 3}, {1, 1})->inputs == std::vector<Bytes>{"42"});
}

TEST_CASE("cached results outlive the scheduler", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits("t1", {.cache = true}).finishes("a", "t1#1", "42");
  cluster.restarts_scheduler().driver_joins().joins_again("a").submits("t2", {.cache = true});
  CHECK(cluster.state_of("t2") == "done");
}

TEST_CASE("another function, or another input, is another result", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 9000}).as_durable_job().submits("t1", {.cache = true}).finishes("a", "t1#1", "42");
  cluster.submits("t2", {.cache = true, .work = "g"});
  CHECK(cluster.state_of("t2") == "running");
  cluster.submits("t3", {.inputs = {"t1"}, .cache = true});
  CHECK(cluster.state_of("t3") == "running");
}

TEST_CASE("the result of a task that failed is never cached", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).as_durable_job().submits("t1", {.cache = true});
  cluster.fails("a", "t1#1", {.exit_code = 1});
  cluster.submits("t2", {.cache = true});
  CHECK(cluster.state_of("t2") == "running");
}

TEST_CASE("what was used longest ago leaves a full cache, and the store", "[scheduler]") {
  Scenario cluster({.most_cached_results = 2});
  cluster.joins("a", one_cpu).as_durable_job();
  cluster.submits("t1", {.cache = true, .work = "f1"}).finishes("a", "t1#1", "1");
  cluster.submits("t2", {.cache = true, .work = "f2"}).finishes("a", "t2#1", "2");
  cluster.submits("t3", {.cache = true, .work = "f1"});
  CHECK(cluster.state_of("t3") == "done");
  cluster.submits("t4", {.cache = true, .work = "f3"}).transcript();
  cluster.finishes("a", "t4#1", "3");
  CHECK(cluster.transcript() == R"(
0 a reports t4#1 done → drop a cached result; cache a result of 1 bytes; save t4 done (t4#1 on a); tell d: t4 done; acknowledge t4#1 to a
)");
  cluster.submits("t5", {.cache = true, .work = "f1"});
  CHECK(cluster.state_of("t5") == "done");
  cluster.submits("t6", {.cache = true, .work = "f2"});
  CHECK(cluster.state_of("t6") == "running");
}

TEST_CASE("a key is of all that a command sees, and of nothing else", "[scheduler]") {
  const TaskSpec spec = command({"./train", "--fast"});
  const std::string key = cache_key(spec, "/bin/p", {"1"});
  CHECK(key.size() == 32);
  TaskSpec same = spec;
  same.id.number = 7;
  same.name = "u";
  same.needs.cpus = 3000;
  command_of(same.work)->task_directory = "/run/u";
  CHECK(cache_key(same, "/bin/q", {"1"}) == key);

  std::vector<std::string> others{cache_key(spec, "/bin/p", {"2"}), cache_key(spec, "/bin/p", {}),
                                  cache_key(command({"./train", "--", "fast"}), "/bin/p", {"1"}),
                                  cache_key(command({"./train--fast"}), "/bin/p", {"1"})};
  TaskSpec changed = spec;
  command_of(changed.work)->environment = {{"SEED", "1"}};
  others.push_back(cache_key(changed, "/bin/p", {"1"}));
  changed = spec;
  command_of(changed.work)->working_directory = "/home";
  others.push_back(cache_key(changed, "/bin/p", {"1"}));
  for (const auto& other : others) CHECK(other != key);

  TaskSpec function{.work = FunctionWork{"f", {Bytes("1")}}};
  CHECK(cache_key(function, "/bin/p", {}) != cache_key(function, "/bin/q", {}));
}

TEST_CASE("a cache is bounded in bytes, and what is larger is not taken", "[scheduler]") {
  ResultCache cache;
  const CacheLimits limits{.results = 100, .bytes = 10};
  CHECK(cache.add({"a", "123456"}, limits).is_new);
  CHECK_FALSE(cache.add({"b", "12345678901"}, limits).is_new);
  const auto added = cache.add({"c", "12345"}, limits);
  CHECK(added.dropped == std::vector<std::string>{"a"});
  CHECK(cache.bytes() == 5);
  CHECK(cache.size() == 1);
  CHECK(cache.find("a") == nullptr);
  CHECK(*cache.find("c") == "12345");
}
