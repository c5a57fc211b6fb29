// The durable path: the scheduler's core and its store in this process, redis-server in another.
#include <malloc.h>
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/scheduler.h"
#include "scheduler/store/record_codec.h"
#include "scheduler/store/redis_layout.h"
#include "scheduler/store/redis_server.h"
#include "scheduler/store/redis_task_store.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/private_folder.h"

namespace troupe::cli {
namespace {

using namespace scheduler;
using Clock = std::chrono::steady_clock;

constexpr ClusterId cluster{1, 2};
constexpr JobId graph{3};
constexpr std::uint64_t nodes = 16;
constexpr Milli cpus_of_node = 1'000'000;
constexpr std::size_t ends_at_once = 2'000;  // Reports that arrive together; then the store gets its turn.
constexpr std::uint32_t tasks_of_a_run = 200'000;
constexpr std::uint32_t tasks_of_a_recovery = 1'000'000;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

template <class T>
T required(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

/// A redis-server of its own, on this machine's disk.
class PrivateRedis {
 public:
  PrivateRedis()
      : folder_(required(PrivateFolder::make())),
        server_(required(RedisServer::start_and_wait({.folder = folder_.path() + "/store"}))) {}
  const std::string& socket() const { return server_.socket(); }
  void restart() {
    server_.stop();
    server_ = required(RedisServer::start_and_wait({.folder = folder_.path() + "/store"}, std::chrono::minutes(2)));
  }

 private:
  PrivateFolder folder_;
  RedisServer server_;
};

void wait_for(const TaskStore& store) {
  pollfd wait{store.descriptor(), static_cast<short>(POLLIN | (store.wants_write() ? POLLOUT : 0)), 0};
  ::poll(&wait, 1, 1);
}

TaskSpec task(std::uint32_t number) {
  const CommandWork work{.argv = {"./train", "--shard", std::to_string(number)},
                         .environment = {{"TROUPE_GRAPH", "bench"}, {"SEED", "1"}},
                         .working_directory = "graph/base",
                         .task_directory = "graph/base/tasks/train[" + std::to_string(number) + ']'};
  return {.id = {graph, number}, .name = "train[" + std::to_string(number) + ']', .work = work};
}

/// A cluster whose tasks end as soon as they may start: only scheduler and store have work.
class DurableCluster {
 public:
  explicit DurableCluster(const std::string& socket)
      : store_({.socket = socket}), scheduler_({.most_tasks = 2'000'000}, required(store_.open(cluster)), Time{0}) {
    for (std::uint64_t i = 1; i <= nodes; ++i)
      step(NodeJoined{{i}, 1, 'n' + std::to_string(i), {.cpus = cpus_of_node}});
    step(DriverJoined{{1}, {.id = {1}, .name = "bench"}});
  }

  void submit(std::uint32_t first, std::uint32_t count) {
    TasksSubmitted submitted{
        .driver = {1}, .request = first + 1, .job = {.id = graph, .name = "bench", .durable = true}};
    for (std::uint32_t i = 0; i < count; ++i) submitted.tasks.push_back(task(first + i));
    step(submitted);
  }

  /// Until everything is done and on disk.
  void run() {
    while (in_flight_ || !writes_.empty() || !started_.empty()) {
      take_commit();
      if (!in_flight_ && !writes_.empty()) commit();
      for (std::size_t i = 0; i < ends_at_once && !started_.empty(); ++i) {
        const RunTask run = started_.front();
        started_.pop_front();
        step(AttemptEnded{run.node, 1, {.task = run.task, .attempt = run.attempt, .result = "{\"loss\":0.25}"}});
      }
      if (in_flight_ && started_.empty()) wait_for(store_);
    }
  }

  /// Only accepts what was submitted: nothing of it starts.
  void commit_all() {
    started_.clear();
    while (in_flight_ || !writes_.empty()) {
      take_commit();
      if (!in_flight_ && !writes_.empty()) commit();
      if (in_flight_) wait_for(store_);
    }
  }

  const std::vector<Batch>& batches() const { return batches_; }

 private:
  void step(const Event& event) {
    for (auto& effect : scheduler_.step(++now_, event)) {
      if (is_write(effect)) {
        writes_.push_back(*write_from(std::move(effect)));
      } else if (const auto* run = std::get_if<RunTask>(&effect)) {
        gathered_.push_back(*run);
      }
    }
  }
  void commit() {
    batches_.push_back(writes_);
    store_.commit(std::exchange(writes_, {}));
    committing_ = std::exchange(gathered_, {});
    in_flight_ = true;
  }
  void take_commit() {
    if (!in_flight_) return;
    const auto outcome = store_.poll();
    if (!outcome) return;
    if (!std::holds_alternative<Committed>(*outcome)) throw std::runtime_error("the store was lost");
    started_.insert(started_.end(), committing_.begin(), committing_.end());
    in_flight_ = false;
  }

  RedisTaskStore store_;
  Scheduler scheduler_;
  Time now_{0};
  Batch writes_;
  std::vector<RunTask> gathered_;    // Depend on `writes_`.
  std::vector<RunTask> committing_;  // Depend on what is in flight.
  std::deque<RunTask> started_;
  std::vector<Batch> batches_;
  bool in_flight_ = false;
};

/// The same fields and bytes, a command each, as many in flight as the batches had.
double bare_hsets_per_s(const std::string& socket, const std::vector<Batch>& batches) {
  struct Change {
    std::string field;
    std::string record;
  };
  const std::string key = "troupe:bare";
  std::vector<std::vector<Change>> waves;
  std::size_t count = 0;
  for (const auto& batch : batches) {
    auto& wave = waves.emplace_back();
    for (const auto& write : batch) {
      const auto* saved = std::get_if<SaveProgress>(&write);
      if (saved == nullptr) continue;
      std::string field = progress_field(saved->task.number);
      std::string record = encode_record({key, field}, saved->progress);
      wave.push_back({std::move(field), std::move(record)});
    }
    count += wave.size();
  }
  auto connection = required(RedisConnection::connect(socket));
  const auto begin = Clock::now();
  for (const auto& wave : waves) {
    for (const auto& change : wave) connection.append({"HSET", key, change.field, change.record});
    for (std::size_t i = 0; i < wave.size(); ++i) {
      const auto reply = required(connection.wait_reply(Clock::now() + std::chrono::seconds(10)));
      if (reply.is_error()) throw std::runtime_error(std::string(reply.text()));
    }
  }
  return static_cast<double>(count) / seconds_since(begin);
}

void bench_changes(Bench& bench) {
  const int runs = bench.runs(5);
  std::fprintf(stderr,
               "store: core and store in this process, redis-server (appendfsync always) in another; %u durable tasks, "
               "each ready, running, done, at once as far as the disk allows; then the same fields and bytes as bare "
               "HSETs, as many in flight; %d runs\n",
               tasks_of_a_run, runs);
  Measured durable{"store", "durable_changes", "1/s", {}};
  Measured bare{"store", "bare_pipelined_hset", "1/s", {}};
  for (int run = 0; run < runs; ++run) {
    PrivateRedis redis;
    DurableCluster world(redis.socket());
    world.submit(0, tasks_of_a_run);
    const auto begin = Clock::now();
    world.run();
    const double seconds = seconds_since(begin);
    std::size_t changes = 0;
    for (const auto& batch : world.batches())
      for (const auto& write : batch) changes += std::holds_alternative<SaveProgress>(write) ? 1 : 0;
    durable.runs.push_back(static_cast<double>(changes) / seconds);
    bare.runs.push_back(bare_hsets_per_s(redis.socket(), world.batches()));
  }
  bench.print(durable);
  bench.print(bare);
}

/// What a scheduler does when it starts, after one that was killed with a long queue.
void bench_recovery(Bench& bench) {
  const int runs = bench.runs(3);
  std::fprintf(stderr, "store: a new scheduler reads %u tasks from redis-server and makes its books; %d runs\n",
               tasks_of_a_recovery, runs);
  Measured load{"store", "recovery_1m_load", "s", {}};
  Measured rebuild{"store", "recovery_1m_rebuild", "s", {}};
  Measured whole{"store", "recovery_1m", "s", {}};
  PrivateRedis redis;
  {
    DurableCluster world(redis.socket());
    constexpr std::uint32_t part = 50'000;
    for (std::uint32_t first = 0; first < tasks_of_a_recovery; first += part) {
      world.submit(first, part);
      world.commit_all();
    }
  }
  for (int run = 0; run < runs; ++run) {
    ::malloc_trim(0);
    RedisTaskStore store({.socket = redis.socket()});
    const auto begin = Clock::now();
    auto stored = required(store.open(cluster));
    load.runs.push_back(seconds_since(begin));
    const auto loaded = Clock::now();
    Scheduler scheduler({.most_tasks = 2'000'000}, std::move(stored), Time{0});
    rebuild.runs.push_back(seconds_since(loaded));
    whole.runs.push_back(seconds_since(begin));
  }
  bench.print(load);
  bench.print(rebuild);
  bench.print(whole);
}

void bench_store(Bench& bench) {
  if (bench.wants_any("durable_changes", "bare_pipelined_hset")) bench_changes(bench);
  if (bench.wants_any("recovery_1m_load", "recovery_1m_rebuild", "recovery_1m")) bench_recovery(bench);
}

}  // namespace

Suite store_suite() {
  return {"store",
          {},
          {"durable_changes", "bare_pipelined_hset", "recovery_1m_load", "recovery_1m_rebuild", "recovery_1m"},
          bench_store};
}

}  // namespace troupe::cli
