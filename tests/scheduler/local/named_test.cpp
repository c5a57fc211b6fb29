// Actors that are found by their names, and those that belong to no driver.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

class Counter {
 public:
  explicit Counter(int begin) : count_(begin) {}
  int add(int amount) { return count_ += amount; }

 private:
  int count_ = 0;
};
constexpr ActorType<Counter(int)> counter{"named.Counter"};
constexpr Method<&Counter::add> add{"add"};

void enroll(Catalog& catalog) { catalog.add(counter, add); }

const ActorOptions named{.name = "tally", .registers_name = true};

/// Until the scheduler has heard of the end.
bool is_gone(Session& session) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < end) {
    const auto found = session.find_actor("tally", counter);
    if (!found && found.error().fault == Fault::not_found) return true;
  }
  return false;
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("an actor is found by its name from another driver, as long as it lives") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session owner = cluster.connect();
  Session other = cluster.connect();
  CHECK(other.find_actor("tally", counter).error().fault == Fault::not_found);
  {
    const auto actor = owner.spawn(named, counter, 5);
    CHECK(owner.get(actor.call(add, 1)) == 6);
    const auto found = other.find_actor("tally", counter);
    REQUIRE(found);
    CHECK(other.get(found->call(add, 10)) == 16);

    const auto second = other.try_get(other.spawn(named, counter, 0).call(add, 1), 20s);
    REQUIRE_FALSE(second);
    CHECK_THAT(second.error().message, Catch::Contains("found as 'tally' already"));
  }
  CHECK(is_gone(other));
  CHECK(other.get(other.spawn(named, counter, 0).call(add, 1)) == 1);
}

TEST_CASE("a detached actor outlives who made it, and ends when it is told to") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  {
    Session first = cluster.connect();
    const auto actor = first.spawn_detached(named, counter, 5);
    CHECK(first.get(actor.call(add, 1)) == 6);
  }
  Session second = cluster.connect();
  {
    const auto found = second.find_actor("tally", counter);
    REQUIRE(found);
    CHECK(second.get(found->call(add, 1)) == 7);
  }
  const auto again = second.find_actor("tally", counter);
  REQUIRE(again);
  CHECK(second.get(again->call(add, 1)) == 8);
  CHECK_THROWS_WITH(second.spawn_detached(named, counter, 1), Catch::Contains("found as 'tally' already"));
  CHECK(second.end(*again));
  CHECK(is_gone(second));
  // Its worker may take a call until it has heard that it is to end.
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (second.try_get(again->call(add, 1), 20s)) REQUIRE(std::chrono::steady_clock::now() < end);
}

TEST_CASE("of those that ask for an actor by its name, if there is one, one makes it and all have it") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  std::atomic<int> sum = 0;
  {
    std::vector<Session> sessions;
    for (int i = 0; i < 4; ++i) sessions.push_back(cluster.connect());
    std::vector<Actor<Counter>> actors(sessions.size());
    std::vector<std::jthread> drivers;
    for (std::size_t i = 0; i < sessions.size(); ++i)
      drivers.emplace_back([&, i] {
        const auto actor = sessions[i].find_or_spawn({.name = "tally"}, counter, 10);
        if (!actor) return;
        actors[i] = *actor;
        sum += sessions[i].get(actor->call(add, 1));
      });
    drivers.clear();
    CHECK(sum == 11 + 12 + 13 + 14);
    CHECK(std::all_of(actors.begin(), actors.end(), [&](const auto& each) { return each.id() == actors[0].id(); }));
  }
  Session session = cluster.connect();
  REQUIRE(is_gone(session));
  const auto made = session.find_or_spawn_detached({.name = "tally"}, counter, 20);
  REQUIRE(made);
  const auto found = session.find_or_spawn_detached({.name = "tally"}, counter, 30);
  REQUIRE(found);
  CHECK(session.get(found->call(add, 1)) == 21);
  CHECK(session.find_or_spawn({}, counter, 1).error().fault == Fault::bad_input);
}

TEST_CASE("what cannot be found by a name says so before anything is made") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  CHECK_THROWS_WITH(session.spawn_detached({.registers_name = true}, counter, 1), Catch::Contains("has no name"));
}

TEST_CASE("the same name lives once in each namespace", "[local]") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto plain = session.spawn(named, counter, 1);
  ActorOptions options = named;
  options.name_space = "shop";
  const auto apart = session.spawn(options, counter, 10);
  CHECK(session.get(plain.call(add, 0)) == 1);
  CHECK(session.get(apart.call(add, 0)) == 10);
  const auto found = session.find_actor("tally", counter, 20s, "shop");
  REQUIRE(found);
  CHECK(found->id() == apart.id());
  CHECK(session.find_actor("tally", counter)->id() == plain.id());
  CHECK_THAT(session.find_actor("tally", counter, 20s, "none").error().message, Catch::Contains("'none/tally'"));
  CHECK_THAT(session.try_get(session.spawn({.name_space = "shop"}, counter, 0).call(add, 0)).error().message,
             Catch::Contains("registers no name"));
}
