// Coroutines that wait for tasks and calls.
#include "runtime/api/coroutine.h"

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"

using namespace troupe;

namespace {

constexpr Task<int(int)> doubled{"coroutine.doubled"};
constexpr Task<void(int)> refuses{"coroutine.refuses"};

class Counter {
 public:
  int add(int amount) { return count_ += amount; }

 private:
  int count_ = 0;
};
constexpr ActorType<Counter()> counter{"coroutine.Counter"};
constexpr Method<&Counter::add> add{"add"};

void enroll(Catalog& catalog) {
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
