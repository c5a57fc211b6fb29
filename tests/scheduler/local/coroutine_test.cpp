// Coroutines that wait for tasks and calls.
#include "runtime/api/coroutine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"

using namespace troupe;

namespace {

constexpr Task<int(int)> doubled{"coroutine.doubled"};
constexpr Task<void(int)> refuses{"coroutine.refuses"};
constexpr Task<int(int)> never{"coroutine.never"};

class Counter {
 public:
  int add(int amount) { return count_ += amount; }

 private:
  int count_ = 0;
};
constexpr ActorType<Counter()> counter{"coroutine.Counter"};
constexpr Method<&Counter::add> add{"add"};

/// Its methods meet: each says that it is there, and then waits for a call to another actor.
class Desk {
 public:
  Desk(Context& context, ActorHandle<Counter> counter)
      : context_(context), counter_(context.session().attach(counter)) {}
  /// Answers with how many were under way at most, when it was over.
  Coroutine<int> serve(const std::string& name, int rounds) {
    most_ = std::max(most_, ++serving_);
    for (int i = 0; i < rounds; ++i) {
      const int before = ++steps_;
      if (steps_ != before) throw std::logic_error(name + " was not alone");
      co_await counter_.call(add, 1);
    }
    --serving_;
    co_return most_;
  }
  Coroutine<void> refuse() {
    co_await counter_.call(add, 1);
    throw std::runtime_error("closed");
  }
  /// Awaits what it has begun, which ends with it.
  Coroutine<int> wait_for_ever() {
    const auto begun = context_.session().submit({.needs = {.cpus = 0}}, never, 1);
    ++waiting_;
    co_return co_await begun;
  }
  int waiting() const { return waiting_; }
  int steps() const { return steps_; }

 private:
  Context& context_;
  Actor<Counter> counter_;
  int serving_ = 0;
  int most_ = 0;
  int steps_ = 0;
  std::atomic<int> waiting_ = 0;
};
constexpr ActorType<Desk(ActorHandle<Counter>)> desk{"coroutine.Desk"};
constexpr Method<&Desk::serve> serve{"serve"};
constexpr Method<&Desk::refuse> refuse{"refuse"};
constexpr Method<&Desk::wait_for_ever> wait_for_ever{"wait_for_ever"};
constexpr Method<&Desk::waiting> waiting{"waiting"};
constexpr Method<&Desk::steps> steps{"steps"};
constexpr Task<int(int)> sixfold{"coroutine.sixfold"};

void enroll(Catalog& catalog) {
  catalog.add(desk, serve, refuse, wait_for_ever, waiting, steps);
  catalog.add(never, [](int) -> int {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));  // Until its worker is ended.
  });
  catalog.add(sixfold, [](Context& context, int value) -> Coroutine<int> {
    const int twice = co_await context.session().submit(doubled, value);
    co_return twice + co_await context.session().submit(doubled, twice);
  });
  catalog.add(doubled, [](int value) { return 2 * value; });
  catalog.add(refuses, [](int value) { throw std::runtime_error("does not like " + std::to_string(value)); });
  catalog.add(counter, add);
}

Coroutine<int> four_times(Session session, int value) {
  const int twice = co_await session.submit(doubled, value);
  co_return co_await session.submit(doubled, twice);
}

Coroutine<int> counted(Session session, Actor<Counter> actor, int value) {
  const int more = co_await four_times(session, value);
  co_return co_await actor.call(add, more);
}

Coroutine<void> refused(Session session, std::string& why) {
  try {
    co_await session.submit(refuses, 7);
  } catch (const TaskFailed& failed) {
    why = failed.failure().cause;
  }
  co_await session.submit(refuses, 8);
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("coroutines wait for tasks, calls and each other", "[local]") {
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  CHECK(run(session, four_times(session, 3)) == 12);
  const auto actor = session.spawn(counter);
  std::vector<Coroutine<int>> all;
  for (int i = 1; i <= 50; ++i) all.push_back(counted(session, actor, i));
  const auto sums = run_all(session, std::move(all));
  CHECK(*std::max_element(sums.begin(), sums.end()) == 4 * 50 * 51 / 2);
}

TEST_CASE("what a task throws, the coroutine that awaits it may catch, else it goes on to who runs it", "[local]") {
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  std::string why;
  CHECK_THROWS_WITH(run(session, refused(session, why)), Catch::Contains("does not like 8"));
  CHECK(why == "does not like 7");
}

TEST_CASE("methods that are coroutines take turns, and while one waits others go on", "[local]") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto sum = session.spawn(counter);
  const auto at_once = session.spawn({.concurrency = 8}, desk, sum.handle());
  std::vector<Ref<int>> served;
  for (int i = 0; i < 8; ++i) served.push_back(at_once.call(serve, "caller " + std::to_string(i), 200));
  const auto most = session.get_all(served);
  CHECK(*std::max_element(most.begin(), most.end()) > 1);
  CHECK(session.get(at_once.call(steps)) == 8 * 200);
  CHECK(session.get(sum.call(add, 0)) == 8 * 200);
  CHECK_THROWS_WITH(session.get(at_once.call(refuse)), Catch::Contains("closed"));

  const auto one_by_one = session.spawn(desk, sum.handle());
  const auto first = one_by_one.call(serve, "first", 5);
  CHECK(session.get(one_by_one.call(serve, "second", 5)) == 1);
  CHECK(session.get(first) == 1);
}

TEST_CASE("a method that is cancelled while it waits learns of it, and others go on", "[local]") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto sum = session.spawn(counter);
  const auto at_once = session.spawn({.concurrency = 2}, desk, sum.handle());
  const auto waits = at_once.call(wait_for_ever);
  while (session.get(at_once.call(waiting)) == 0) continue;
  CHECK(session.get(at_once.call(serve, "another", 3)) == 1);
  session.cancel(waits);
  const auto answer = session.try_get(waits, std::chrono::seconds(20));
  REQUIRE_FALSE(answer);
  CHECK_THAT(answer.error().message, Catch::Contains("'coroutine.never'"));  // Which was cancelled with it.
  const auto late = session.try_get(at_once.call({.deadline = std::chrono::milliseconds(50)}, wait_for_ever));
  REQUIRE_FALSE(late);
  CHECK(late.error().fault == Fault::timed_out);
  CHECK(session.get(at_once.call(serve, "another", 3)) == 1);  // Whose thread the first had.
  CHECK(session.get(at_once.call(serve, "another", 3)) == 1);
}

TEST_CASE("a task may be a coroutine", "[local]") {
  auto cluster = Cluster::local({.cpus = 1000});
  auto session = cluster.connect();
  CHECK(session.get(session.submit(sixfold, 7)) == 42);
}
