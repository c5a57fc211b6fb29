// Actors of which several methods run at once, and calls that are not wanted any more.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

class Meeting {
 public:
  explicit Meeting(Context& context) : context_(context) {}

  /// Waits until so many are in it at once. Answers with how many there were at most.
  int meet(int count) {
    std::unique_lock lock(mutex_);
    most_ = std::max(most_, ++inside_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return most_ >= count || is_over_; });
    --inside_;
    return most_;
  }
  int end_it() {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
    return most_;
  }
  /// Until its caller does not want it any more.
  int wait_for_stop() {
    std::unique_lock lock(mutex_);
    stopped_.wait(lock, context_.stop_token(), [] { return false; });
    return 7;
  }
  int add(int amount) { return sum_ += amount; }
  int doubled(int number);
  int pid() const { return ::getpid(); }
  int crash() { std::abort(); }

 private:
  Context& context_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable_any stopped_;
  int inside_ = 0;
  int most_ = 0;
  bool is_over_ = false;
  std::atomic<int> sum_ = 0;
};

constexpr ActorType<Meeting()> meeting{"concurrency.Meeting"};
constexpr Method<&Meeting::meet> meet{"meet"};
constexpr Method<&Meeting::end_it> end_it{"end_it"};
constexpr Method<&Meeting::add> add{"add"};
constexpr Method<&Meeting::wait_for_stop> wait_for_stop{"wait_for_stop"};
constexpr Method<&Meeting::doubled> doubled{"doubled"};
constexpr Method<&Meeting::pid> pid{"pid"};
constexpr Method<&Meeting::crash> crash{"crash"};
constexpr Task<int(int)> twice{"concurrency.twice"};
constexpr Task<int()> never{"concurrency.never"};

int Meeting::doubled(int number) { return context_.session().get(context_.session().submit(twice, number)); }

void enroll(Catalog& catalog) {
  catalog.add(meeting, meet, end_it, add, wait_for_stop, doubled, pid, crash);
  catalog.add(never, []() -> int {
    for (;;) std::this_thread::sleep_for(1h);  // Until its worker is ended.
  });
  catalog.add(twice, [](int number) { return 2 * number; });
}

std::string why_not(Session& session, const ActorOptions& options) {
  const auto answer = session.try_get(session.spawn(options, meeting).call(add, 1), 20s);
  return answer ? "" : answer.error().message;
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("as many calls run at once as was said, and no more") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const bool shares = GENERATE(false, true);
  const auto actor = session.spawn({.shares_worker = shares, .concurrency = 3}, meeting);
  std::vector<Ref<int>> three;
  for (int i = 0; i < 3; ++i) three.push_back(actor.call(meet, 3));
  for (const auto& each : three) CHECK(session.get(each) == 3);
  std::vector<Ref<int>> none;
  for (int i = 0; i < 3; ++i) none.push_back(actor.call(meet, 4));
  const auto behind = actor.call(add, 1);
  CHECK_FALSE(session.wait(std::vector{behind}, 1, 100ms));
}

TEST_CASE("a group of methods has threads apart, so that a long one keeps no other waiting") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn({.groups = {{.methods = {"meet"}, .threads = 2}}}, meeting);
  const auto long_ones = std::vector{actor.call(meet, 3), actor.call(meet, 3)};
  for (int i = 1; i <= 100; ++i) CHECK(session.get(actor.call(add, 1)) == i);
  CHECK_FALSE(session.wait(long_ones, 1, 0ms));
  CHECK(session.get(actor.call(end_it)) == 2);
  for (const auto& each : long_ones) CHECK(session.get(each) == 2);
}

TEST_CASE("calls that run at once have one session between them") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  const auto actor = session.spawn({.concurrency = 4}, meeting);
  std::vector<Ref<int>> answers;
  for (int i = 0; i < 40; ++i) answers.push_back(actor.call(doubled, i));
  for (int i = 0; i < 40; ++i) CHECK(session.get(answers[static_cast<std::size_t>(i)]) == 2 * i);
}

TEST_CASE("one that takes its process down is started anew, and all calls that ran are told of it") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn({.max_restarts = 1, .concurrency = 2}, meeting);
  const int before = session.get(actor.call(pid));
  const auto waits = actor.call(meet, 2);
  const auto fatal = actor.call(crash);
  for (const auto& each : {waits, fatal}) {
    const auto failed = session.try_get(each, 20s);
    REQUIRE_FALSE(failed);
    CHECK_THAT(failed.error().message, Catch::Contains("not known to have been applied"));
  }
  CHECK(session.get(actor.call(pid)) != before);
}

TEST_CASE("a cancelled call does not begin, or is asked to stop where it has begun") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const bool shares = GENERATE(false, true);
  const auto actor = session.spawn({.shares_worker = shares}, meeting);
  CHECK(session.get(actor.call(add, 1)) == 1);
  const auto runs = actor.call(wait_for_stop);
  const auto waits = actor.call(add, 10);
  const auto stays = actor.call(add, 100);
  session.cancel(waits);
  CHECK_FALSE(session.wait(std::vector{runs}, 1, 50ms));
  session.cancel(runs);
  CHECK(session.get(runs) == 7);
  const auto cancelled = session.try_get(waits, 20s);
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().fault == Fault::cancelled);
  CHECK(session.get(stays) == 101);
}

TEST_CASE("where as many calls wait for answers as may one more is refused, until one is answered") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn({.max_pending_calls = 2, .concurrency = 3}, meeting);
  const auto first = actor.call(meet, 2);
  const auto stuck = actor.call(wait_for_stop);
  const auto refused = session.try_get(actor.call(add, 1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::refused);
  CHECK_THAT(refused.error().message, Catch::Contains("not run: 2 calls wait for their answers"));
  session.cancel(stuck);
  CHECK_FALSE(session.try_get(stuck, 20s));
  session.get(actor.call(end_it));  // The thread of the first may come to it later still.
  CHECK(session.get(first) == 1);
  // What was answered counts no more; other handles than who spawned it are not bound.
  for (int sum = 1; sum <= 1000; ++sum) CHECK(session.get(actor.call(add, 1)) == sum);
  const auto other = session.attach(actor.handle());
  CHECK(session.get(other.call(add, 1)) == 1001);
}

TEST_CASE("a call that is cancelled while its argument is not there never leaves") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn(meeting);
  const auto waits = actor.call(add, session.submit(never));
  session.cancel(waits);
  CHECK(session.try_get(waits, 20s).error().fault == Fault::cancelled);
  CHECK(session.get(actor.call(add, 1)) == 1);
}

TEST_CASE("where a deadline is over there is an answer, and the call or the task is ended") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn(meeting);
  CHECK(session.get(actor.call(CallOptions{.deadline = 20s}, add, 1)) == 1);
  const auto late = session.try_get(actor.call(CallOptions{.deadline = 50ms}, wait_for_stop), 20s);
  REQUIRE_FALSE(late);
  CHECK(late.error().fault == Fault::timed_out);
  CHECK_THAT(late.error().message, Catch::Contains("its deadline of 50 ms is over"));
  CHECK(session.get(actor.call(add, 1)) == 2);
  const auto task = session.try_get(session.submit({.deadline = 50ms}, never), 20s);
  REQUIRE_FALSE(task);
  CHECK(task.error().fault == Fault::timed_out);
  CHECK(session.get(session.submit(twice, 4)) == 8);  // The only cpu is free again.
}

TEST_CASE("what makes no sense about threads is said, and no actor is made") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  CHECK_THAT(why_not(session, {.concurrency = 0}), Catch::Contains("expected 1 to"));
  CHECK_THAT(why_not(session, {.concurrency = 600, .groups = {{{"add"}, 600}}}), Catch::Contains("more than 1000"));
  CHECK_THAT(why_not(session, {.groups = {{{"add"}, 1}, {{"meet", "add"}, 1}}}), Catch::Contains("in two groups"));
  CHECK_THAT(why_not(session, {.concurrency = 2, .restart = RestartMode::logged}),
             Catch::Contains("one call after another"));
  CHECK_THAT(why_not(session, {.groups = {{{"unknown"}, 1}}}), Catch::Contains("no method named 'unknown'"));
}
