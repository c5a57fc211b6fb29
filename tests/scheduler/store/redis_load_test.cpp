// What a store reads as it is opened, and what it refuses to read.
#include "scheduler/store/redis_load.h"

#include "scheduler/store/record_codec.h"
#include "scheduler/store/redis_layout.h"
#include "scheduler/store/redis_task_store.h"
#include "tests/scheduler/store/needs_redis.h"
#include "tests/scheduler/store/own_redis.h"
#include "tests/scheduler/store/store_support.h"

namespace troupe::scheduler::test {

TEST_CASE("a damaged record is reported by its key and its field", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  Batch batch = small_graph(JobId{0xab}, 3);
  batch.push_back(SaveProgress{{JobId{0xab}, 2}, {.state = TaskState::done, .result = "result"}});
  committed(store, std::move(batch));
  const std::string key = "troupe:graph:00000000000000ab";

  const std::string field = GENERATE("job", "spec:1", "task:2");
  std::string bytes = redis.raw({"HGET", key, field});
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
  redis.raw({"HSET", key, field, bytes});
  const Error error = refused(redis.options());
  CHECK(error.fault == Fault::corrupt);
  CHECK_THAT(error.message, Catch::Contains("store record " + key + " " + field + " is damaged"));
  CHECK(read_store(redis.socket()).error() == error);
}

TEST_CASE("records that are missing, foreign or of no known kind are reported", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  committed(store, small_graph(JobId{1}, 1));
  const std::string key = "troupe:graph:0000000000000001";

  SECTION("a listed job without its graph") {
    redis.raw({"SADD", "troupe:jobs", "0000000000000002"});
    CHECK_THAT(refused(redis.options()).message, Catch::Contains("troupe:graph:0000000000000002 job is damaged"));
  }
  SECTION("something else among the jobs") {
    redis.raw({"SADD", "troupe:jobs", "two"});
    CHECK_THAT(refused(redis.options()).message, Catch::Contains("troupe:jobs two is damaged"));
  }
  SECTION("progress of a task that is not there") {
    const std::string field = progress_field(7);
    redis.raw({"HSET", key, field, encode_record({key, field}, TaskProgress{})});
    CHECK_THAT(refused(redis.options()).message, Catch::Contains(key + " spec:7 is damaged: it is missing"));
  }
  SECTION("a field that a newer version may have written") {
    redis.raw({"HSET", key, "lock:1", "x"});
    const Error error = refused(redis.options());
    CHECK(error.fault == Fault::unsupported);
    CHECK_THAT(error.message, Catch::Contains(key + " lock:1"));
  }
  SECTION("a graph that is no hash") {
    redis.raw({"SET", key, "x"});
    const Error error = refused(redis.options());
    CHECK(error.fault == Fault::corrupt);
    CHECK_THAT(error.message, Catch::Contains("HLEN " + key) && Catch::Contains("WRONGTYPE"));
  }
  SECTION("a graph that stops being a hash under its writer") {
    redis.raw({"SET", key, "x"});
    const Error error = lost(commit(store, small_graph(JobId{1}, 1)));
    CHECK(error.fault == Fault::corrupt);
    CHECK_THAT(error.message, Catch::Contains("WRONGTYPE"));
  }
  SECTION("an epoch that is no number") {
    redis.raw({"SET", "troupe:epoch", "one"});
    CHECK_THAT(refused(redis.options()).message, Catch::Contains("troupe:epoch") && Catch::Contains("found \"one\""));
    CHECK_THAT(lost(commit(store, {})).message, Catch::Contains("found \"one\""));
  }
  SECTION("a cluster that is no id") {
    redis.raw({"SET", "troupe:cluster", "mine"});
    CHECK_THAT(refused(redis.options()).message, Catch::Contains("32 hexadecimal digits"));
  }
}

TEST_CASE("of a large graph all is read, whatever numbers its tasks have, and what is missing is reported", "[redis]") {
  Redis redis;
  RedisTaskStore store(redis.options());
  opened(store);
  constexpr std::uint32_t tasks = 3'000;
  Batch batch = small_graph(JobId{1}, tasks);
  for (std::uint32_t number = 0; number < tasks; number += 3)
    batch.push_back(SaveProgress{{JobId{1}, number}, {.state = TaskState::done, .result = std::to_string(number)}});
  for (auto& write : small_graph(JobId{2}, 5)) batch.push_back(std::move(write));
  const std::string key = "troupe:graph:0000000000000001";

  SECTION("from 0 on") {}
  SECTION("from 1 on") {
    std::erase_if(batch, [](const Write& write) {
      const auto* task = std::get_if<SaveTask>(&write);
      const auto* progress = std::get_if<SaveProgress>(&write);
      return (task != nullptr && task->spec->id == TaskId{{1}, 0}) ||
             (progress != nullptr && progress->task == TaskId{{1}, 0});
    });
  }
  SECTION("with a gap") {
    std::erase_if(batch, [](const Write& write) {
      const auto* task = std::get_if<SaveTask>(&write);
      return task != nullptr && task->spec->id == TaskId{{1}, 1'000};
    });
  }
  SECTION("with one far behind") {
    Batch other = small_graph(JobId{1}, 1);
    TaskSpec far = *std::get<SaveTask>(other.back()).spec;
    far.id.number = 4'000'000'000;
    batch.push_back(SaveTask{far});
  }
  SECTION("with large gaps") {
    std::erase_if(batch, [](const Write& write) {
      const auto* task = std::get_if<SaveTask>(&write);
      return task != nullptr && task->spec->id.number % 3 != 0;
    });
  }
  Model model;
  model.add(batch);
  committed(store, std::move(batch));
  const StoredState state = opened(store);
  CHECK(model.holds(state));

  const auto damaged = [&](const std::string& field) {
    CHECK_THAT(refused(redis.options()).message, Catch::Contains(key + ' ' + field + " is damaged: it is missing"));
  };
  SECTION("without its own record") {
    redis.raw({"HDEL", key, "job"});
    damaged("job");
  }
  SECTION("without a task that has made progress") {
    redis.raw({"HDEL", key, spec_field(1'500)});
    damaged(spec_field(1'500));
  }
  SECTION("with a field of no known kind") {
    redis.raw({"HSET", key, "lock:1", "x"});
    CHECK(refused(redis.options()).fault == Fault::unsupported);
  }
}

TEST_CASE("a finished run is read without taking an epoch", "[redis]") {
  Redis redis;
  CHECK(read_store(redis.socket()).error().fault == Fault::not_found);
  RedisTaskStore store(redis.options());
  opened(store);
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  Model model;
  Batch batch = BatchMaker(dice).next(50);
  model.add(batch);
  committed(store, std::move(batch));
  redis.server().stop();
  redis.start();
  redis.wait();
  const auto state = read_store(redis.socket());
  REQUIRE(state);
  CHECK(state->epoch == 1);
  CHECK(state->commit_seq == 1);
  CHECK(model.holds(*state));
  CHECK(committed(store, {}) == 2);
  redis.kill();
  CHECK(read_store(redis.socket()).error().fault == Fault::unavailable);
}

}  // namespace troupe::scheduler::test
