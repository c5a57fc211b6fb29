#include "scheduler/store/redis_task_store.h"

#include <signal.h>

#include <thread>

#include "scheduler/store/redis_load.h"
#include "tests/scheduler/store/needs_redis.h"
#include "tests/scheduler/store/own_redis.h"
#include "tests/scheduler/store/relay.h"
#include "tests/scheduler/store/store_support.h"

namespace troupe::scheduler::test {

TEST_CASE("no acknowledged change is lost when redis is killed again and again", "[redis]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  BatchMaker maker(dice);
  Model model;
  std::uint64_t commits = 0;
  for (int round = 0; round < 20; ++round) {
    // Some commits in peace, then one during which, before which or after which it dies.
    for (std::uint64_t i = dice.below(4); i > 0; --i) {
      Batch batch = maker.next(dice.below(20));
      model.add(batch);
      REQUIRE(committed(store, std::move(batch)) == ++commits);
    }
    const bool while_idle = dice.below(4) == 0;
    if (while_idle) redis.kill();
    Batch batch = maker.next(dice.below(3) == 0 ? 2'000 : 20);
    model.add(batch);
    store.commit(std::move(batch));
    if (!while_idle) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(dice.below(1'500));
      std::optional<CommitOutcome> early;
      while (!early && std::chrono::steady_clock::now() < end) early = store.poll();
      redis.kill();
      if (early) {
        REQUIRE(std::holds_alternative<Committed>(*early));
        CHECK(std::get<Committed>(*early).commit_seq == ++commits);
        batch = maker.next(1);
        model.add(batch);
        store.commit(std::move(batch));
      }
    }
    redis.start();
    const CommitOutcome outcome = wait_for_outcome(store);
    if (const auto* gone = std::get_if<StoreLost>(&outcome)) FAIL(gone->error.message);
    REQUIRE(std::holds_alternative<Committed>(outcome));
    CHECK(std::get<Committed>(outcome).commit_seq == ++commits);
  }
  const StoredState state = opened(store);
  CHECK(state.commit_seq == commits);
  CHECK(model.holds(state));
}

TEST_CASE("a commit whose answer was lost is found to be there", "[redis]") {
  Redis redis;
  Folder folder;
  Relay relay(folder.path() + "/relay", redis.socket());
  RedisTaskStore store({.socket = folder.path() + "/relay"});
  opened(store);
  relay.lose_next_exec(Lose::answer);
  CHECK(committed(store, small_graph(JobId{1}, 3)) == 1);
  CHECK(relay.has_lost());
  CHECK(committed(store, {}) == 2);
  CHECK(read_store(redis.socket())->tasks.size() == 3);
}

TEST_CASE("a commit that was lost on its way is sent again", "[redis]") {
  Redis redis;
  Folder folder;
  Relay relay(folder.path() + "/relay", redis.socket());
  RedisTaskStore store({.socket = folder.path() + "/relay"});
  opened(store);
  relay.lose_next_exec(Lose::request);
  CHECK(committed(store, small_graph(JobId{1}, 3)) == 1);
  CHECK(relay.has_lost());
  CHECK(committed(store, {}) == 2);
  CHECK(read_store(redis.socket())->tasks.size() == 3);
}

TEST_CASE("who reconnects after a take-over is fenced, whether its last commit arrived or not", "[redis]") {
  const Lose what = GENERATE(Lose::request, Lose::answer);
  Redis redis;
  Folder folder;
  Relay relay(folder.path() + "/relay", redis.socket());
  RedisTaskStore first({.socket = folder.path() + "/relay"});
  opened(first);
  committed(first, {});
  relay.lose_next_exec(what);
  first.commit(small_graph(JobId{1}, 3));
  while (!relay.has_lost()) CHECK(!first.poll());
  relay.close_door(true);

  RedisTaskStore second(redis.options());
  const StoredState state = opened(second);
  CHECK(state.commit_seq == (what == Lose::answer ? 2 : 1));
  CHECK(state.tasks.size() == (what == Lose::answer ? 3 : 0));
  relay.close_door(false);
  const CommitOutcome outcome = wait_for_outcome(first);
  REQUIRE(std::holds_alternative<Fenced>(outcome));
  CHECK(std::get<Fenced>(outcome).epoch == 2);
  CHECK(committed(second, {}) == state.commit_seq + 1);
}

TEST_CASE("what the old scheduler commits until the very moment of a take-over is loaded and counted", "[redis]") {
  Redis redis;
  Folder folder;
  Relay relay(folder.path() + "/relay", redis.socket());
  RedisTaskStore first(redis.options());
  RedisTaskStore second({.socket = folder.path() + "/relay"});
  opened(first);
  std::optional<CommitOutcome> outcome;
  relay.before_next_exec([&] {
    first.commit(small_graph(JobId{1}, 3));
    while (!outcome) outcome = first.poll();
  });
  const StoredState state = opened(second);
  REQUIRE(std::holds_alternative<Committed>(*outcome));
  CHECK(state.commit_seq == 1);
  CHECK(state.tasks.size() == 3);
  CHECK(committed(second, {}) == 2);
  CHECK(std::holds_alternative<Fenced>(commit(first, {})));
}

TEST_CASE("of two who take over at the same moment one is first and the other is next", "[redis]") {
  Redis redis;
  Folder folder;
  Relay relay(folder.path() + "/relay", redis.socket());
  RedisTaskStore first({.socket = folder.path() + "/relay"});
  RedisTaskStore second(redis.options());
  std::optional<Result<StoredState>> between;
  relay.before_next_exec([&] { between = second.open(ClusterId{8, 8}); });
  const StoredState state = opened(first);
  REQUIRE(between->has_value());
  CHECK((*between)->epoch == 1);
  CHECK(state.epoch == 2);
  CHECK(state.cluster == ClusterId{8, 8});
  CHECK(std::holds_alternative<Fenced>(commit(second, {})));
}

TEST_CASE("a store waits for a redis that is still starting", "[redis]") {
  Folder folder;
  RedisTaskStore store({.socket = folder.path() + "/redis.sock"});
  auto server = RedisServer::start({.folder = folder.path()});
  REQUIRE(server);
  CHECK(opened(store).epoch == 1);
}

TEST_CASE("a redis that reads its file is waited for as long as it does, and that is told", "[redis]") {
  Folder folder;
  const std::string info = "redis_version:7.0.15\r\nrole:master\r\nloading:1\r\n";
  std::string answer = '$' + std::to_string(info.size()) + "\r\n" + info + "\r\n";
  for (const std::string value : {"yes", "always", "noeviction"})
    answer += "*2\r\n$1\r\nx\r\n$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  for (int i = 0; i < 4; ++i) answer += "-LOADING Redis is loading the dataset in memory\r\n";
  std::optional<PlayedRedis> played;
  played.emplace(folder.path() + "/redis", answer);
  int signs = 0;
  RedisTaskStore store({.socket = folder.path() + "/redis", .patience = milliseconds(1'000), .on_progress = [&] {
                          if (++signs == 10) played.reset();
                        }});
  const auto state = store.open(some_cluster);
  REQUIRE_FALSE(state);
  CHECK(signs == 10);
  CHECK_THAT(state.error().message, Catch::Contains("does not answer"));
}

TEST_CASE("whoever opens a store tells that he gets on, reply by reply", "[redis]") {
  Redis redis;
  RedisTaskStore before(redis.options());
  opened(before);
  committed(before, small_graph(JobId{1}, 1'000));
  int signs = 0;
  RedisTaskStore store({.socket = redis.socket(), .on_progress = [&] { ++signs; }});
  opened(store);
  CHECK(signs >= 1'000 / 250);
}

TEST_CASE("a redis that does not come back loses the store, in time and with what to do", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options(milliseconds(100)));
  opened(store);
  redis.kill();
  const auto start = std::chrono::steady_clock::now();
  const Error error = lost(commit(store, small_graph(JobId{1}, 1)));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  CHECK(error.fault == Fault::timed_out);
  CHECK_THAT(error.message, Catch::Contains("commit 1") && Catch::Contains(redis.socket()));
  CHECK(lost(commit(store, {})) == error);
  const auto opening = store.open(some_cluster);
  REQUIRE(!opening);
  CHECK(opening.error().fault == Fault::unavailable);
}

TEST_CASE("a redis that is silent loses the store in time", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options(milliseconds(100)));
  opened(store);
  ::kill(redis.server().pid(), SIGSTOP);
  const Error error = lost(commit(store, small_graph(JobId{1}, 1)));
  ::kill(redis.server().pid(), SIGCONT);
  CHECK_THAT(error.message, Catch::Contains("is silent"));
}

TEST_CASE("a redis that comes back empty is refused", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  committed(store, small_graph(JobId{1}, 1));
  redis.kill();
  std::filesystem::remove_all(redis.folder() + "/appendonlydir");
  redis.start();
  const Error error = lost(commit(store, {}));
  CHECK(error.fault == Fault::refused);
  CHECK_THAT(error.message, Catch::Contains("older than what was seen"));
  const auto again = store.open(some_cluster);
  REQUIRE(!again);
  CHECK_THAT(again.error().message, Catch::Contains("is empty, seen was commit 1"));
}

TEST_CASE("what agents have seen is asked as the store is opened, not before", "[redis]") {
  Redis redis;
  opened(*std::make_unique<RedisTaskStore>(redis.options()));
  StoreAge seen{some_cluster, 1, 0};
  RedisStoreOptions options = redis.options();
  options.seen = [&] { return seen; };
  RedisTaskStore stands_by(options);
  seen.commit_seq = 7;  // By agents of the scheduler that is active meanwhile.
  const auto state = stands_by.open(some_cluster);
  REQUIRE(!state);
  CHECK_THAT(state.error().message, Catch::Contains("seen 7"));
}

TEST_CASE("an unacknowledged tail that was cut off the file is nobody's loss", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  committed(store, small_graph(JobId{1}, 2));
  redis.kill();
  for (const auto& file : std::filesystem::directory_iterator(redis.folder() + "/appendonlydir")) {
    if (file.path().extension() != ".aof") continue;
    // The beginning of a transaction that never ended.
    FILE* tail = std::fopen(file.path().c_str(), "a");
    std::fputs("*1\r\n$5\r\nMULTI\r\n*4\r\n$4\r\nHSET\r\n$29\r\ntroupe:graph:0000000000000001\r\n$5\r\nspec", tail);
    std::fclose(tail);
  }
  redis.start();
  CHECK(committed(store, {}) == 2);
  CHECK(opened(store).tasks.size() == 2);
}

TEST_CASE("an epoch that is written again without moving fences nobody", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  redis.raw({"SET", "troupe:epoch", "1"});
  CHECK(committed(store, small_graph(JobId{1}, 1)) == 1);
}

TEST_CASE("wrong settings are refused by name with what to do", "[redis]") {
  const auto [name, value] = GENERATE(table<std::string, std::string>(
      {{"appendonly", "no"}, {"appendfsync", "everysec"}, {"maxmemory-policy", "allkeys-lru"}}));
  Redis redis({"--" + name, value});
  const Error error = refused(redis.options());
  CHECK(error.fault == Fault::refused);
  CHECK_THAT(error.message, Catch::Contains("has " + name + " \"" + value + "\", must be"));
  CHECK_THAT(error.message, Catch::Contains("redis.conf"));
}

TEST_CASE("a redis that comes back with a wrong setting is refused by the running store", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  redis.kill();
  const auto other = RedisServer::start({.folder = redis.folder(), .more_arguments = {"--appendfsync", "no"}});
  REQUIRE(other);
  CHECK_THAT(lost(commit(store, {})).message, Catch::Contains("has appendfsync \"no\", must be always"));
}

TEST_CASE("a redis that does not let its settings be read is refused by the command", "[redis]") {
  Redis redis({"--rename-command", "CONFIG", ""});
  const Error error = refused(redis.options());
  CHECK(error.fault == Fault::refused);
  CHECK_THAT(error.message, Catch::Contains("CONFIG GET appendonly") && Catch::Contains("unknown command"));
}

TEST_CASE("a redis that is too old, or only a copy of another, is refused", "[redis]") {
  const auto [info, expected] = GENERATE(table<std::string, std::string>(
      {{"redis_version:6.2.7\r\nrole:master\r\n", "has version \"6.2.7\", must be 7.0 or later"},
       {"redis_version:10.0.1\r\nrole:slave\r\n", "has the role \"slave\", must be master"},
       {"role:master\r\n", "has version \"\""}}));
  Folder folder;
  const std::string reply = '$' + std::to_string(info.size()) + "\r\n" + info + "\r\n";
  const std::string settings = "*2\r\n$1\r\nx\r\n$3\r\nyes\r\n";
  const PlayedRedis played(folder.path() + "/redis",
                           reply + settings + settings + settings + "+OK\r\n$-1\r\n$-1\r\n$-1\r\n");
  const Error error = refused({.socket = folder.path() + "/redis"});
  CHECK(error.fault == Fault::refused);
  CHECK_THAT(error.message, Catch::Contains(expected));
}

TEST_CASE("something that is no redis is told from one", "[redis]") {
  Folder folder;
  const PlayedRedis played(folder.path() + "/redis", "HTTP/1.1 200 OK\r\n\r\n");
  const Error error = refused({.socket = folder.path() + "/redis", .patience = milliseconds(50)});
  CHECK(error.fault == Fault::unavailable);
  CHECK_THAT(error.message, Catch::Contains("does not speak the Redis protocol"));
}

TEST_CASE("what a store need not do is forbidden to every client of our own redis", "[redis]") {
  Redis redis;
  auto connection = RedisConnection::connect(redis.socket());
  REQUIRE(connection);
  const auto is_forbidden = [&](std::initializer_list<std::string_view> command) {
    const auto reply = connection->ask(command, std::chrono::steady_clock::now() + std::chrono::seconds(10));
    return reply && reply->is_error() && reply->text().substr(0, 6) == "NOPERM";
  };
  CHECK(is_forbidden({"FLUSHALL"}));
  CHECK(is_forbidden({"EVAL", "return 1", "0"}));
  CHECK(is_forbidden({"CONFIG", "SET", "appendfsync", "no"}));
  CHECK(is_forbidden({"RENAME", "troupe:epoch", "other"}));
  CHECK(is_forbidden({"KEYS", "*"}));
}

TEST_CASE("an epoch of a foreign type is reported, and nothing is written over it", "[redis]") {
  Redis redis;
  redis.raw({"HSET", "troupe:epoch", "a", "b"});
  CHECK_THAT(refused(redis.options()).message, Catch::Contains("GET troupe:epoch") && Catch::Contains("WRONGTYPE"));
}

TEST_CASE("a batch far beyond the socket's buffers goes out in pieces", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  Batch batch = small_graph(JobId{1}, 64);
  Model model;
  for (std::uint32_t number = 0; number < 64; ++number) {
    batch.push_back(SaveProgress{{JobId{1}, number}, {.state = TaskState::done, .result = std::string(500'000, 'x')}});
  }
  model.add(batch);
  committed(store, std::move(batch));
  CHECK(model.holds(opened(store)));
}

}  // namespace troupe::scheduler::test
