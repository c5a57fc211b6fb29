// The scheduler's core alone, in this process: no store, no sockets, no agents. Events go in, effects come out.
#include "scheduler/core/scheduler.h"

#include <malloc.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/gangs.h"

namespace troupe::cli {
namespace {

using namespace scheduler;
/// The processor time of this thread: the core has no other.
struct Clock {
  using duration = std::chrono::nanoseconds;
  static duration now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + duration(time.tv_nsec);
  }
};

constexpr std::uint64_t nodes = 10'000;
constexpr std::uint64_t jobs = 100;
constexpr std::int32_t priorities = 8;
constexpr std::uint32_t shapes = 64;
constexpr std::uint32_t gang_size = 4;
constexpr std::uint64_t ends_a_round = 64;
constexpr std::uint64_t nodes_a_round = 25;
constexpr std::int64_t gib = 1 << 30;

NodeCapacity capacity() {
  NodeCapacity node{.cpus = 64'000, .memory_bytes = 1024 * gib};
  for (std::uint32_t i = 0; i < 8; ++i)
    node.gpus.push_back({.index = i, .uuid = "gpu-" + std::to_string(i), .memory_bytes = 80 * gib});
  return node;
}

Resources needs_of(std::uint32_t shape) {
  constexpr Milli gpus[] = {0, 250, 500, 1000, 1000, 2000, 4000, 8000};
  constexpr Milli cpus[] = {1000, 2000, 4000, 8000};
  return {.cpus = cpus[shape / 8 % 4], .gpus = gpus[shape % 8], .memory_bytes = (shape / 32 == 0 ? 2 : 16) * gib};
}

/// What a task asks for: whoever starts is replaced by another of its kind, so that the queue's length is all that
/// tells one queue from another.
struct Kind {
  std::uint64_t job = 0;
  std::uint32_t shape = 0;
  std::optional<GangPolicy> gang;  ///< All the members of a gang ask for the same.
};

/// A cluster that is full, with a queue of a given length before it.
class FullCluster {
 public:
  /// The queue is there before the nodes are: what it consists of does not depend on what fits.
  explicit FullCluster(std::size_t queued)
      : scheduler_({.node_timeout = Time{86'400'000}, .most_tasks = 2'000'000}, StoredState{.epoch = 1}, now_) {
    for (std::uint64_t i = 1; i <= jobs; ++i) step(DriverJoined{{i}, {.id = {i}, .name = "job", .program = "program"}});
    while (queued_ < queued) submit(draw_hundred());
    for (std::uint64_t i = 1; i <= nodes; ++i) {
      step(NodeJoined{{i}, 1, 'n' + std::to_string(i), capacity(), {}});
      if (i % nodes_a_round == 0) replace_started();
    }
  }

  /// Until most of what was placed while the cluster grew has ended.
  void settle() {
    for (std::size_t rounds = running_.size() / ends_a_round; rounds > 0; --rounds) (void)end_some();
  }

  double completions_per_s(double seconds) {
    std::uint64_t completions = 0;
    std::chrono::duration<double> spent{0};
    while (spent.count() < seconds) {
      spent += end_some();
      completions += ends_a_round;
    }
    return static_cast<double>(completions) / spent.count();
  }

  std::size_t queued() const { return queued_; }
  std::size_t running() const { return running_.size(); }
  /// What an end made room for; a submit starts the others, which is not timed.
  std::uint64_t started_by_ends() const { return started_by_ends_; }

 private:
  struct Running {
    NodeId node;
    TaskId task;
    AttemptId attempt;
  };

  std::uint64_t roll() {  // SplitMix64
    std::uint64_t z = dice_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  void step(const Event& event) { take(scheduler_.step(now_, event)); }

  void take(const Effects& effects) {
    for (const auto& effect : effects) {
      if (const auto* run = std::get_if<RunTask>(&effect)) {
        running_.push_back({run->node, run->task, run->attempt});
        ++started_;
        --queued_;
      } else if (const auto* wake = std::get_if<WakeAt>(&effect)) {
        wake_ = wake->at;
      } else if (const auto* answer = std::get_if<AnswerRequest>(&effect);
                 answer != nullptr && !answer->refusal.empty()) {
        throw std::runtime_error("the core refused: " + answer->refusal);
      } else if (std::holds_alternative<StopAttempt>(effect)) {
        throw std::runtime_error("the core preempted a task: the benchmark does not expect it");
      }
    }
  }

  /// For one job, ten of them in gangs, on average.
  std::vector<Kind> draw_hundred() {
    const std::uint64_t job = roll() % jobs + 1;
    const auto draw = [&] { return Kind{job, static_cast<std::uint32_t>(roll() % shapes), {}}; };
    std::vector<Kind> kinds;
    for (int i = 0; i < 90; ++i) kinds.push_back(draw());
    for (int gang = 0; gang < 10 / static_cast<int>(gang_size) + (roll() % 2 == 0 ? 1 : 0); ++gang) {
      kinds.push_back(draw());
      kinds.back().gang = static_cast<GangPolicy>(roll() % 3);
    }
    return kinds;
  }

  /// Requires: all of one job.
  void submit(const std::vector<Kind>& kinds) {
    const JobId job{kinds.front().job};
    TasksSubmitted submit{{job.value}, ++request_, {.id = job, .name = "job", .program = "program"}, {}};
    for (const Kind& kind : kinds) {
      if (!kind.gang) {
        add(submit, kind, {});
        continue;
      }
      const std::uint32_t number = ++gangs_;
      for (std::uint32_t rank = 0; rank < gang_size; ++rank)
        add(submit, kind,
            GangHint{.gang = number,
                     .size = gang_size,
                     .rank = rank,
                     .policy = *kind.gang,
                     .bytes_to_next = 1 << 20,
                     .stages = *kind.gang == GangPolicy::mesh ? 2u : 1u});
    }
    queued_ += submit.tasks.size();
    step(submit);
  }

  void add(TasksSubmitted& submit, const Kind& kind, Boxed<GangHint> gang) {
    std::vector<std::uint8_t>& codes = codes_[kind.job];
    codes.push_back(gang && gang->rank > 0 ? not_replaced : code_of(kind));
    TaskSpec spec{.id = {{kind.job}, static_cast<std::uint32_t>(codes.size())},
                  .name = "step",
                  .work = FunctionWork{"bench.step", {Bytes("argument")}}};
    spec.needs = needs_of(kind.shape);
    spec.priority = static_cast<std::int32_t>(kind.job % priorities);
    spec.gang = std::move(gang);
    submit.tasks.push_back(std::move(spec));
  }

  static std::uint8_t code_of(const Kind& kind) {
    const std::uint32_t gang = kind.gang ? 1 + static_cast<std::uint32_t>(*kind.gang) : 0;
    return static_cast<std::uint8_t>(gang * shapes + kind.shape);
  }

  /// A gang by its first member.
  void replace_started() {
    while (replaced_ < started_) {
      std::map<std::uint64_t, std::vector<Kind>> kinds;
      for (auto each = running_.end() - static_cast<std::ptrdiff_t>(started_ - replaced_); each != running_.end();
           ++each) {
        const std::uint64_t job = each->task.job.value;
        const std::uint8_t code = codes_[job][each->task.number - 1];
        if (code == not_replaced) continue;
        std::optional<GangPolicy> gang;
        if (code >= shapes) gang = static_cast<GangPolicy>(code / shapes - 1);
        kinds[job].push_back({job, code % shapes, gang});
      }
      replaced_ = started_;
      for (const auto& [job, list] : kinds) submit(list);
    }
  }

  /// Ends tasks drawn by chance; what is submitted and released meanwhile is not timed.
  Clock::duration end_some() {
    release_ended();
    const std::vector<AttemptEnded> ends = draw_ends();
    const std::uint64_t started = started_;
    const auto begin = Clock::now();
    std::vector<Scheduler::EndingAttempt> ending;
    for (const auto& end : ends) ending.push_back({end.node, end.report.task, end.report.attempt});
    scheduler_.prefetch(ending);
    for (const auto& end : ends) {
      take(scheduler_.step(now_, end));
      if (now_ >= wake_) take(scheduler_.step(now_, Tick{}));
    }
    const auto spent = Clock::now() - begin;
    started_by_ends_ += started_ - started;
    spent_ += spent;
    now_ = std::chrono::duration_cast<Time>(spent_);
    for (const auto& end : ends) ended_[end.report.task.job.value].push_back(end.report.task);
    replace_started();
    return spent;
  }

  std::vector<AttemptEnded> draw_ends() {
    std::vector<AttemptEnded> ends;
    for (std::uint64_t i = 0; i < ends_a_round; ++i) {
      Running& drawn = running_[roll() % running_.size()];
      ends.push_back({drawn.node, 1, {.task = drawn.task, .attempt = drawn.attempt, .result = "done"}});
      drawn = running_.back();
      running_.pop_back();
    }
    return ends;
  }

  void release_ended() {
    for (auto& [job, tasks] : ended_) {
      if (tasks.size() < 256) continue;
      step(TasksReleased{{job}, tasks});
      tasks.clear();
    }
  }

  static constexpr std::uint8_t not_replaced = 255;

  Clock::duration spent_{0};
  Time now_{0};  ///< The core is never idle, so this is the time that it took.
  Time wake_{0};
  Scheduler scheduler_;
  std::size_t queued_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t replaced_ = 0;  ///< Of those that started.
  std::uint64_t started_by_ends_ = 0;
  std::uint64_t request_ = 0;
  std::uint64_t dice_ = 1;
  std::uint32_t gangs_ = 0;
  std::map<std::uint64_t, std::vector<std::uint8_t>> codes_;  ///< The kinds of a job's tasks, by number.
  std::map<std::uint64_t, std::vector<TaskId>> ended_;
  std::vector<Running> running_;
};

std::size_t bytes_in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void bench_core(Bench& bench) {
  constexpr std::chrono::seconds usual_window{1};
  const int runs = bench.runs(5);
  const double seconds = std::chrono::duration<double>(bench.window(usual_window)).count();
  const char* names[] = {"core_decisions_1k_queued", "core_decisions_1m_queued"};
  const std::size_t queues[] = {1'000, 1'000'000};
  const bool wants_bytes = bench.wants("core_bytes_per_task");
  std::fprintf(
      stderr,
      "scheduler: the core in this process, on one thread, without store and sockets; %llu nodes of 8 gpus, %u "
      "shapes, %llu jobs, %d priorities, one task in ten in a gang of %u (data, model, mesh); a decision is the "
      "end of one task with the placement that follows, in turns of %llu ends; whoever starts is replaced in the queue "
      "by one of its kind, untimed; processor time; %d runs of %g s\n",
      static_cast<unsigned long long>(nodes), shapes, static_cast<unsigned long long>(jobs), priorities, gang_size,
      static_cast<unsigned long long>(ends_a_round), runs, seconds);
  const std::size_t empty = bytes_in_use();
  double few_bytes = 0;
  std::size_t few_tasks = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    if (!bench.wants(names[i]) && !wants_bytes) continue;
    FullCluster cluster(queues[i]);
    const double bytes = static_cast<double>(bytes_in_use() - empty);
    const std::size_t tasks = cluster.queued() + cluster.running();
    if (i == 0) {
      few_bytes = bytes;
      few_tasks = tasks;
    } else if (wants_bytes) {
      bench.print({"scheduler",
                   "core_bytes_per_task",
                   "bytes",
                   {(bytes - few_bytes) / static_cast<double>(tasks - few_tasks)}});
    }
    Measured measured{"scheduler", names[i], "1/s", {}};
    if (!bench.wants(measured.name)) continue;
    cluster.settle();
    for (int run = 0; run < runs; ++run) {
      const std::uint64_t before = cluster.started_by_ends();
      const double rate = cluster.completions_per_s(seconds);
      measured.runs.push_back(rate);
      std::fprintf(stderr, "  %zu queued, %zu running, %.3f started by each end\n", cluster.queued(), cluster.running(),
                   static_cast<double>(cluster.started_by_ends() - before) / rate);
    }
    bench.print(measured);
  }
}

void bench_scheduler(Bench& bench) {
  if (bench.wants_any("core_decisions_1k_queued", "core_decisions_1m_queued", "core_bytes_per_task")) bench_core(bench);
  if (bench.wants(gangs_measurement)) bench_gangs(bench);
}

}  // namespace

Suite scheduler_suite() {
  return {"scheduler",
          {gangs_measurement},
          {"core_decisions_1k_queued", "core_decisions_1m_queued", "core_bytes_per_task"},
          bench_scheduler};
}

}  // namespace troupe::cli
