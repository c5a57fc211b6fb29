#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity one_cpu{.cpus = 1000};
const NodeCapacity two_cpus{.cpus = 2000};

std::vector<std::pair<std::string, TaskWish>> gang(const std::string& name, std::uint32_t number, std::uint32_t size,
                                                   GangPolicy policy = GangPolicy::data, int max_attempts = 1) {
  std::vector<std::pair<std::string, TaskWish>> members;
  for (std::uint32_t rank = 0; rank < size; ++rank) {
    members.push_back({name + std::to_string(rank),
                       {.max_attempts = max_attempts,
                        .gang = GangHint{.gang = number, .size = size, .rank = rank, .policy = policy}}});
  }
  return members;
}

}  // namespace

TEST_CASE("a gang starts all together or not at all", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits("t1").submits_all(gang("g", 1, 2));
  CHECK(cluster.reason_of("g0") == "the nodes do not have room for all of its gang at once: for 1 of 2 there is room");
  cluster.at(10ms).finishes("a", "t1#1");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 2 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits t1 by request 1 → answer d 1: accepted; run t1#1 on a
0 d submits g0, g1 by request 2 → answer d 2: accepted
10 a reports t1#1 done → tell d: t1 done; acknowledge t1#1 to a; run g0#1 on a; run g1#1 on a
)");
}

TEST_CASE("two gangs never hold half each", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).joins("b", one_cpu).joins("c", one_cpu);
  cluster.submits_all(gang("g", 1, 2)).submits_all(gang("h", 2, 2));
  CHECK(cluster.state_of("h0") == "ready");
  cluster.at(10ms).finishes("a", "g0#1");
  cluster.at(20ms).finishes("b", "g1#1");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 b joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome b
0 c joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome c
0 d submits g0, g1 by request 1 → answer d 1: accepted; run g0#1 on a; run g1#1 on b
0 d submits h0, h1 by request 2 → answer d 2: accepted
10 a reports g0#1 done → tell d: g0 done; acknowledge g0#1 to a; run h0#1 on a; run h1#1 on c
20 b reports g1#1 done → tell d: g1 done; acknowledge g1#1 to b
)");
}

TEST_CASE("a chain of stages starts all together, neighbours near each other", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).joins("b", one_cpu);
  cluster.submits_all(gang("s", 1, 4, GangPolicy::model));
  (void)cluster.transcript();
  cluster.submits_all(gang("p", 2, 3, GangPolicy::model));
  CHECK(cluster.transcript() == R"(
0 d submits p0, p1, p2 by request 2 → answer d 2: accepted; run p0#1 on a; run p1#1 on a; run p2#1 on b
)");
}

TEST_CASE("a gang waits until all its members could start", "[scheduler]") {
  Scenario cluster;
  auto members = gang("g", 1, 2);
  members[1].second.after = {"t1"};
  members.push_back({"t1", {}});
  cluster.joins("a", two_cpus).submits_all(members);
  CHECK(cluster.reason_of("g0") == "waits for 1 more of its gang, task 'g1' first");
  cluster.at(10ms).finishes("a", "t1#1");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 2 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits g0, g1, t1 by request 1 → answer d 1: accepted; run t1#1 on a
10 a reports t1#1 done → tell d: t1 done; acknowledge t1#1 to a; run g0#1 on a; run g1#1 on a
)");
}

TEST_CASE("a gang that loses a member starts again as a whole, and the loss is not counted", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).joins("b", one_cpu).joins("c", one_cpu).submits_all(gang("g", 1, 2));
  cluster.at(10ms).leaves("a");
  cluster.at(20ms).stops("b", "g1#1");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 b joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome b
0 c joins as incarnation 1 with 1 cpus, 0 gpus, 0 MiB; runs nothing → welcome c
0 d submits g0, g1 by request 1 → answer d 1: accepted; run g0#1 on a; run g1#1 on b
10 a leaves → stop g1#1 on b
20 b reports g1#1 cancelled: it was told to stop → ignored: the attempt was told to stop; acknowledge g1#1 to b; run g0#2 on b; run g1#2 on c
)");
}

TEST_CASE("a gang whose member fails for good fails with the first cause", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits_all(gang("g", 1, 2, GangPolicy::data, 2));
  cluster.at(10ms).fails("a", "g1#1", {.exit_code = 1});
  cluster.at(20ms).stops("a", "g0#1");
  cluster.at(30ms).fails("a", "g1#2", {.exit_code = 1});
  cluster.at(40ms).stops("a", "g0#2");
  CHECK(cluster.free_cpus("a") == 2000);
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 2 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits g0, g1 by request 1 → answer d 1: accepted; run g0#1 on a; run g1#1 on a
10 a reports g1#1 failed: exit code 1 → stop g0#1 on a; acknowledge g1#1 to a
20 a reports g0#1 cancelled: it was told to stop → ignored: the attempt was told to stop; acknowledge g0#1 to a; run g0#2 on a; run g1#2 on a
30 a reports g1#2 failed: exit code 1 → tell d: g1 failed: exit code 1; stop g0#2 on a; tell d: g0 failed: its gang's task 'g1' failed: exit code 1; acknowledge g1#2 to a
40 a reports g0#2 cancelled: it was told to stop → ignored: the attempt was told to stop; acknowledge g0#2 to a
)");
}

TEST_CASE("a gang with a member that is cancelled before it starts ends with it", "[scheduler]") {
  Scenario cluster;
  auto members = gang("g", 1, 2);
  members[1].second.after = {"t1"};
  members.push_back({"t1", {}});
  cluster.joins("a", two_cpus).submits_all(members);
  cluster.at(10ms).cancels("t1");
  CHECK(cluster.transcript() == R"(
0 a joins as incarnation 1 with 2 cpus, 0 gpus, 0 MiB; runs nothing → welcome a
0 d submits g0, g1, t1 by request 1 → answer d 1: accepted; run t1#1 on a
10 d cancels t1 by request 2 → stop t1#1 on a; tell d: t1 cancelled: on request; tell d: g1 skipped: task 't1' was cancelled; tell d: g0 skipped: task 't1' was cancelled; answer d 2: accepted
)");
}

TEST_CASE("small tasks pass a waiting gang for a while, then it holds the line", "[scheduler]") {
  Scenario cluster({.line_patience = Time{100}});
  cluster.joins("a", two_cpus).submits("t1").submits_all(gang("g", 1, 2));
  cluster.at(50ms).submits("t2");
  CHECK(cluster.state_of("t2") == "running");
  cluster.at(150ms).submits("t3");
  cluster.at(160ms).finishes("a", "t1#1");
  CHECK(cluster.state_of("t3") == "ready");
  cluster.at(170ms).finishes("a", "t2#1");
  CHECK(cluster.state_of("g0") == "running");
  CHECK(cluster.state_of("t3") == "ready");
  cluster.at(180ms).finishes("a", "g0#1");
  CHECK(cluster.state_of("t3") == "running");
}

TEST_CASE("the line is not held for what an actor would have to make room for", "[scheduler]") {
  Scenario cluster({.line_patience = Time{100}});
  cluster.joins("a", two_cpus).submits("actor", {.is_actor = true}).submits_all(gang("g", 1, 2));
  cluster.at(150ms).submits("t1");
  CHECK(cluster.state_of("t1") == "running");
}

TEST_CASE("gangs that gained room and do not fit have their turn once, however many wait", "[scheduler]") {
  const Time long_time{3'600'000};
  Scenario cluster({.node_timeout = long_time, .driver_timeout = long_time, .line_patience = long_time});
  cluster.joins("a", two_cpus).submits("t1").submits("t2");
  for (std::uint32_t number = 1; number <= 100; ++number)
    cluster.submits_all(gang("g" + std::to_string(number) + "-", number, 2));
  cluster.at(10ms).finishes("a", "t1#1").at(1000ms);
  std::optional<Time> wake;
  for (const Effect& effect : cluster.scheduler().step(1000ms, Tick{}))
    if (const auto* asked = std::get_if<WakeAt>(&effect)) wake = asked->at;
  REQUIRE(wake);
  CHECK(*wake > 2000ms);
}

TEST_CASE("a gang that fits is not held up by those before it that do not, however much goes on", "[scheduler]") {
  const Time long_time{1'000'000};
  Scenario cluster({.node_timeout = long_time, .driver_timeout = long_time, .line_patience = long_time});
  NodeCapacity with_gpus{.cpus = 4000};
  for (std::uint32_t i = 0; i < 2; ++i) with_gpus.gpus.push_back({.index = i, .uuid = "g", .memory_bytes = 1000});
  cluster.joins("gpus", with_gpus).joins("cpus", {.cpus = 2000});
  cluster.submits("holds", {.needs = {.cpus = 1000, .gpus = 1000}, .is_actor = true});
  cluster.submits("busy1", {.needs = {.cpus = 1000, .labels = {{"node", "cpus"}}}});
  const auto gang_of = [&](int number, Resources needs) {
    std::vector<std::pair<std::string, TaskWish>> members;
    for (std::uint32_t rank = 0; rank < 2; ++rank)
      members.push_back(
          {"g" + std::to_string(number) + "." + std::to_string(rank),
           {.needs = needs, .gang = GangHint{.gang = static_cast<std::uint32_t>(number), .size = 2, .rank = rank}}});
    cluster.submits_all(members);
  };
  // Unlike each other, so that each is tried by itself; far more than one round, or two, looks at.
  for (int number = 1; number <= 250; ++number) gang_of(number, {.cpus = number, .gpus = 1000});
  gang_of(251, {.cpus = 1000, .labels = {{"node", "cpus"}}});
  CHECK(cluster.state_of("g251.0") == "ready");
  cluster.at(10ms).finishes("cpus", "busy1#1");
  for (int i = 0; i < 2000 && cluster.state_of("g251.0") == "ready"; ++i) {
    const std::string name = "short" + std::to_string(i);
    cluster.submits(name, {.needs = {.cpus = 100, .labels = {{"node", "gpus"}}}});
    cluster.at(11ms + i * 1ms).finishes("gpus", name + "#1");  // Some room is gained between any two rounds.
  }
  CHECK(cluster.state_of("g251.0") == "running");
}

TEST_CASE("a new gang is tried at once, however many wait before it", "[scheduler]") {
  const Time long_time{1'000'000};
  Scenario cluster({.node_timeout = long_time, .driver_timeout = long_time, .line_patience = long_time});
  cluster.joins("a", {.cpus = 4000}).submits("holds", {.needs = {.cpus = 1000}, .is_actor = true});
  for (int number = 1; number <= 200; ++number) {
    const auto gang = static_cast<std::uint32_t>(number);
    const Resources needs{.cpus = number == 200 ? 1000 : 2000};
    const std::string name = "g" + std::to_string(number);
    cluster.submits_all({{name + ".0", {.needs = needs, .gang = GangHint{.gang = gang, .size = 2, .rank = 0}}},
                         {name + ".1", {.needs = needs, .gang = GangHint{.gang = gang, .size = 2, .rank = 1}}}});
  }
  CHECK(cluster.state_of("g200.0") == "running");
}

TEST_CASE("a large gang ends in a moment when one of it does", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 4'000'000});
  std::vector<std::pair<std::string, TaskWish>> members;
  for (std::uint32_t rank = 0; rank < 3000; ++rank)
    members.push_back(
        {"r" + std::to_string(rank),
         {.needs = {.cpus = 1000}, .max_attempts = 1, .gang = GangHint{.gang = 1, .size = 3000, .rank = rank}}});
  cluster.submits_all(members);
  std::size_t told = 0;
  cluster.watched_by(
      {.opened = {}, .stepped = [&](Time, const Event&, const Effects& effects) { told = effects.size(); }});
  cluster.fails("a", "r7#1", {.exit_code = 3});
  CHECK(cluster.state_of("r2999") == "failed");
  CHECK(cluster.reason_of("r2999") == "its gang's task 'r7' failed: exit code 3");
  CHECK(told > 3000);
  CHECK(told < 10'000);
}

TEST_CASE("what waits is told by what it needs, with the first in line and its reason", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).submits("runs", {.needs = {.cpus = 2000}});
  cluster.submits("t1").submits("t2").submits("small", {.needs = {.cpus = 500}});
  cluster.submits_all(gang("g", 1, 2)).submits_all(gang("h", 2, 2));
  const auto waiting = cluster.scheduler().waiting(10);
  REQUIRE(waiting.size() == 3);
  CHECK(waiting[0].needs.cpus == 1000);
  CHECK(waiting[0].waiting == 2);
  CHECK(waiting[0].name == "t1");
  CHECK_FALSE(waiting[0].why.empty());
  CHECK(waiting[1].needs.cpus == 500);
  CHECK(waiting[1].waiting == 1);
  CHECK(waiting[2].gang == 2);
  CHECK(waiting[2].waiting == 2);
  CHECK(waiting[2].name == "g0");
  CHECK(cluster.scheduler().waiting(1).size() == 1);
  cluster.leaves("a");
  CHECK(cluster.scheduler().waiting(10).front().why == "no node is there");
}

TEST_CASE("the time-out of one member is that of its gang: all of it starts over, or none goes on", "[scheduler]") {
  Scenario cluster({.node_timeout = Time{60'000}, .timeout_grace = Time{100}});
  auto members = gang("g", 1, 2, GangPolicy::data, 2);
  for (auto& [name, wish] : members) wish.timeout = 200ms;
  cluster.joins("a", two_cpus).submits_all(members).transcript();
  cluster.at(210ms).fails("a", "g0#1", {.message = "timed out after 200 ms"}).stops("a", "g1#1");
  cluster.at(420ms).fails("a", "g1#2", {.message = "timed out after 200 ms"}).stops("a", "g0#2");
  cluster.at(630ms).fails("a", "g1#3", {.message = "timed out after 200 ms"});
  CHECK(cluster.transcript() == R"(
210 a reports g0#1 failed: timed out after 200 ms → stop g1#1 on a; acknowledge g0#1 to a
210 a reports g1#1 cancelled: it was told to stop → ignored: the attempt was told to stop; acknowledge g1#1 to a
220 tick → run g0#2 on a; run g1#2 on a
420 a reports g1#2 failed: timed out after 200 ms → stop g0#2 on a; acknowledge g1#2 to a
420 a reports g0#2 cancelled: it was told to stop → ignored: the attempt was told to stop; acknowledge g0#2 to a
430 tick → run g0#3 on a; run g1#3 on a
630 a reports g1#3 failed: timed out after 200 ms → tell d: g1 failed: timed out after 200 ms; stop g0#3 on a; tell d: g0 failed: its gang's task 'g1' failed: timed out after 200 ms; acknowledge g1#3 to a
)");
  CHECK(cluster.state_of("g0") == "failed");
}

TEST_CASE("a chain of unequal stages is cut where the fewest bytes cross", "[scheduler]") {
  const bool are_first_two_close = GENERATE(true, false);
  Scenario cluster;
  cluster.joins("a", two_cpus).joins("b", two_cpus);
  auto stages = gang("s", 1, 3, GangPolicy::model);
  stages[0].second.gang->bytes_to_next = are_first_two_close ? 1000 : 10;
  stages[1].second.gang->bytes_to_next = are_first_two_close ? 10 : 1000;
  cluster.submits_all(stages);
  const Milli free_on_a = cluster.free_cpus("a");
  const Milli free_on_b = cluster.free_cpus("b");
  CHECK(free_on_a + free_on_b == 1000);
  const auto tasks = cluster.scheduler().tasks_of({1});
  CHECK((tasks[0].progress.attempts.back().node == tasks[1].progress.attempts.back().node) == are_first_two_close);
}

TEST_CASE("a gang of unequal shares takes its seats in the order in which they were found", "[scheduler]") {
  const auto chain = [](const std::vector<Milli>& gpus, const std::vector<std::int64_t>& bytes) {
    auto members = gang("g", 1, static_cast<std::uint32_t>(gpus.size()), GangPolicy::model);
    for (std::size_t i = 0; i < gpus.size(); ++i) {
      members[i].second.needs = {.cpus = 0, .gpus = gpus[i]};
      members[i].second.gang->bytes_to_next = bytes[i];
    }
    return members;
  };
  const NodeCapacity two_gpus{.cpus = 1000, .gpus = {{.index = 0}, {.index = 1}}};
  Scenario cluster({.node_timeout = Time{60'000}, .line_patience = Time{100}});
  cluster.joins("a", two_gpus);
  const bool is_kept = GENERATE(true, false);
  if (is_kept) cluster.submits("before", {.needs = {.cpus = 0, .gpus = 1000}});
  SECTION("on one node") { cluster.submits_all(chain({400, 400, 600, 600}, {0, 0, 0, 0})); }
  SECTION("where a cut was moved") {
    cluster.joins("b", two_gpus).submits_all(chain({1000, 400, 400, 600, 600}, {1, 1000, 1000, 1, 0}));
  }
  if (is_kept) cluster.at(500ms).finishes("a", "before#1");
  CHECK(cluster.state_of("g0") == "running");
}
