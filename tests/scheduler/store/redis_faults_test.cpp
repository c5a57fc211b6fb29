// What becomes of a store whose Redis is stopped, slow, out of memory, cut short or damaged. Nothing acknowledged may
// go missing in silence.
#include <signal.h>

#include <atomic>
#include <fstream>
#include <iterator>

#include "tests/scheduler/store/needs_redis.h"
#include "tests/scheduler/store/own_redis.h"
#include "tests/scheduler/store/relay.h"

namespace troupe::scheduler::test {
namespace {

std::string bytes_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_bytes(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

/// The file that takes what is written.
std::string append_only_file(const Redis& redis) { return redis.folder() + "/appendonlydir/appendonly.aof.1.incr.aof"; }

/// Some commits, and what a store must load after each.
struct History {
  std::vector<Model> after;  ///< By commit_seq.
  StoreAge age;
};

History write_history(Redis& redis, Dice& dice, int commits) {
  History history{{Model{}}, {}};
  RedisTaskStore store(redis.options());
  const StoredState state = opened(store);
  BatchMaker maker(dice);
  for (int i = 0; i < commits; ++i) {
    Batch batch = maker.next(dice.below(6));
    history.after.push_back(history.after.back());
    history.after.back().add(batch);
    committed(store, std::move(batch));
  }
  history.age = {state.cluster, state.epoch, static_cast<std::uint64_t>(commits)};
  return history;
}

}  // namespace

TEST_CASE("a redis that is stopped and goes on has lost nothing", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  REQUIRE(::kill(redis.server().pid(), SIGSTOP) == 0);
  store.commit(small_graph(JobId{1}, 3));
  const auto end = std::chrono::steady_clock::now() + milliseconds(200);
  while (std::chrono::steady_clock::now() < end) REQUIRE_FALSE(store.poll());
  REQUIRE(::kill(redis.server().pid(), SIGCONT) == 0);
  CHECK(std::holds_alternative<Committed>(wait_for_outcome(store)));
  CHECK(opened(store).tasks.size() == 3);
}

TEST_CASE("a redis that is slow is waited for, and its answers are believed when they come", "[redis]") {
  Redis redis;
  Folder folder;
  Relay relay(folder.path() + "/relay", redis.socket());
  RedisTaskStore store({.socket = folder.path() + "/relay"});
  opened(store);
  std::atomic<bool> may_pass = false;
  relay.before_next_exec([&] { may_pass.wait(false); });
  store.commit(small_graph(JobId{1}, 3));
  for (int i = 0; i < 100; ++i) CHECK_FALSE(store.poll());
  may_pass = true;
  may_pass.notify_all();
  CHECK(std::get<Committed>(wait_for_outcome(store)).commit_seq == 1);
}

TEST_CASE("a redis that is out of memory refuses by that name, and with more memory all acknowledged is there",
          "[redis]") {
  Redis redis({"--maxmemory", "4mb"});
  RedisTaskStore store(redis.options());
  opened(store);
  Model model;
  std::optional<Error> refusal;
  for (std::uint64_t job = 1; job < 1'000 && !refusal; ++job) {
    Batch batch = small_graph(JobId{job}, 200);
    const CommitOutcome outcome = commit(store, batch);
    if (const auto* lost = std::get_if<StoreLost>(&outcome)) {
      refusal = lost->error;
    } else {
      model.add(batch);
    }
  }
  REQUIRE(refusal);
  CHECK(refusal->fault == Fault::refused);
  CHECK_THAT(refusal->message, Catch::Contains("OOM") && Catch::Contains("nothing of it is stored"));
  redis.kill();
  redis.set_arguments({});
  redis.start();
  CHECK(model.holds(opened(store)));
}

TEST_CASE("a file that was cut short is refused by who has seen more, and is whole up to its last commit", "[redis]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  Redis redis;
  const History history = write_history(redis, dice, 6);
  redis.kill();
  const std::string file = append_only_file(redis);
  const std::string whole = bytes_of(file);
  std::size_t cut = 1;
  for (; cut < whole.size(); cut += 1 + dice.below(200)) {
    INFO("cut by " << cut << " of " << whole.size() << " bytes");
    write_bytes(file, whole.substr(0, whole.size() - cut));
    redis.start();
    redis.wait();
    const auto refusal =
        RedisTaskStore({.socket = redis.socket(), .seen = [&] { return history.age; }}).open(some_cluster);
    REQUIRE_FALSE(refusal);
    CHECK(refusal.error().fault == Fault::refused);
    const auto found = RedisTaskStore(redis.options()).open(some_cluster);
    REQUIRE(found);
    CHECK(history.after.at(found->commit_seq).holds(*found));
    redis.kill();
  }
  write_bytes(file, whole);
  redis.start();
  CHECK(RedisTaskStore({.socket = redis.socket(), .seen = [&] { return history.age; }}).open(some_cluster));
}

TEST_CASE("a bit that flipped in the file is found, or changes nothing", "[redis]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  Redis redis;
  const History history = write_history(redis, dice, 6);
  redis.kill();
  const std::string file = append_only_file(redis);
  const std::string whole = bytes_of(file);
  int found_by_redis = 0;
  int found_by_us = 0;
  for (int flip = 0; flip < 150; ++flip) {
    std::string bytes = whole;
    const std::size_t at = dice.below(bytes.size());
    const auto bit = dice.below(8);
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1u << bit));
    INFO("bit " << bit << " of byte " << at << " of " << bytes.size());
    write_bytes(file, bytes);
    redis.start();
    if (!redis.server().wait_until_ready(milliseconds(10'000))) {
      ++found_by_redis;
      continue;
    }
    const auto state =
        RedisTaskStore({.socket = redis.socket(), .seen = [&] { return history.age; }}).open(some_cluster);
    if (state) {
      CHECK(history.after.back().holds(*state));
    } else {
      ++found_by_us;
    }
    redis.kill();
  }
  CHECK(found_by_redis > 0);
  CHECK(found_by_us > 0);
}

TEST_CASE("a removal that was damaged in the file, so that it took another message away, is found", "[redis]") {
  Redis redis;
  {
    RedisTaskStore store(redis.options());
    opened(store);
    committed(store, {SaveQueue{"jobs", sync::QueueOptions{.capacity = 9, .durable = true}},
                      SaveMessage{"jobs", 2, StoredMessage{.deliveries = 1}},
                      SaveMessage{"jobs", 3, StoredMessage{.deliveries = 1}}});
    committed(store, {SaveMessage{"jobs", 2, std::nullopt}});
  }
  redis.kill();
  std::string bytes = bytes_of(append_only_file(redis));
  const std::string field = "\r\n2\r\n";
  const std::size_t removed = bytes.find(field, bytes.rfind("HDEL"));
  REQUIRE(removed != std::string::npos);
  bytes[removed + 2] = '3';
  write_bytes(append_only_file(redis), bytes);
  redis.start();
  redis.wait();
  const auto state = RedisTaskStore(redis.options()).open(some_cluster);
  REQUIRE_FALSE(state);
  CHECK(state.error().fault == Fault::corrupt);
  CHECK_THAT(state.error().message, Catch::Contains("their tally is"));
}

}  // namespace troupe::scheduler::test
