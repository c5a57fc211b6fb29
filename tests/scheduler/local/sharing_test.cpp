// Actors that share their workers: what is theirs alone, and what they share.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

class Member {
 public:
  explicit Member(Context& context) : context_(context) {}
  int pid() const { return ::getpid(); }
  int add(int amount) { return sum_ += amount; }
  int crash() { std::abort(); }
  int leave() { std::exit(3); }
  int sleep(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    return ms;
  }
  int add_at(const ActorHandle<Member>& other, int amount);

 private:
  Context& context_;
  int sum_ = 0;
};

constexpr ActorType<Member()> member{"sharing.Member"};
constexpr Method<&Member::pid> pid{"pid"};
constexpr Method<&Member::add> add{"add"};
constexpr Method<&Member::crash> crash{"crash"};
constexpr Method<&Member::leave> leave{"leave"};
constexpr Method<&Member::sleep> sleep_for{"sleep"};
constexpr Method<&Member::add_at> add_at{"add_at"};

int Member::add_at(const ActorHandle<Member>& other, int amount) {
  return context_.session().get(context_.session().attach(other).call(::add, amount));
}

class Unmade {
 public:
  Unmade() { throw std::runtime_error("not today"); }
  int answer() const { return 0; }
};
constexpr ActorType<Unmade()> unmade{"sharing.Unmade"};
constexpr Method<&Unmade::answer> unmade_answer{"answer"};

const ActorOptions sharing{.shares_worker = true};

void enroll(Catalog& catalog) {
  catalog.add(member, pid, add, crash, leave, sleep_for, add_at);
  catalog.add(unmade, unmade_answer);
}

/// Of one process, as many as are asked for. Requires: so many share one.
std::vector<Actor<Member>> of_one_process(Session& session, const std::vector<Actor<Member>>& all, std::size_t count) {
  std::map<int, std::vector<Actor<Member>>> by_pid;
  for (const auto& actor : all) {
    auto& some = by_pid[session.get(actor.call(pid))];
    some.push_back(actor);
    if (some.size() == count) return some;
  }
  FAIL("so many share none");
  return {};
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("50 actors live in 8 processes, each with its own state, and end one by one") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  std::vector<Actor<Member>> all;
  for (int i = 0; i < 50; ++i) all.push_back(session.spawn(sharing, member));
  std::set<int> pids;
  for (const auto& actor : all) pids.insert(session.get(actor.call(pid)));
  CHECK(pids.size() == 8);
  for (int round = 1; round <= 3; ++round)
    for (int i = 0; i < 50; ++i) CHECK(session.get(all[i].call(add, i)) == round * i);

  const auto stays = of_one_process(session, all, 2)[1];
  const int shared_pid = session.get(stays.call(pid));
  const int sum = session.get(stays.call(add, 0));
  all.clear();
  CHECK(session.get(stays.call(add, 0)) == sum);
  CHECK(session.get(stays.call(pid)) == shared_pid);
}

TEST_CASE("an actor calls another one of its own process, and a slow one holds up none") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  std::vector<Actor<Member>> all;
  for (int i = 0; i < 9; ++i) all.push_back(session.spawn(sharing, member));
  const auto two = of_one_process(session, all, 2);
  CHECK(session.get(two[0].call(add_at, two[1].handle(), 5)) == 5);
  const auto slow = two[0].call(sleep_for, 30'000);
  CHECK(session.get(two[1].call(add, 1)) == 6);
  CHECK_FALSE(session.wait(std::vector{slow}, 1, 0ms));
}

TEST_CASE("who takes a shared process down has failed; the others are started anew, uncounted") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  std::vector<Actor<Member>> all;
  for (int i = 0; i < 24; ++i) all.push_back(session.spawn(sharing, member));
  for (const auto& actor : all) session.get(actor.call(pid));
  const auto three = of_one_process(session, all, 3);
  const int before = session.get(three[0].call(pid));
  CHECK(session.get(three[1].call(add, 3)) == 3);

  const bool by_exit = GENERATE(false, true);
  const auto fatal = by_exit ? three[2].call(leave) : three[2].call(crash);
  const auto failed = session.try_get(fatal, 20s);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message.find("not known to have been applied") != std::string::npos);
  for (const int i : {0, 1}) {
    // A call that was sent before its end was known fails; those after it run on the next incarnation.
    auto now = session.try_get(three[i].call(pid), 20s);
    if (!now) now = session.try_get(three[i].call(pid), 20s);
    REQUIRE(now);
    CHECK(*now != before);
  }
  CHECK(session.get(three[1].call(add, 1)) == 1);
  const auto again = session.try_get(three[2].call(pid), 20s);
  REQUIRE_FALSE(again);
}

TEST_CASE("a constructor that throws harms none of those that share its process") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  std::vector<Actor<Member>> all;
  for (int i = 0; i < 8; ++i) all.push_back(session.spawn(sharing, member));
  for (const auto& actor : all) CHECK(session.get(actor.call(add, 1)) == 1);
  const auto broken = session.spawn(sharing, unmade);
  const auto answer = session.try_get(broken.call(unmade_answer), 20s);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message.find("not today") != std::string::npos);
  for (const auto& actor : all) CHECK(session.get(actor.call(add, 1)) == 2);
}

TEST_CASE("an actor that has ended is gone for those that others share its process with") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session owner = cluster.connect();
  Session other = cluster.connect();
  std::vector<Actor<Member>> all;
  for (int i = 0; i < 16; ++i) all.push_back(owner.spawn(sharing, member));
  const auto stays = all.back();
  CHECK(owner.get(all.front().call(add, 0)) == 0);  // The scheduler knows it.
  const auto borrowed = other.attach(all.front().handle());
  CHECK(other.get(borrowed.call(add, 2)) == 2);
  all.erase(all.begin());
  const auto end = std::chrono::steady_clock::now() + 20s;
  std::string failure;
  while (failure.find("has ended") == std::string::npos && std::chrono::steady_clock::now() < end) {
    const auto answer = other.try_get(borrowed.call(add, 0), 20s);
    failure = answer ? "" : answer.error().message;
  }
  CHECK(failure.find("has ended") != std::string::npos);
  CHECK(owner.get(stays.call(add, 1)) == 1);
}

TEST_CASE("an actor that was let go is called again by the same way to its process") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session owner = cluster.connect();
  Session other = cluster.connect();
  std::vector<Actor<Member>> all;
  for (int i = 0; i < 9; ++i) all.push_back(owner.spawn(sharing, member));
  const auto two = of_one_process(owner, all, 2);
  const auto keeps_the_way = other.attach(two[0].handle());
  CHECK(other.get(keeps_the_way.call(add, 1)) == 1);
  for (int i = 1; i <= 3; ++i) {
    const auto let_go = other.attach(two[1].handle());
    CHECK(other.try_get(let_go.call(add, 1), 20s).value() == i);
  }
}
