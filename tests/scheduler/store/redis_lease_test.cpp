// Who may take over, and when.
#include "scheduler/store/redis_lease.h"

#include <thread>

#include "tests/scheduler/store/needs_redis.h"
#include "tests/scheduler/store/own_redis.h"

namespace troupe::scheduler::test {
namespace {

const LeaseOptions mine{.holder = "mine", .length = milliseconds(100)};
const LeaseOptions other{.holder = "other", .length = milliseconds(100)};
const auto never = [] { return false; };

RedisStoreOptions with_lease(const Redis& redis, const LeaseOptions& lease) {
  return {.socket = redis.socket(), .patience = milliseconds(200), .lease = lease};
}

/// Waits until the lease has changed so often.
void wait_for_renewals(Redis& redis, int count) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (std::string before = redis.raw({"GET", "troupe:lease"}); count > 0;) {
    REQUIRE(std::chrono::steady_clock::now() < limit);
    const std::string after = redis.raw({"GET", "troupe:lease"});
    if (after != before) --count;
    before = after;
  }
}

}  // namespace

TEST_CASE("a lease that nobody has is taken at once, and its holder's next process need not wait", "[redis]") {
  Redis redis;
  RedisTaskStore first(with_lease(redis, {.holder = "mine", .length = std::chrono::hours(1)}));
  REQUIRE(first.stand_by(never));
  CHECK(opened(first).epoch == 1);
  RedisTaskStore next(with_lease(redis, {.holder = "mine", .length = std::chrono::hours(1)}));
  REQUIRE(next.stand_by(never));
  CHECK(opened(next).epoch == 2);
  CHECK(std::holds_alternative<Fenced>(commit(first, {})));
}

TEST_CASE("while a lease is renewed nobody else gets it, and once it is not it is taken over", "[redis]") {
  Redis redis;
  RedisTaskStore active(with_lease(redis, mine));
  REQUIRE(active.stand_by(never));
  opened(active);
  RedisTaskStore standby(with_lease(redis, other));
  const auto refused = standby.open(some_cluster);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::unavailable);
  CHECK_THAT(refused.error().message, Catch::Contains("1 mine"));

  std::atomic<bool> took_over = false;
  std::atomic<bool> gives_up = false;
  std::thread waiting([&] {
    if (standby.stand_by([&] { return gives_up.load(); })) took_over = true;
  });
  // Renewed with what is committed, be it nothing, for many times its length.
  for (const auto end = std::chrono::steady_clock::now() + milliseconds(500); std::chrono::steady_clock::now() < end;) {
    committed(active, {});
    CHECK_FALSE(took_over);
  }
  waiting.join();  // It is renewed no more.
  CHECK(took_over);
  CHECK(opened(standby).epoch == 2);
  CHECK(std::holds_alternative<Fenced>(commit(active, small_graph(JobId{1}, 1))));
  CHECK(opened(standby).tasks.empty());
}

TEST_CASE("of two who wait for the same lease the second has to wait for the first", "[redis]") {
  Redis redis;
  {
    RedisTaskStore dead(with_lease(redis, mine));
    REQUIRE(dead.stand_by(never));
    opened(dead);
  }
  RedisTaskStore second(with_lease(redis, other));
  RedisTaskStore third(with_lease(redis, {.holder = "third", .length = milliseconds(100)}));
  REQUIRE(second.stand_by(never));
  REQUIRE(third.stand_by(never));
  CHECK(opened(second).epoch == 2);
  const auto late = third.open(some_cluster);
  REQUIRE_FALSE(late);
  CHECK(late.error().fault == Fault::unavailable);
  CHECK(std::holds_alternative<Committed>(commit(second, {})));
}

TEST_CASE("a lease is kept as long as its owner gets on, and the epoch is his", "[redis]") {
  Redis redis;
  RedisTaskStore store(with_lease(redis, {.holder = "mine", .length = std::chrono::hours(1)}));
  REQUIRE(store.stand_by(never));
  opened(store);
  const LeaseOptions quick{.holder = "mine", .length = milliseconds(4)};
  LeaseKeeper keeper(redis.socket(), quick, {some_cluster, 1, 0});
  wait_for_renewals(redis, 3);
  CHECK(is_held_by("mine", redis.raw({"GET", "troupe:lease"})));

  SECTION("not by one who hangs") { keeper.gets_on(); }
  SECTION("not by one who was overtaken") {
    RedisTaskStore next(with_lease(redis, {.holder = "mine", .length = std::chrono::hours(1)}));
    REQUIRE(next.stand_by(never));
    opened(next);
  }
  RedisTaskStore third(with_lease(redis, {.holder = "third", .length = milliseconds(50)}));
  CHECK(third.stand_by(never));
}

TEST_CASE("from the epoch on a lease is kept: as the store is read, before the first commit, during a large one",
          "[redis]") {
  Redis redis;
  RedisTaskStore before(redis.options());
  opened(before);
  committed(before, small_graph(JobId{1}, 20'000));
  RedisTaskStore store(with_lease(redis, {.holder = "mine", .length = milliseconds(2'000)}));
  REQUIRE(store.stand_by(never));
  opened(store);
  wait_for_renewals(redis, 2);
  store.commit(small_graph(JobId{2}, 20'000));  // More than fits into the socket.
  wait_for_renewals(redis, 1);
  CHECK(std::holds_alternative<Committed>(wait_for_outcome(store)));
}

TEST_CASE("whoever is overtaken while he reads says so at once, and may stand by again", "[redis]") {
  Redis redis;
  RedisTaskStore before(redis.options());
  opened(before);
  committed(before, small_graph(JobId{1}, 20'000));
  const RedisStoreOptions options{.socket = redis.socket(), .patience = std::chrono::hours(1), .lease = mine};
  std::optional<Error> error;
  for (int tries = 0; !error && tries < 50; ++tries) {  // The first may be so quick that it is not overtaken.
    RedisTaskStore first(options);
    REQUIRE(first.stand_by(never));
    const std::string lease = redis.raw({"GET", "troupe:lease"});
    const std::jthread opening([&] {
      if (const auto state = first.open(some_cluster); !state && first.is_overtaken()) error = state.error();
    });
    while (redis.raw({"GET", "troupe:lease"}) == lease) std::this_thread::yield();
    RedisTaskStore second(options);  // Of the same holder: it need not wait.
    REQUIRE(second.stand_by(never));
    opened(second);
  }
  REQUIRE(error);
  CHECK(error->fault == Fault::unavailable);
  CHECK_THAT(error->message, Catch::Contains("took over the store") && Catch::Contains("while this one read it"));
}

TEST_CASE("who stands by can be told to stop", "[redis]") {
  Redis redis;
  RedisTaskStore active(with_lease(redis, mine));
  REQUIRE(active.stand_by(never));
  opened(active);
  RedisTaskStore standby(with_lease(redis, other));
  const auto ended = standby.stand_by([] { return true; });
  REQUIRE_FALSE(ended);
  CHECK(ended.error().fault == Fault::cancelled);
}

}  // namespace troupe::scheduler::test
