#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

const NodeCapacity one_cpu{.cpus = 1000};
const NodeCapacity two_cpus{.cpus = 2000};

sync::Acquire lock(std::string name) { return {.name = std::move(name)}; }

constexpr std::uint64_t first_token = (std::uint64_t{1} << 44) | 1;

}  // namespace

TEST_CASE("a lock that a command of a task took is free once its attempt is over at the node", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1").asks(lock("x"), "t1#1").asks(lock("x"));
  (void)cluster.transcript();
  cluster.at(10ms).cancels("t1");
  cluster.at(20ms).stops("a", "t1#1");
  CHECK(cluster.transcript() == R"(
10 d cancels t1 by request 2 → stop t1#1 on a; tell d: t1 cancelled: on request; answer d 2: accepted
20 a reports t1#1 cancelled: it was told to stop → ignored: the attempt was told to stop; acknowledge t1#1 to a; answer d 1: lost 1, 2: granted as 2
)");
}

TEST_CASE("a lock that was taken inside a task is free when its node is dead, or comes back without it",
          "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("t1").asks(lock("x"), "t1#1").asks(lock("x"));
  (void)cluster.transcript();
  cluster.at(10ms).restarts_agent("a").asks(lock("x"), "t1#2");
  cluster.asks(sync::Release{(std::uint64_t{1} << 44) | 2});
  (void)cluster.transcript();
  cluster.asks(lock("x")).at(320ms);
  CHECK(cluster.transcript() == R"(
10 d asks to acquire lock 'x' (5) → nothing
310 tick → answer d 3: lost 3, 5: granted as 4
)");
}

TEST_CASE("large messages are handed to one who asked for many in pieces that a frame can carry", "[scheduler]") {
  Scenario cluster;
  std::size_t answered = 0;
  std::size_t most = 0;
  cluster.watched_by({.opened = {}, .stepped = [&](Time, const Event&, const Effects& effects) {
                        for (const Effect& effect : effects) {
                          const auto* sent = std::get_if<AnswerSync>(&effect);
                          if (sent == nullptr) continue;
                          std::size_t bytes = 0;
                          for (const auto& answer : sent->answers) bytes += answer.body.size();
                          answered += bytes;
                          most = std::max(most, bytes);
                        }
                      }});
  constexpr std::size_t large = sync::most_body_bytes;
  for (int i = 0; i < 30; ++i) cluster.asks(sync::Send{"q", Bytes(large, 'x')});
  std::vector<sync::Operation> receives(30, sync::Receive{.queue = "q"});
  cluster.asks_at_once(receives);
  CHECK(answered == 30 * large);
  CHECK(most <= 10 * large);
}

TEST_CASE("a lease ends in time, and what a driver held ends with it", "[scheduler]") {
  Scenario cluster;
  cluster.asks(sync::Acquire{.name = "x", .lease = 200ms}).asks(lock("x"));
  (void)cluster.transcript();
  cluster.at(250ms);
  CHECK(cluster.transcript() == "\n210 tick → answer d 1: lost 1, 2: granted as 2\n");
  cluster.driver_leaves();
  CHECK(cluster.scheduler().synchronisation().claims().size() == 0);
}

TEST_CASE("a driver that is silent for long has left", "[scheduler]") {
  Scenario cluster({.driver_timeout = 1000ms});
  cluster.asks(lock("x")).at(900ms).driver_joins().at(1899ms);
  CHECK(cluster.scheduler().synchronisation().claims().size() == 1);
  cluster.at(1901ms);
  CHECK(cluster.scheduler().synchronisation().claims().size() == 0);
}

TEST_CASE("a queue that is used inside a durable graph is durable, and its messages are saved before they are answered",
          "[scheduler]") {
  Scenario cluster({.node_timeout = Time{300}, .driver_timeout = 60s, .rejoin_grace = 50ms});
  cluster.joins("a", one_cpu).as_durable_job().submits("t1");
  (void)cluster.transcript();
  cluster.asks(sync::Send{"q", "one"}, "t1#1").restarts_scheduler().driver_joins();
  cluster.asks(sync::Receive{.queue = "q"}).at(6000ms);
  CHECK(cluster.transcript() == R"(
0 d for t1#1 asks to send to 'q' (1) → save queue 'q'; save message 1 of queue 'q'; answer d 1: done
0 the scheduler starts again, epoch 2
0 d joins → welcome d
0 d asks to receive from 'q' (2) → nothing
300 tick → save t1 ready (t1#1 on a)
5010 tick → answer d 2: granted as 2:1: message 1
)");
}

TEST_CASE("a task that runs again holds its locks again after a restart, until it is over", "[scheduler]") {
  Scenario cluster({.node_timeout = 10s, .driver_timeout = 60s, .rejoin_grace = 50ms});
  cluster.joins("a", two_cpus).as_durable_job().submits("t1", {.locks = {"x"}});
  cluster.restarts_scheduler().joins_again("a").driver_joins().asks(lock("x"));
  (void)cluster.transcript();
  cluster.at(5100ms);
  CHECK(cluster.scheduler().synchronisation().locks().find("x")->holding.size() == 1);
  CHECK(cluster.scheduler().synchronisation().locks().find("x")->waiting.size() == 1);
}

TEST_CASE("requests that were meant for an earlier scheduler are ignored: its clients ask in other words",
          "[scheduler]") {
  Scenario cluster;
  cluster.restarts_scheduler().driver_joins();
  const Effects effects = cluster.scheduler().step(
      0ms, SyncRequested{.driver = {1}, .epoch = 1, .task = {}, .attempt = {}, .requests = {{1, lock("x")}}});
  REQUIRE(effects.size() == 1);
  CHECK(std::holds_alternative<Ignored>(effects.front()));
  CHECK(cluster.scheduler().synchronisation().claims().size() == 0);
}

TEST_CASE("a request of a driver that has not joined is ignored", "[scheduler]") {
  Scenario cluster;
  cluster.driver_leaves();
  (void)cluster.transcript();
  cluster.asks(lock("x"));
  CHECK(cluster.transcript() == "\n0 d asks to acquire lock 'x' (1) → ignored: the driver has not joined\n");
}

TEST_CASE("no node is kept for a task whose lock others have taken meanwhile", "[scheduler]") {
  Scenario cluster({.line_patience = Time{100}});
  cluster.joins("a", two_cpus).joins("b", {.cpus = 500});
  cluster.submits("t1", {.needs = {.cpus = 1000}}).submits("t2", {.needs = {.cpus = 1000}});
  cluster.submits("large", {.needs = {.cpus = 2000}, .locks = {"x"}}).submits("other", {.needs = {.cpus = 2000}});
  cluster.at(200ms).submits("small", {.needs = {.cpus = 500}, .locks = {"x"}});
  CHECK(cluster.state_of("small") == "running");
  cluster.at(210ms).finishes("a", "t1#1").finishes("a", "t2#1");
  CHECK(cluster.state_of("other") == "running");
  cluster.at(220ms).finishes("a", "other#1").finishes("b", "small#1");
  CHECK(cluster.state_of("large") == "running");
}

TEST_CASE("tasks that share a lock run one after the other, however many they are", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 4000});
  constexpr int count = 100;
  const auto name = [](int i) { return "t" + std::to_string(i); };
  for (int i = 1; i <= count; ++i) cluster.submits(name(i), {.locks = {i % 3 == 0 ? "other" : "one"}});
  cluster.cancels("t2").cancels("t4");
  int done = 0;
  for (Time at = 10ms; at < 2'000ms; at += 10ms) {
    std::vector<std::string> running;
    for (int i = 1; i <= count; ++i)
      if (cluster.state_of(name(i)) == "running") running.push_back(name(i));
    CHECK(running.size() <= 2);  // One of each lock.
    for (const auto& each : running) cluster.at(at).finishes("a", each + "#1");
    done += static_cast<int>(running.size());
  }
  CHECK(done == count - 2);
}

TEST_CASE("among commands that fight over a lock a task has its turn", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).asks(lock("x")).submits("t1", {.locks = {"x"}}).submits("t2", {.locks = {"x"}});
  cluster.asks(lock("x")).asks(lock("x")).transcript();
  const auto token = [](std::uint64_t counter) { return (std::uint64_t{1} << 44) | counter; };
  cluster.at(10ms).asks(sync::Release{token(1)});
  cluster.at(20ms).finishes("a", "t1#1");
  cluster.at(30ms).asks(sync::Release{token(3)});
  cluster.at(40ms).asks(sync::Release{token(4)});
  CHECK(cluster.transcript() == R"(
10 d asks to release 1 (4) → answer d 4: done; run t1#1 on a
20 a reports t1#1 done → tell d: t1 done; acknowledge t1#1 to a; answer d 2: granted as 3
30 d asks to release 3 (5) → answer d 3: granted as 4, 5: done
40 d asks to release 4 (6) → answer d 6: done; run t2#1 on a
)");
  CHECK(cluster.state_of("t2") == "running");
}

TEST_CASE("a task that has its turn at a lock and no room lets the next one have it", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", one_cpu).submits("busy").asks(lock("x")).submits("t1", {.locks = {"x"}}).asks(lock("x"));
  cluster.transcript();
  cluster.at(10ms).asks(sync::Release{(std::uint64_t{1} << 44) | 1});
  CHECK(cluster.transcript() == R"(
10 d asks to release 1 (3) → answer d 3: done; answer d 2: granted as 3
)");
  CHECK(cluster.state_of("t1") == "ready");
}

TEST_CASE("tasks that want a semaphore by another capacity wait until it is forgotten", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus);
  cluster.asks(sync::Acquire{.kind = sync::Kind::semaphore, .name = "s", .permits = 1, .capacity = 2});
  cluster.submits("t1", {.semaphores = {{"s", 3}}}).at(100ms);
  CHECK(cluster.state_of("t1") == "ready");
  cluster.asks(sync::Release{(std::uint64_t{1} << 44) | 1});
  CHECK(cluster.state_of("t1") == "running");
}

TEST_CASE("a task that wants several locks does not stand in the way of those behind it", "[scheduler]") {
  Scenario cluster;
  cluster.joins("a", two_cpus).asks(lock("x"));
  cluster.submits("several", {.locks = {"x", "y"}}).submits("one", {.locks = {"x"}}).asks(lock("x")).asks(lock("x"));
  cluster.at(10ms).asks(sync::Release{first_token});
  CHECK(cluster.state_of("one") == "running");
}

TEST_CASE("tasks that have no room do not stand in the way of one that has, however many", "[scheduler]") {
  Scenario cluster({.node_timeout = 100s, .driver_timeout = 100s});
  cluster.joins("a", {.cpus = 8000}).submits("busy", {.needs = {.cpus = 7000}}).asks(lock("x"));
  for (int i = 0; i < 50; ++i) cluster.submits("large" + std::to_string(i), {.needs = {.cpus = 8000}, .locks = {"x"}});
  cluster.submits("small", {.locks = {"x"}});
  cluster.at(10ms).asks(sync::Release{first_token}).at(50ms);
  CHECK(cluster.state_of("small") == "running");
}

TEST_CASE("tasks that count a semaphore's permits otherwise do not stand in the way of one that counts right",
          "[scheduler]") {
  Scenario cluster({.node_timeout = 100s, .driver_timeout = 100s});
  const sync::Acquire permit{.kind = sync::Kind::semaphore, .name = "s", .permits = 1, .capacity = 2};
  cluster.joins("a", two_cpus).asks(permit).asks(permit);
  cluster.submits("other", {.semaphores = {{"s", 3}}}).submits("right", {.semaphores = {{"s", 2}}});
  cluster.at(10ms).asks(sync::Release{first_token});
  CHECK(cluster.state_of("right") == "running");
}

TEST_CASE("after a restart what waits does not say how many permits there are; what is held does", "[scheduler]") {
  Scenario cluster({.node_timeout = 3s, .driver_timeout = 100s, .rejoin_grace = 50ms});
  cluster.joins("a", two_cpus).as_durable_job().submits("busy");
  cluster.asks(sync::Acquire{.kind = sync::Kind::semaphore, .name = "s", .permits = 1, .capacity = 1});
  cluster.submits("waits", {.needs = {.cpus = 2000}, .semaphores = {{"s", 2}}});
  cluster.submits("runs", {.semaphores = {{"s", 1}}});
  cluster.asks(sync::Release{first_token});
  CHECK(cluster.state_of("runs") == "running");
  cluster.restarts_scheduler().joins_again("a").driver_joins().at(2s).hears("a").at(4s).hears("a").at(6s).hears("a");
  cluster.finishes("a", "busy#1");
  CHECK(cluster.scheduler().synchronisation().semaphores().find("s")->capacity == 1);
}
