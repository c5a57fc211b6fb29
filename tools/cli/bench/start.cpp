#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "scheduler/local/cluster.h"
#include "tools/cli/bench/bench.h"

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;

inline constexpr Task<std::string()> answer_ok{"bench.ok"};

/// Says in which process it lives.
class Resident {
 public:
  int pid() const { return ::getpid(); }
};
inline constexpr ActorType<Resident()> resident{"bench.Resident"};
inline constexpr Method<&Resident::pid> resident_pid{"pid"};

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

std::string text_in(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// What follows the name in /proc/PID/stat, from the state on.
std::vector<std::string> stat_of(pid_t pid) {
  const std::string stat = text_in("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = stat.rfind(')');
  std::istringstream rest(name_end == std::string::npos ? std::string() : stat.substr(name_end + 1));
  return {std::istream_iterator<std::string>(rest), {}};
}

/// All that this process has started, and what they have.
std::vector<pid_t> descendants() {
  std::vector<std::pair<pid_t, pid_t>> parents;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto stat = stat_of(std::stoi(name));
    if (stat.size() > 1) parents.emplace_back(std::stoi(name), std::stoi(stat[1]));
  }
  std::vector<pid_t> found{::getpid()};
  for (std::size_t i = 0; i < found.size(); ++i)
    for (const auto& [pid, parent] : parents)
      if (parent == found[i]) found.push_back(pid);
  found.erase(found.begin());
  return found;
}

/// Proportional set size: what is shared counts for each by its part.
double megabytes_of(const std::vector<pid_t>& pids) {
  double kilobytes = 0;
  for (const pid_t pid : pids) {
    std::istringstream lines(text_in("/proc/" + std::to_string(pid) + "/smaps_rollup"));
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("Pss:")) kilobytes += std::stod(line.substr(4));
  }
  return kilobytes * 1024 / 1e6;
}

double cpu_seconds_of(const std::vector<pid_t>& pids) {
  double ticks = 0;
  for (const pid_t pid : pids) {
    const auto stat = stat_of(pid);
    if (stat.size() > 12) ticks += std::stod(stat[11]) + std::stod(stat[12]);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// With one worker, which has run a task and waits for the next.
void bench_idle(Bench& bench) {
  constexpr std::chrono::seconds calm{2};
  constexpr std::chrono::seconds window{10};
  if (!bench.wants_any("idle_cluster_pss", "idle_cluster_cpu")) return;
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  session.get(session.submit(answer_ok));
  std::this_thread::sleep_for(calm);
  const auto pids = descendants();
  const double before = cpu_seconds_of(pids);
  std::this_thread::sleep_for(window);
  const double used = cpu_seconds_of(pids) - before;
  bench.print({"start", "idle_cluster_pss", "MB", {megabytes_of(pids)}, {}});
  bench.print({"start", "idle_cluster_cpu", "percent", {100 * used / static_cast<double>(window.count())}, {}});
}

/// From nothing to an answer of each; and in how many processes they live.
struct Created {
  double seconds = 0;
  std::size_t processes = 0;
};
Created create_actors(std::size_t count, const ActorOptions& options) {
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  const auto begin = Clock::now();
  std::vector<Actor<Resident>> all;
  std::vector<Ref<int>> answers;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(session.spawn(options, resident));
    answers.push_back(all.back().call(resident_pid));
  }
  const auto pids = session.get_all(answers);
  return {ms_since(begin) / 1000, std::set<int>(pids.begin(), pids.end()).size()};
}

/// Whether so many processes have room. Says so where they have not.
bool bears(std::size_t processes) {
  constexpr double gigabytes_each = 0.008;
  std::istringstream lines(text_in("/proc/meminfo"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("MemAvailable:")) continue;
    const double available = std::stod(line.substr(13)) * 1024 / 1e9;
    const double needed = gigabytes_each * static_cast<double>(processes);
    if (available >= needed) return true;
    std::fprintf(stderr, "start: without actors_%zu: found %.3g GB of free memory, expected %.3g\n", processes,
                 available, needed);
    return false;
  }
  return true;
}

/// Actors with a process each.
void bench_processes(Bench& bench) {
  for (const std::size_t count : {4u, 40u, 1000u}) {
    Measured created{"start", "actors_" + std::to_string(count), "s", {}, {}};
    Measured rate{"start", "actor_processes", "1/s", {}, {}};
    const bool gives_rate = count == 40 && bench.wants(rate.name);
    if ((!bench.wants(created.name) && !gives_rate) || !bears(count)) continue;
    for (int run = 0; run < bench.runs(5); ++run) {
      const Created made = create_actors(count, {});
      if (made.processes != count) throw std::runtime_error("actors that asked for a process each share some");
      created.runs.push_back(made.seconds);
      rate.runs.push_back(static_cast<double>(count) / made.seconds);
    }
    bench.print(created);
    if (gives_rate) bench.print(rate);
  }
}

/// Many actors in few processes.
void bench_shared_actors(Bench& bench) {
  if (!bench.wants("actors_1000_shared")) return;
  Measured created{"start", "actors_1000_shared", "s", {}, {}};
  std::size_t processes = 0;
  for (int run = 0; run < bench.runs(5); ++run) {
    const Created made = create_actors(1000, {.shares_worker = true});
    created.runs.push_back(made.seconds);
    processes = std::max(processes, made.processes);
  }
  bench.print(created);
  std::fprintf(stderr, "start: 1,000 actors that share lived in %zu processes\n", processes);
}

/// From the kill of an actor's worker to its next answer.
void bench_restart(Bench& bench) {
  if (!bench.wants("actor_restart")) return;
  const int deaths = bench.runs(50);
  Measured restarted{"start", "actor_restart", "ms", {}, {}};
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  const auto actor = session.spawn({.max_restarts = deaths}, resident);
  for (int death = 0; death < deaths; ++death) {
    const int pid = session.get(actor.call(resident_pid));
    const auto begin = Clock::now();
    ::kill(pid, SIGKILL);
    for (int other = pid; other == pid;)
      if (const auto answer = session.try_get(actor.call(resident_pid))) other = *answer;
    restarted.runs.push_back(ms_since(begin));
    restarted.latency_us.push_back(1000 * restarted.runs.back());
  }
  bench.print(restarted);
}

/// A whole local cluster, from nothing to nothing: redis-server, scheduler, agent, one worker, one task.
void bench_first_answer(Bench& bench) {
  if (!bench.wants_any("local_cluster_first_answer", "local_cluster_whole")) return;
  Measured first{"start", "local_cluster_first_answer", "ms", {}, {}};
  Measured whole{"start", "local_cluster_whole", "ms", {}, {}};
  for (int run = -2; run < bench.runs(20); ++run) {
    const auto begin = Clock::now();
    double answered = 0;
    {
      auto cluster = Cluster::local();
      auto session = cluster.connect();
      if (session.get(session.submit(answer_ok)) != "ok") throw std::runtime_error("the task gave another answer");
      answered = ms_since(begin);
    }
    if (run < 0) continue;
    first.runs.push_back(answered);
    whole.runs.push_back(ms_since(begin));
  }
  bench.print(first);
  bench.print(whole);
}

void bench_start(Bench& bench) {
  std::fprintf(
      stderr,
      "start: clusters of its own: supervisor, redis-server (appendfsync always), scheduler, agent and workers, each a "
      "process; driver-owned; first answer: one task, after 2 runs to warm up; idle: one worker, over 10 s; actors: "
      "from a cluster without workers until all have answered, a process each, or (_shared) processes that they share; "
      "restart: from the kill of an actor's worker to its next answer\n");
  bench_first_answer(bench);
  bench_idle(bench);
  bench_processes(bench);
  bench_shared_actors(bench);
  bench_restart(bench);
}

}  // namespace

void enroll_start_bench(Catalog& catalog) { catalog.add(resident, resident_pid); }

Suite start_suite() {
  return {"start",
          {},
          {"local_cluster_first_answer", "local_cluster_whole", "idle_cluster_pss", "idle_cluster_cpu", "actors_4",
           "actors_40", "actors_1000", "actor_processes", "actors_1000_shared", "actor_restart"},
          bench_start};
}

}  // namespace troupe::cli
