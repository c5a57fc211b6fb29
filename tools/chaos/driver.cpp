// A driver under chaos: until its stdin is closed it keeps tasks and actor calls of its own under way on a cluster, and
// checks what comes back. Each line of its stdout is a JSON object: a task's end, a violation, at last the counts.
//
//   chaos_driver CLUSTER_FILE TRACE SEED
//
// In the trace (attempt.cpp) it is the graph `driver`; the start of an actor's incarnation has no end.
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/api/session.h"
#include "scheduler/local/roles.h"
#include "scheduler/local/standing.h"

namespace {

using namespace troupe;
using std::chrono::milliseconds;

constexpr std::size_t tasks_under_way = 6;
constexpr std::size_t actor_count = 3;
constexpr std::size_t calls_under_way = 8;
constexpr milliseconds turn{20};
constexpr milliseconds last_answers{45'000};
constexpr std::int32_t most_tries = 1'000;
constexpr int failures_of_an_ended_actor = 100;
constexpr const char* told_to_fail = "as it was told";

// --- what runs in workers --------------------------------------------------------------------------------------------

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

void say(const std::string& trace, char what, const std::string& name) {
  const int file = ::open(trace.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const std::string line =
      what + (" driver " + name) + " 0.0 " + std::to_string(::getpid()) + ' ' + std::to_string(now_ns()) + '\n';
  const bool written = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  ::close(file);
  if (!written) throw std::runtime_error("cannot write the trace");
}

/// Says who ran it.
std::int64_t work(const std::string& trace, const std::string& name, int run_ms, bool fails) {
  say(trace, 'S', name);
  ::poll(nullptr, 0, run_ms);
  say(trace, fails ? 'F' : 'E', name);
  if (fails) throw std::runtime_error(told_to_fail);
  return ::getpid();
}

/// What an incarnation of the actor says of a call.
struct Applied {
  std::int64_t incarnation = 0;
  std::int64_t position = 0;  ///< Among its calls, from 1.
  std::int64_t previous = 0;  ///< The number of the call before it.
};

template <class Archive>
void fields(Archive& archive, Applied& applied) {
  archive("applied", applied.incarnation, applied.position, applied.previous);
}

class Counter {
 public:
  Counter(const std::string& trace, const std::string& name) { say(trace, 'S', name); }

  Applied apply(std::int64_t number) {
    applied_.position += 1;
    applied_.previous = last_;
    last_ = number;
    return applied_;
  }

 private:
  Applied applied_{.incarnation = now_ns()};
  std::int64_t last_ = 0;
};

constexpr Task<std::int64_t(std::string, std::string, int, bool)> work_task{"chaos.work"};
constexpr ActorType<Counter(std::string, std::string)> counter_type{"chaos.Counter"};
constexpr Method<&Counter::apply> apply_method{"apply"};

void enroll(Catalog& catalog) {
  catalog.add(work_task, work);
  catalog.add(counter_type, apply_method);
}

// --- what the driver checks ------------------------------------------------------------------------------------------

void violation(const std::string& what) { std::printf("{\"violation\": \"%s\"}\n", what.c_str()); }

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '"' || c == '\\') c = ' ';
  return text;
}

class Tasks {
 public:
  Tasks(Session& session, std::string trace, unsigned seed)
      : session_(session), trace_(std::move(trace)), dice_(seed) {}

  void start_more() {
    while (open_.size() < tasks_under_way) {
      const bool fails = ++count_ % 10 == 0;
      const std::string name = (fails ? "failing-" : "task-") + std::to_string(count_);
      const int run_ms = static_cast<int>(5 + dice_() % 200);
      const TaskOptions options{.needs = {.cpus = 500}, .max_attempts = fails ? 1 : most_tries, .name = name};
      open_.push_back({name, fails, session_.submit(options, work_task, trace_, name, run_ms, fails)});
    }
  }

  void look() {
    std::erase_if(open_, [&](const Open& task) { return has_ended(task); });
  }

  const auto& open() const { return open_; }
  std::size_t count() const { return count_; }

 private:
  struct Open {
    std::string name;
    bool fails;
    Ref<std::int64_t> result;
  };

  bool has_ended(const Open& task) {
    const auto result = session_.try_get(task.result, milliseconds(0));
    if (!result && result.error().fault == Fault::timed_out) return false;
    const std::string cause = result ? "" : one_line(result.error().message);
    std::printf("{\"task\": \"%s\", \"fails\": %s, \"pid\": %lld, \"cause\": \"%s\"}\n", task.name.c_str(),
                task.fails ? "true" : "false", result ? static_cast<long long>(*result) : 0LL, cause.c_str());
    return true;
  }

  Session& session_;
  const std::string trace_;
  std::mt19937 dice_;
  std::size_t count_ = 0;
  std::vector<Open> open_;
};

/// One actor and the calls to it: they are applied in order, without a gap, once, by one incarnation after another.
class Caller {
 public:
  Caller(Session& session, std::string trace, std::string name)
      : session_(session), trace_(std::move(trace)), name_(std::move(name)), actor_(spawn()) {}

  void call_more() {
    while (open_.size() < calls_under_way) {
      ++number_;
      open_.push_back({number_, actor_.call(apply_method, number_)});
    }
  }

  void look() {
    while (!open_.empty()) {
      const auto applied = session_.try_get(open_.front().result, milliseconds(0));
      if (!applied && applied.error().fault == Fault::timed_out) return;
      applied ? check(open_.front().number, *applied) : note_failure(applied.error());
      open_.pop_front();
    }
  }

  std::size_t open() const { return open_.size(); }
  std::int64_t count() const { return number_; }
  std::int64_t failed() const { return failed_; }
  std::int64_t ended() const { return ended_; }

 private:
  struct Open {
    std::int64_t number;
    Ref<Applied> result;
  };

  Actor<Counter> spawn() {
    return session_.spawn({.needs = {.cpus = 100}, .max_restarts = most_tries, .name = name_}, counter_type, trace_,
                          name_);
  }

  void check(std::int64_t number, const Applied& applied) {
    failures_in_a_row_ = 0;
    const std::string call = name_ + ": call " + std::to_string(number);
    if (applied.incarnation != incarnation_) {
      if (!incarnations_.insert(applied.incarnation).second)
        violation(call + " was answered by an incarnation that another one had followed");
      incarnation_ = applied.incarnation;
    } else if (applied.position == 1) {
      violation(call + " is the first one of an incarnation that has answered before");
    }
    if (applied.position > 1 && applied.previous != number - 1)
      violation(call + " was applied after call " + std::to_string(applied.previous));
  }

  /// Calls fail when an incarnation dies. When they all do, for a while, the actor has ended: the next one follows.
  void note_failure(const Error& error) {
    ++failed_;
    if (error.fault != Fault::peer_lost)
      violation(name_ + ": a call failed, but not with its actor's incarnation: " + one_line(error.message));
    if (++failures_in_a_row_ < failures_of_an_ended_actor) return;
    std::printf("{\"actor_ended\": \"%s\", \"cause\": \"%s\"}\n", name_.c_str(), one_line(error.message).c_str());
    ++ended_;
    failures_in_a_row_ = 0;
    actor_ = spawn();
  }

  Session& session_;
  const std::string trace_;
  const std::string name_;
  Actor<Counter> actor_;
  std::int64_t number_ = 0;
  std::int64_t failed_ = 0;
  std::int64_t ended_ = 0;
  int failures_in_a_row_ = 0;
  std::int64_t incarnation_ = 0;
  std::set<std::int64_t> incarnations_;
  std::deque<Open> open_;
};

/// Waits a turn; false when nobody wants more.
bool is_wanted() {
  pollfd line{STDIN_FILENO, POLLIN, 0};
  return ::poll(&line, 1, static_cast<int>(turn.count())) == 0;
}

int drive(const std::string& cluster_file, const std::string& trace, unsigned seed) {
  const auto file = scheduler::read_cluster_file(cluster_file);
  auto session = file ? scheduler::connect(*file) : Result<Session>(file.error());
  if (!session) {
    std::fprintf(stderr, "chaos_driver: %s\n", session.error().message.c_str());
    return 3;
  }
  Tasks tasks(*session, trace, seed);
  std::deque<Caller> callers;
  for (std::size_t i = 0; i < actor_count; ++i) callers.emplace_back(*session, trace, "actor-" + std::to_string(i));
  const auto look = [&] {
    tasks.look();
    std::size_t open = tasks.open().size();
    for (auto& caller : callers) {
      caller.look();
      open += caller.open();
    }
    std::fflush(stdout);
    return open;
  };
  while (is_wanted()) {
    tasks.start_more();
    for (auto& caller : callers) caller.call_more();
    look();
  }
  const auto end = std::chrono::steady_clock::now() + last_answers;
  while (look() > 0 && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, static_cast<int>(turn.count()));

  std::int64_t calls = 0;
  std::int64_t failed = 0;
  std::int64_t ended = 0;
  std::size_t open = 0;
  for (const auto& caller : callers) {
    calls += caller.count();
    failed += caller.failed();
    ended += caller.ended();
    open += caller.open();
  }
  for (const auto& task : tasks.open()) std::printf("{\"lost\": \"%s\"}\n", task.name.c_str());
  std::printf(
      "{\"tasks\": %zu, \"calls\": %lld, \"failed_calls\": %lld, \"open_calls\": %zu, \"actors_ended\": %lld}\n",
      tasks.count(), static_cast<long long>(calls), static_cast<long long>(failed), open,
      static_cast<long long>(ended));
  std::fflush(stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  play_role(argc, argv, enroll);
  if (argc != 4) {
    std::fprintf(stderr, "usage: chaos_driver CLUSTER_FILE TRACE SEED\n");
    return 2;
  }
  return drive(argv[1], argv[2], static_cast<unsigned>(std::stoul(argv[3])));
}
