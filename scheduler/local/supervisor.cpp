#include "scheduler/local/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <utility>

#include "runtime/agent/agent.h"
#include "runtime/agent/agent_core.h"
#include "runtime/agent/process.h"
#include "runtime/wire/zmq_transport.h"
#include "scheduler/local/cluster_file.h"
#include "scheduler/service/service.h"
#include "scheduler/store/redis_server.h"
#include "scheduler/store/redis_task_store.h"

namespace troupe::scheduler {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_restarts = 5;
constexpr std::chrono::seconds restart_window{60};

/// Writes one line for the driver.
void tell(int descriptor, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  const std::string text = line + '\n';
  if (::write(descriptor, text.data(), text.size()) < 0) std::fprintf(stderr, "troupe: %s\n", line.c_str());
}

volatile sig_atomic_t stop_asked = 0;
int stop_event = -1;  // Readable when it is asked.
void on_stop(int) {
  stop_asked = 1;
  const int error = errno;
  ::eventfd_write(stop_event, 1);
  errno = error;
}

/// Forks a child that plays a role and cannot outlive its parent.
pid_t fork_role(const std::function<int()>& role) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  reset_signals();
  ::signal(SIGPIPE, SIG_IGN);
  stop_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = on_stop;
  ::sigaction(SIGTERM, &action, nullptr);
  ::_exit(role());
}

int run_scheduler(const RoleArguments& arguments, int ready) {
  RedisTaskStore store({.socket = redis_socket(arguments.at("directory"))});
  const auto transport = make_zmq_transport();
  Service service({.address = scheduler_address(arguments.at("directory")),
                   .cluster = arguments.cluster(),
                   .on_first_node = [ready] { tell(ready, "ready"); }},
                  store, *transport);
  auto ended = service.start();
  if (ended) ended = service.run([] { return stop_asked != 0; });
  if (ended) return 0;
  tell(ready, ended.error().message);
  return 1;
}

/// The children of this process, orphans of ended ones included: it is their reaper.
std::vector<pid_t> children() {
  std::ifstream list("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  std::vector<pid_t> pids;
  for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
  return pids;
}

class Supervisor {
 public:
  explicit Supervisor(const RoleArguments& arguments)
      : arguments_(arguments), directory_(arguments.at("directory")), node_{random_id()} {
    capacity_ = {.cpus = std::stoll(arguments.at("cpus")), .memory_bytes = std::stoll(arguments.at("memory"))};
  }

  int run() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::fcntl(control_descriptor, F_SETFD, FD_CLOEXEC);
    sigset_t watched;
    sigemptyset(&watched);
    for (const int each : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&watched, each);
    ::sigprocmask(SIG_BLOCK, &watched, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    signals_ = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);

    if (auto started = start(); !started) {
      tell(control_descriptor, started.error().message);
    } else {
      supervise();
      if (driver() == Driver::is_done) end_agent();
    }
    take_down();
    return 0;
  }

 private:
  Result<void> start() {
    std::error_code error;
    std::filesystem::create_directories(arguments_.at("store") + "/logs", error);
    if (error)
      return Error{Fault::unavailable, "cannot make the folder " + arguments_.at("store") + ": " + error.message() +
                                           ": choose another by XDG_STATE_HOME"};
    if (auto written = write_cluster_file(
            cluster_file_path(directory_),
            {.cluster = arguments_.cluster(), .scheduler = scheduler_address(directory_), .folder = directory_});
        !written)
      return written;
    auto redis = RedisServer::start({.folder = arguments_.at("store"), .socket = redis_socket(directory_)});
    if (!redis) return redis.error();
    redis_.emplace(std::move(*redis));
    int ready[2];
    if (::pipe2(ready, O_CLOEXEC | O_NONBLOCK) != 0) return Error{Fault::unavailable, "cannot make a pipe"};
    ready_ = ready[0];
    ready_write_ = ready[1];
    start_scheduler();
    start_agent();
    return {};
  }

  void start_scheduler() {
    scheduler_ = fork_role([this] { return run_scheduler(arguments_, ready_write_); });
  }

  void start_agent() {
    const std::uint64_t incarnation = ++incarnation_;
    agent_ = fork_role([this, incarnation] { return run_agent_role(arguments_, capacity_, node_, incarnation); });
  }

  /// Until the driver is gone or something cannot be started again.
  void supervise() {
    for (;;) {
      pollfd polled[] = {{control_descriptor, POLLIN, 0}, {signals_, POLLIN, 0}, {ready_, POLLIN, 0}};
      if (::poll(polled, 3, -1) < 0) continue;
      if (polled[0].revents != 0 && driver() != Driver::is_there) return;
      if (polled[2].revents != 0 && !pass_on_word()) return;
      if (polled[1].revents == 0) continue;
      signalfd_siginfo signal{};
      while (::read(signals_, &signal, sizeof signal) == sizeof signal)
        if (signal.ssi_signo != SIGCHLD) return;
      if (!look_after_children()) return;
    }
  }

  enum class Driver { is_there, is_done, is_gone };

  /// Nobody writes there: whatever comes but the end is not meant for us.
  static Driver driver() {
    char ignored[4096];
    ssize_t got = 0;
    do got = ::recv(control_descriptor, ignored, sizeof ignored, MSG_DONTWAIT);
    while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0) return errno == EAGAIN ? Driver::is_there : Driver::is_gone;
    pollfd closed{control_descriptor, 0, 0};
    return ::poll(&closed, 1, 0) == 0 ? Driver::is_done : Driver::is_gone;
  }

  /// Lets the agent give its commands their grace, as long as the driver waits for it.
  void end_agent() {
    if (agent_ < 0) return;
    ::kill(agent_, SIGTERM);
    const auto end = Clock::now() + AgentSettings{}.kill_grace + std::chrono::seconds(1);
    while (::waitpid(agent_, nullptr, WNOHANG) == 0) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      pollfd polled[] = {{control_descriptor, 0, 0}, {signals_, POLLIN, 0}};
      if (left.count() <= 0 || ::poll(polled, 2, static_cast<int>(left.count())) < 0) return;
      if (polled[0].revents != 0) return;
      signalfd_siginfo signal{};
      while (::read(signals_, &signal, sizeof signal) == sizeof signal)
        if (signal.ssi_signo != SIGCHLD) return;
    }
    agent_ = -1;
  }

  /// The scheduler's word to the driver; false when it is of an end.
  bool pass_on_word() {
    std::string line;
    char next = 0;
    while (::read(ready_, &next, 1) == 1 && next != '\n') line += next;
    const bool is_up = line == "ready";
    if (!is_up || !told_) tell(control_descriptor, line);
    told_ = told_ || is_up;
    return is_up;
  }

  bool look_after_children() {
    if (!redis_->is_running()) return give_up(redis_->is_ready().error().message);
    for (pid_t pid = 0; (pid = ::waitpid(-1, nullptr, WNOHANG)) > 0;) {
      const bool is_scheduler = pid == scheduler_;
      if (!is_scheduler && pid != agent_) continue;
      (is_scheduler ? scheduler_ : agent_) = -1;
      if (is_scheduler && !pass_on_pending_word()) return false;
      if (!may_restart()) return give_up("scheduler or agent died too often");
      if (!is_scheduler) end_descendants();  // What commands started must not go on beside their next attempts.
      is_scheduler ? start_scheduler() : start_agent();
    }
    return true;
  }

  /// Kills and reaps all that is not agent, scheduler or redis-server: it descends from an agent that is gone.
  void end_descendants() {
    const auto is_ours = [&](pid_t pid) {
      return pid == scheduler_ || pid == agent_ || (redis_ && pid == redis_->pid());
    };
    for (;;) {
      auto left = children();
      std::erase_if(left, is_ours);
      if (left.empty()) return;
      for (const pid_t pid : left) ::kill(pid, SIGKILL);
      for (const pid_t pid : left) ::waitpid(pid, nullptr, 0);
    }
  }

  bool pass_on_pending_word() {
    pollfd word{ready_, POLLIN, 0};
    return ::poll(&word, 1, 0) == 0 || pass_on_word();
  }

  bool may_restart() {
    const auto now = Clock::now();
    while (!restarts_.empty() && now - restarts_.front() > restart_window) restarts_.pop_front();
    restarts_.push_back(now);
    return restarts_.size() <= most_restarts;
  }

  static bool give_up(const std::string& why) {
    tell(control_descriptor, why + ": the local cluster ends");
    return false;
  }

  void take_down() {
    for (pid_t* pid : {&agent_, &scheduler_})
      if (*pid > 0)
        ::kill(std::exchange(*pid, -1), SIGKILL);  // What is durable is on disk; workers die with the agent.
    redis_.reset();
    end_descendants();
    remove_traces(directory_, arguments_.cluster().high);
  }

  const RoleArguments& arguments_;
  const std::string directory_;
  const NodeId node_;
  NodeCapacity capacity_;
  std::optional<RedisServer> redis_;
  pid_t scheduler_ = -1;
  pid_t agent_ = -1;
  std::uint64_t incarnation_ = 0;
  int signals_ = -1;
  int ready_ = -1;
  int ready_write_ = -1;
  bool told_ = false;
  std::deque<Clock::time_point> restarts_;
};

}  // namespace

std::string scheduler_address(const std::string& directory) { return "ipc://" + directory + "/scheduler.sock"; }
std::string redis_socket(const std::string& directory) { return directory + "/redis.sock"; }
std::string worker_address(const std::string& directory, const std::string& worker) {
  return "ipc://" + directory + "/w-" + worker + ".sock";
}

void remove_traces(const std::string& directory, std::uint64_t cluster) {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  const std::string prefix = "troupe-" + to_text(cluster);
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", ignored))
    if (entry.path().filename().string().starts_with(prefix)) std::filesystem::remove(entry.path(), ignored);
}

int run_agent_role(const RoleArguments& arguments, const NodeCapacity& capacity, NodeId node,
                   std::uint64_t incarnation) {
  const std::string& directory = arguments.at("directory");
  const std::string agent = "ipc://" + arguments.at("agent");
  const auto transport = make_zmq_transport();
  const auto ended =
      run_agent({.cluster = arguments.cluster(),
                 .node = node,
                 .incarnation = incarnation,
                 .name = arguments.at("name"),
                 .capacity = capacity,
                 .scheduler_address = scheduler_address(directory),
                 .cluster_file = cluster_file_path(directory),
                 .own_address = agent,
                 .worker_address = [&](WorkerId worker) { return worker_address(directory, to_text(worker)); },
                 .worker_arguments =
                     [&](const std::string& program, WorkerId worker) {
                       return to_argv(program, {"worker",
                                                {{"cluster", arguments.at("cluster")},
                                                 {"id", to_text(worker)},
                                                 {"agent", agent},
                                                 {"address", worker_address(directory, to_text(worker))}}});
                     },
                 .log_directory = arguments.at("store") + "/logs",
                 .stop = stop_event},
                *transport);
  if (ended) return 0;
  std::fprintf(stderr, "troupe: agent: %s\n", ended.error().message.c_str());
  return 1;
}

int run_supervisor(const RoleArguments& arguments) { return Supervisor(arguments).run(); }

}  // namespace troupe::scheduler
