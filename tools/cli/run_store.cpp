#include "tools/cli/run_store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "scheduler/local/cluster_choice.h"
#include "scheduler/store/redis_load.h"
#include "scheduler/store/redis_server.h"
#include "tools/cli/output.h"
#include "tools/cli/private_folder.h"

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t most_runs = 100;
constexpr std::size_t most_summary_bytes = 1u << 20;

constexpr RunState run_states[] = {RunState::running, RunState::done, RunState::failed, RunState::cancelled,
                                   RunState::interrupted};
constexpr TaskState task_states[] = {TaskState::waiting, TaskState::ready,     TaskState::running, TaskState::done,
                                     TaskState::failed,  TaskState::cancelled, TaskState::skipped};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string runs_folder() { return scheduler::state_home() + "/runs"; }

/// Sorts by time: `20240501T120301.123-00c3…9f`.
std::string folder_name(std::int64_t started_ms, JobId id) {
  std::string time = rfc3339(started_ms);
  std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
  return time + '-' + to_text(id);
}

/// The run's lock, or nothing while somebody else holds it.
class Lock {
 public:
  explicit Lock(const std::string& folder) {
    descriptor_ = ::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    is_held_ = descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  bool is_held() const { return is_held_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_ = -1;
  bool is_held_ = false;
};

/// Written beside and renamed, so that a reader sees the old one or the new one.
bool write_summary(const RunSummary& run) {
  Json tasks = Json::object();
  for (const TaskState state : task_states)
    if (run.tasks[state] > 0) tasks[to_text(state)] = run.tasks[state];
  const Json summary{{"version", 1},
                     {"id", to_text(run.id)},
                     {"name", run.name},
                     {"state", to_text(run.state)},
                     {"started_ms", run.started_ms},
                     {"ended_ms", run.ended_ms},
                     {"tasks", tasks},
                     {"socket", run.socket}};
  const std::string path = run.folder + "/run.json";
  {
    std::ofstream stream(path + ".new");
    stream << summary.dump() << '\n';
    if (!stream.flush()) return false;
  }
  std::error_code error;
  fs::rename(path + ".new", path, error);
  return !error;
}

std::optional<RunSummary> read_summary(const std::string& folder) {
  std::error_code error;
  const std::string path = folder + "/run.json";
  const auto size = fs::file_size(path, error);
  if (error || size > most_summary_bytes) return std::nullopt;
  std::ifstream stream(path);
  const Json summary = Json::parse(stream, nullptr, false);
  if (!summary.is_object()) return std::nullopt;
  try {
    RunSummary run{.folder = folder};
    const auto id = hex_from(summary.at("id").get<std::string>());
    if (!id) return std::nullopt;
    run.id = JobId{*id};
    run.name = summary.at("name").get<std::string>();
    run.started_ms = summary.at("started_ms").get<std::int64_t>();
    run.ended_ms = summary.at("ended_ms").get<std::int64_t>();
    run.socket = summary.at("socket").get<std::string>();
    for (const RunState state : run_states)
      if (summary.at("state") == to_text(state)) run.state = state;
    for (const TaskState state : task_states) run.tasks[state] = summary.at("tasks").value(to_text(state), 0u);
    return run;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::vector<std::string> run_folders() {
  std::vector<std::string> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(runs_folder(), error)) folders.push_back(entry.path().string());
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// Keeps the last ones, and what is in use.
void remove_old_runs() {
  const auto folders = run_folders();
  if (folders.size() <= most_runs) return;
  for (std::size_t i = 0; i < folders.size() - most_runs; ++i) {
    const Lock lock(folders[i]);
    std::error_code ignored;
    if (lock.is_held()) fs::remove_all(folders[i], ignored);
  }
}

/// A run that says it is under way, but is not: its process was killed. Brings the summary up to date by the store.
void settle(RunSummary& run) {
  if (run.state != RunState::running) return;
  const Lock lock(run.folder);
  if (!lock.is_held()) return;
  run.state = RunState::interrupted;
  run.socket.clear();
  if (const auto stored = open_run(run)) {
    run.tasks = count_states(stored->tasks);
    for (const auto& task : stored->tasks)
      for (const auto& attempt : task.progress.attempts)
        run.ended_ms = std::max({run.ended_ms, attempt.started_ms, attempt.ended_ms});
  }
  write_summary(run);
}

}  // namespace

const char* to_text(RunState state) {
  switch (state) {
    case RunState::running: return "running";
    case RunState::done: return "done";
    case RunState::failed: return "failed";
    case RunState::cancelled: return "cancelled";
    case RunState::interrupted: return "interrupted";
  }
  check_failed(__FILE__, __LINE__, "state", "a run's state is one of the five");
}

std::size_t TaskCounts::sum() const {
  std::size_t sum = 0;
  for (const std::size_t count : counts) sum += count;
  return sum;
}

bool TaskCounts::all_final() const {
  return std::all_of(std::begin(task_states), std::end(task_states),
                     [&](TaskState state) { return is_final(state) || (*this)[state] == 0; });
}

std::string describe(const TaskCounts& counts) {
  const std::size_t sum = counts.sum();
  std::string text = std::to_string(sum) + (sum == 1 ? " task" : " tasks");
  const char* separator = ": ";
  for (const TaskState state : task_states) {
    if (counts[state] == 0) continue;
    text += separator + std::to_string(counts[state]) + ' ' + to_text(state);
    separator = ", ";
  }
  return text;
}

TaskCounts count_states(const std::vector<scheduler::TaskRecord>& tasks) {
  TaskCounts counts;
  for (const auto& task : tasks)
    if (!task.spec.is_join()) ++counts[task.progress.state];
  return counts;
}

RunState run_state_of(const TaskCounts& counts) {
  if (!counts.all_final()) return RunState::interrupted;
  if (counts[TaskState::failed] > 0) return RunState::failed;
  if (counts[TaskState::cancelled] > 0) return RunState::cancelled;
  return RunState::done;  // what was skipped all the same is a branch that was not taken
}

Result<RunInUse> RunInUse::begin(JobId id, const std::string& name, std::size_t tasks) {
  RunSummary run{.id = id, .name = name, .started_ms = now_ms()};
  run.tasks[TaskState::waiting] = tasks;
  run.folder = runs_folder() + '/' + folder_name(run.started_ms, id);
  const auto cannot = [&](const std::string& what, const std::string& why) {
    return Error{Fault::unavailable,
                 "cannot " + what + ' ' + run.folder + ": " + why + ": choose another place by XDG_STATE_HOME"};
  };
  std::error_code error;
  fs::create_directories(runs_folder(), error);
  if (error) return cannot("make the folder", error.message());
  // Results and output may be secret.
  fs::permissions(scheduler::state_home(), fs::perms::owner_all, error);
  if (::mkdir(run.folder.c_str(), 0700) != 0) return cannot("make the folder", ::strerror(errno));
  Lock lock(run.folder);
  if (!lock.is_held()) return cannot("lock", ::strerror(errno));
  if (!write_summary(run)) return cannot("write into", ::strerror(errno));
  remove_old_runs();
  return RunInUse(std::move(run), lock.release());
}

RunInUse::RunInUse(RunInUse&& other) noexcept
    : summary_(std::move(other.summary_)), lock_(std::exchange(other.lock_, -1)) {}

RunInUse::~RunInUse() {
  if (lock_ >= 0) ::close(lock_);
}

void RunInUse::set_socket(const std::string& socket) {
  summary_.socket = socket;
  write_summary(summary_);
}

void RunInUse::end(RunState state, const TaskCounts& counts) {
  summary_.state = state;
  summary_.tasks = counts;
  summary_.ended_ms = now_ms();
  summary_.socket.clear();
  write_summary(summary_);
}

std::vector<RunSummary> list_runs() {
  auto folders = run_folders();
  std::reverse(folders.begin(), folders.end());
  std::vector<RunSummary> runs;
  for (const auto& folder : folders) {
    auto run = read_summary(folder);
    if (!run) continue;
    settle(*run);
    runs.push_back(std::move(*run));
  }
  return runs;
}

Result<scheduler::StoredState> open_run(const RunSummary& run) {
  if (!run.socket.empty()) {
    // Its scheduler writes at any time: a few tries find a quiet moment, or the run is over by then.
    constexpr int tries = 20;
    auto stored = scheduler::read_store(run.socket);
    for (int i = 0; i < tries && !stored && stored.error().fault == Fault::refused; ++i) {
      ::usleep(20'000);
      stored = scheduler::read_store(run.socket);
    }
    if (stored) return stored;
  }
  auto sockets = PrivateFolder::make();
  if (!sockets) return sockets.error();
  auto server = scheduler::RedisServer::start_and_wait(
      {.folder = run.folder + "/store", .socket = sockets->path() + "/redis.sock"});
  if (!server) return server.error();
  return scheduler::read_store(server->socket());
}

}  // namespace troupe::cli
