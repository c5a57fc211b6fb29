// What is told of an actor's end, and pools of actors, which go on without those that have ended.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/api/actor_pool.h"
#include "scheduler/local/cluster.h"
#include "tests/support/folder.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

class Clerk {
 public:
  int pid() const { return ::getpid(); }
  int die() {
    ::kill(::getpid(), SIGKILL);
    return 0;
  }
  /// Makes the one file, and waits for the other.
  int wait_for(const std::string& begun, const std::string& gate) {
    std::ofstream(begun).put('b');
    while (!std::filesystem::exists(gate)) std::this_thread::sleep_for(1ms);  // Nobody tells of a file.
    return ::getpid();
  }
};

constexpr ActorType<Clerk()> clerk{"monitor.Clerk"};
constexpr Task<Stream<int>(int)> count_to{"monitor.count_to"};
constexpr Method<&Clerk::pid> pid{"pid"};
constexpr Method<&Clerk::die> die{"die"};
constexpr Method<&Clerk::wait_for> wait_for{"wait_for"};

void enroll(Catalog& catalog) {
  catalog.add(clerk, pid, die, wait_for);
  catalog.add(count_to, [](Yield<int>& yield, int last) {
    for (int i = 1; i <= last; ++i) yield(i);
  });
}

void open_gate(const std::string& file) { std::ofstream(file).put('g'); }

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("a monitor tells of the end when no restart is left, and not before") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn({.max_restarts = 1}, clerk);
  const auto end = actor.monitor();
  CHECK_FALSE(session.try_get(actor.call(die), 20s));
  CHECK(session.try_get(actor.call(pid), 20s));
  CHECK_FALSE(session.wait(std::vector{end}, 1, 0ms));
  CHECK_FALSE(actor.has_ended());
  CHECK(actor.monitor() == end);

  CHECK_FALSE(session.try_get(actor.call(die), 20s));
  const auto told = session.try_get(end, 20s);
  REQUIRE(told);
  CHECK(told->fault == Fault::task_failed);
  CHECK_THAT(told->cause, Catch::Contains("signal 9"));
  CHECK(actor.has_ended());
  CHECK(session.try_get(actor.call(pid), 20s).error().fault == Fault::peer_lost);
  CHECK(session.get(actor.monitor()).fault == Fault::task_failed);
}

TEST_CASE("what was ended, let go of or never there is told apart from what failed") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto ended = session.spawn(clerk);
  session.get(ended.call(pid));
  REQUIRE(session.end(ended));
  const auto told = session.try_get(ended.monitor(), 20s);
  REQUIRE(told);
  CHECK(told->fault == Fault::cancelled);

  Ref<ActorEnd> end;
  {
    const auto actor = session.spawn(clerk);
    session.get(actor.call(pid));
    end = actor.monitor();
  }
  const auto gone = session.try_get(end, 20s);
  REQUIRE(gone);
  CHECK(gone->fault == Fault::cancelled);
  CHECK(gone->cause == "this driver let go of it");

  const auto first = session.spawn({.name = "one", .registers_name = true}, clerk);
  session.get(first.call(pid));
  const auto refused = session.try_get(session.spawn({.name = "one", .registers_name = true}, clerk).monitor(), 20s);
  REQUIRE(refused);
  CHECK(refused->fault == Fault::refused);
}

TEST_CASE("another driver's actor is monitored too, though its worker goes on with others") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session owner = cluster.connect();
  Session other = cluster.connect();
  const ActorOptions sharing{.needs = {.cpus = 0}, .shares_worker = true};
  std::vector<Actor<Clerk>> stay;
  for (int i = 0; i < 16; ++i) stay.push_back(owner.spawn(sharing, clerk));
  const int first_pid = owner.get(stay[0].call(pid));
  const auto first = other.attach(stay[0].handle());
  CHECK(other.get(first.call(pid)) == first_pid);
  const auto end = first.monitor();
  CHECK_FALSE(other.wait(std::vector{end}, 1, 0ms));
  stay.erase(stay.begin());
  const auto told = other.try_get(end, 20s);
  REQUIRE(told);
  CHECK(told->fault == Fault::peer_lost);
  CHECK_THAT(told->cause, Catch::StartsWith("the actor has ended: "));
  CHECK(told->cause.size() > std::string("the actor has ended: ").size());
  for (const auto& each : stay) CHECK(owner.try_get(each.call(pid), 20s));
}

TEST_CASE("a pool gives a slow actor no more than its share, and waits when all have theirs") {
  const test::Folder folder;
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  ActorPool<Clerk> pool(session, {session.spawn(clerk), session.spawn(clerk)});
  const auto slow = pool.call(wait_for, folder.file("begun"), folder.file("gate"));
  std::vector<Ref<int>> others;
  for (int i = 0; i < 20; ++i) others.push_back(pool.call(pid));
  CHECK(session.wait(others, 19, 20s));
  CHECK_FALSE(session.wait(std::vector{slow}, 1, 0ms));
  open_gate(folder.file("gate"));
  const int slow_one = session.get(slow);
  const auto pids = session.get_all(others);
  CHECK(std::count(pids.begin(), pids.end(), slow_one) <= 1);

  ActorPool<Clerk> alone(session, {session.spawn(clerk)}, 1);
  const auto first = alone.call(wait_for, folder.file("begun alone"), folder.file("gate alone"));
  std::jthread opens([&] {
    while (!std::filesystem::exists(folder.file("begun alone"))) std::this_thread::sleep_for(1ms);  // Nobody tells.
    open_gate(folder.file("gate alone"));
  });
  const auto second = alone.call(pid);
  CHECK(session.wait(std::vector{first}, 1, 0ms));
  CHECK(session.get(second) == session.get(first));
}

TEST_CASE("a pool goes on without those that have ended") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  const std::vector actors{session.spawn(clerk), session.spawn(clerk)};
  ActorPool<Clerk> pool(session, actors);
  const int last = session.get(actors[1].call(pid));
  CHECK_FALSE(session.try_get(actors[0].call(die), 20s));
  REQUIRE(session.wait(std::vector{actors[0].monitor()}, 1, 20s));
  for (int i = 0; i < 6; ++i) CHECK(session.try_get(pool.call(pid), 20s).value() == last);
  CHECK_FALSE(session.try_get(actors[1].call(die), 20s));
  REQUIRE(session.wait(std::vector{actors[1].monitor()}, 1, 20s));
  CHECK(session.try_get(pool.call(pid), 20s).error().fault == Fault::peer_lost);
  CHECK_THROWS_WITH(ActorPool<Clerk>(session, {}), Catch::Contains("a pool needs an actor"));
}

TEST_CASE("of an actor or a stream that has ended and that nobody has any more nothing is kept") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  {
    const ActorOptions sharing{.needs = {.cpus = 0}, .shares_worker = true};
    std::vector<Actor<Clerk>> some;
    for (int i = 0; i < 20; ++i) some.push_back(session.spawn(sharing, clerk));
    for (const auto& each : some) session.get(each.call(pid));
    const auto died = session.spawn(clerk);
    CHECK_FALSE(session.try_get(died.call(die), 20s));
    CHECK(session.try_get(died.monitor(), 20s));
    CHECK(session.tasks()->size() == 21);
    auto numbers = session.stream(count_to, 10);
    int last = 0;
    while (const auto number = numbers.next()) last = *number;
    CHECK(last == 10);
  }
  // Nobody is told when the scheduler has forgotten something.
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!session.tasks()->empty() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
  CHECK(session.tasks()->empty());
}
