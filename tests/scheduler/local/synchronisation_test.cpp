// Locks, semaphores, barriers and queues through real processes.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "scheduler/local/cluster_file.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

std::string text_in(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// The supervisor forks the scheduler first, then the agent: the second of them to start.
pid_t scheduler_of(const Cluster& cluster) {
  std::map<unsigned long long, pid_t> by_start;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string command = text_in(entry.path().string() + "/cmdline");
    if (command.find("=supervisor") == command.npos || command.find(to_text(cluster.id())) == command.npos) continue;
    const std::string stat = text_in(entry.path().string() + "/stat");
    std::istringstream fields(stat.substr(stat.rfind(')') + 2));
    std::string field;
    for (int i = 3; i <= 22; ++i) fields >> field;
    // Ticks are coarse: pids break the tie.
    const pid_t pid = std::stoi(entry.path().filename().string());
    by_start[std::stoull(field) * 10'000'000 + static_cast<unsigned long long>(pid)] = pid;
  }
  REQUIRE(by_start.size() == 3);
  return std::next(by_start.begin())->second;
}

}  // namespace

void play_test_role(int argc, char** argv) {
  play_role(argc, argv, [](Catalog&) {});
}

TEST_CASE("a lock is held by one session at a time, and tokens grow from one to the next", "[local]") {
  auto cluster = Cluster::local({.cpus = 1000});
  auto first = cluster.connect();
  auto second = cluster.connect();
  auto held = first.lock("x");
  CHECK_FALSE(held.lost());
  const auto refused = second.try_lock("x", {.limit = 0ms});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::timed_out);
  CHECK(refused.error().message == "lock 'x' is not free after 0 ms");
  const sync::Token before = held.token();
  sync::Token after = 0;
  std::thread waiting([&] { after = second.lock("x").token(); });
  held.release();
  CHECK(held.lost());
  waiting.join();
  CHECK(after > before);
  CHECK(first.try_lock("x", {.limit = 5s}));
}

TEST_CASE("a lock is kept beyond its lease while its session lives, and is free when the session ends", "[local]") {
  auto cluster = Cluster::local({.cpus = 1000});
  auto first = std::make_unique<Session>(cluster.connect());
  auto second = cluster.connect();
  {
    auto held = first->lock("x", {.lease = 200ms});
    CHECK_FALSE(second.try_lock("x", {.limit = 700ms}));
    CHECK_FALSE(held.lost());
  }
  auto kept = std::make_unique<Lock>(first->lock("x"));
  kept.reset();
  CHECK(second.try_lock("x", {.limit = 5s}));
}

TEST_CASE("a holder keeps its lock over the death of the scheduler, and the next token is higher", "[local]") {
  auto cluster = Cluster::local({.cpus = 1000});
  auto first = cluster.connect();
  auto second = cluster.connect();
  auto held = first.lock("x");
  REQUIRE(::kill(scheduler_of(cluster), SIGKILL) == 0);
  // The grace is over when this is granted, and the lock was not.
  auto other = second.lock("y", {.limit = 30s});
  CHECK(other.token() > held.token());
  CHECK_FALSE(held.lost());
  CHECK_FALSE(second.try_lock("x", {.limit = 0ms}));
  const sync::Token before = held.token();
  held.release();
  auto next = second.lock("x", {.limit = 30s});
  CHECK(next.token() > before);
}

TEST_CASE("permits, rounds and messages go between sessions", "[local]") {
  auto cluster = Cluster::local({.cpus = 1000});
  auto first = cluster.connect();
  auto second = cluster.connect();

  auto two = first.acquire({.name = "s", .permits = 2, .capacity = 3});
  auto one = second.acquire({.name = "s", .permits = 1, .capacity = 3});
  CHECK_FALSE(second.try_acquire({.name = "s", .permits = 1, .capacity = 3}, {.limit = 0ms}));

  std::vector<std::uint64_t> theirs;
  std::thread other([&] {
    auto barrier = second.barrier("b", 2);
    for (std::uint64_t round = 1; round <= 3; ++round) theirs.push_back(*barrier.arrive_and_wait(30s));
  });
  auto barrier = first.barrier("b", 2);
  for (std::uint64_t round = 1; round <= 3; ++round) CHECK(*barrier.arrive_and_wait(30s) == round);
  other.join();
  CHECK(theirs == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(barrier.arrive_and_wait(50ms).error().message == "not all 2 parties of barrier 'b' have arrived after 50 ms");

  auto out = first.queue("q", {.capacity = 2});
  auto in = second.queue("q", {.capacity = 2});
  REQUIRE(out.send("one"));
  REQUIRE(out.send("two"));
  CHECK(out.send("three", 20ms).error().fault == Fault::timed_out);
  {
    auto message = in.receive(30s);
    REQUIRE(message);
    CHECK(message->body() == "one");  // And is put back.
  }
  auto again = in.receive(30s);
  REQUIRE(again);
  CHECK(again->body() == "one");
  CHECK(again->deliveries() == 2);
  CHECK(again->acknowledge());
  REQUIRE(out.send("three", 30s));
  CHECK(in.receive(30s)->body() == "two");
}

TEST_CASE("a durable queue keeps its messages over the death of the scheduler", "[local]") {
  auto cluster = Cluster::local({.cpus = 1000});
  auto session = cluster.connect();
  auto queue = session.queue("q", {.durable = true});
  REQUIRE(queue.send("kept"));
  REQUIRE(::kill(scheduler_of(cluster), SIGKILL) == 0);
  auto message = queue.receive(30s);
  REQUIRE(message);
  CHECK(message->body() == "kept");
  CHECK(message->acknowledge());
}

TEST_CASE("a cluster file that is gone, or is none, is named", "[local]") {
  const auto missing = scheduler::read_cluster_file("/tmp/no-such-cluster.json");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().fault == Fault::not_found);
  const std::string path = "/tmp/troupe-test-" + to_text(random_id()) + ".json";
  std::ofstream(path) << "{}";
  const auto none = scheduler::read_cluster_file(path);
  std::filesystem::remove(path);
  REQUIRE_FALSE(none);
  CHECK_THAT(none.error().message, Catch::StartsWith(path + ": found no 'cluster_id'"));
}
