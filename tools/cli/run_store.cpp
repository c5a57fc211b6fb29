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
#include <iterator>
#include <optional>
#include <utility>

#include "scheduler/local/cluster_choice.h"
#include "scheduler/store/redis_load.h"
#include "scheduler/store/redis_server.h"
#include "tools/cli/output.h"
#include "tools/cli/private_folder.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_runs = 100;
constexpr std::size_t most_summary_bytes = 1u << 20;

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
  const std::string path = run.folder + "/run.json";
  {
    std::ofstream stream(path + ".new");
    stream << to_json(run) << '\n';
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
  std::ifstream stream(path, std::ios::binary);
  auto run = run_summary_from(std::string{std::istreambuf_iterator<char>(stream), {}});
  if (run) run->folder = folder;
  return run;
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
