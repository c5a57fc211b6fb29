#include "scheduler/local/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
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
#include <vector>

#include "runtime/agent/agent_core.h"
#include "scheduler/local/cluster_file.h"
#include "scheduler/local/member.h"
#include "scheduler/local/places.h"
#include "scheduler/local/role_processes.h"
#include "scheduler/store/redis_server.h"

namespace troupe::scheduler {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds restart_window{60};
constexpr milliseconds short_life{1'000};  // What dies sooner waits before it is started again, each time for longer.
constexpr milliseconds first_back_off{100};
constexpr int most_doublings = 5;
constexpr milliseconds scheduler_grace{2'000};
constexpr milliseconds store_limit{20'000};  // Less than the starter waits.

/// The children of this process, orphans of ended ones included: it is their reaper.
std::vector<pid_t> children() {
  std::ifstream list("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  std::vector<pid_t> pids;
  for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
  return pids;
}

class Supervisor {
 public:
  explicit Supervisor(const RoleArguments& arguments) : arguments_(arguments), plan_(supervisor_plan_from(arguments)) {}

  int run() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_NAME, "supervisor");
    ::fcntl(control_descriptor, F_SETFD, FD_CLOEXEC);
    sigset_t watched;
    sigemptyset(&watched);
    for (const int each : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&watched, each);
    ::sigprocmask(SIG_BLOCK, &watched, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    signals_ = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);

    bool has_failed = false;
    if (auto started = start(); !started) {
      tell(control_, started.error().message);
      if (!lock_ && !plan_.member.empty()) return 1;  // What is there is another's.
      has_failed = true;
    } else {
      has_failed = !supervise();
      if (!has_failed && starter() != Starter::is_gone) end_in_order();
    }
    take_down();
    return has_failed ? 1 : 0;
  }

 private:
  /// One of those that are kept up.
  struct Child {
    pid_t pid = -1;
    Clock::time_point started{};
    int short_lives = 0;                   ///< In a row.
    std::optional<Clock::time_point> due;  ///< When it is to be started again.

    void start(pid_t process) {
      pid = process;
      started = Clock::now();
      if (pid >= 0) return;
      std::fprintf(stderr, "troupe: supervisor: cannot start a process: %s: it is tried again\n", ::strerror(errno));
      start_failed();
    }
    void start_failed() {
      started = Clock::now();
      ended();
    }
    void ended() {
      pid = -1;
      const auto now = Clock::now();
      short_lives = now - started < short_life ? short_lives + 1 : 0;
      due = now +
            (short_lives == 0 ? milliseconds(0) : first_back_off * (1 << std::min(short_lives - 1, most_doublings)));
    }
  };

  Result<void> start() {
    if (!plan_.member.empty()) {
      auto lock = MemberLock::take(plan_.member);
      if (!lock) return lock.error();
      lock_.emplace(std::move(*lock));
    }
    std::error_code error;
    std::filesystem::create_directories(plan_.logs, error);
    if (!error && plan_.has_store) std::filesystem::create_directories(plan_.store, error);
    if (error)
      return Error{Fault::unavailable, "cannot make the folder " + (plan_.has_store ? plan_.store : plan_.logs) + ": " +
                                           error.message() + ": choose another by XDG_STATE_HOME"};
    int word[2];
    if (::pipe2(word, O_CLOEXEC | O_NONBLOCK) != 0) return Error{Fault::unavailable, "cannot make a pipe"};
    word_ = word[0];
    word_write_ = word[1];
    if (plan_.has_store)
      if (auto started = start_redis(); !started) return started;
    if (plan_.has_scheduler) start_scheduler();
    if (plan_.has_agent) start_agent();
    return {};
  }

  Result<void> start_redis() {
    // Beside the sockets: where commands inside tasks find the cluster.
    const std::string folder = plan_.member.empty() ? plan_.directory : cluster_folder();
    if (auto written = write_cluster_file(cluster_file_in(plan_.directory),
                                          {arguments_.cluster(), scheduler_address(plan_.directory), folder});
        !written)
      return written;
    auto redis = RedisServer::start({.folder = plan_.store, .socket = redis_socket(plan_.directory)});
    if (!redis) return redis.error();
    redis_.emplace(std::move(*redis));
    redis_child_.start(redis_->pid());
    return {};
  }

  void start_scheduler() {
    scheduler_.start(fork_role("scheduler", [this] { return run_scheduler_role(arguments_, word_write_); }));
  }

  void start_agent() {
    local_.incarnation += 1;
    const auto start = plan_.member.empty() ? local_ : count_start(plan_.member);
    if (!start) {
      std::fprintf(stderr, "troupe: supervisor: %s: it is tried again\n", start.error().message.c_str());
      return agent_.start_failed();
    }
    agent_.start(fork_role(
        "agent", [this, start = *start] { return run_agent_role(arguments_, plan_.capacity, start, word_write_); }));
  }

  /// Until it is told to end; false when something cannot be started again.
  bool supervise() {
    for (;;) {
      pollfd polled[] = {{control_, POLLIN, 0}, {signals_, POLLIN, 0}, {word_, POLLIN, 0}};
      if (::poll(polled, 3, milliseconds_to_next()) < 0) continue;
      if (polled[0].revents != 0 && starter() != Starter::is_there) return true;
      if (polled[2].revents != 0 && !pass_on_word()) return false;
      if (polled[1].revents != 0) {
        signalfd_siginfo signal{};
        while (::read(signals_, &signal, sizeof signal) == sizeof signal)
          if (signal.ssi_signo != SIGCHLD) return true;
        if (!look_after_children()) return false;
      }
      if (!start_what_is_due()) return false;
    }
  }

  enum class Starter { is_there, is_done, is_gone };

  /// Nobody writes there: whatever comes but the end is not meant for us.
  Starter starter() const {
    if (control_ < 0) return Starter::is_there;
    char ignored[4096];
    ssize_t got = 0;
    do got = ::recv(control_, ignored, sizeof ignored, MSG_DONTWAIT);
    while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0) return errno == EAGAIN ? Starter::is_there : Starter::is_gone;
    pollfd closed{control_, 0, 0};
    return ::poll(&closed, 1, 0) == 0 ? Starter::is_done : Starter::is_gone;
  }

  /// In a cluster that goes on at the next start the scheduler ends first: what the agents then end is no news to it.
  void end_in_order() {
    if (!plan_.member.empty()) end(scheduler_, scheduler_grace);
    end(agent_, AgentSettings{}.kill_grace + std::chrono::seconds(1));
  }

  /// Lets a child end in order, as long as the starter waits for it.
  void end(Child& child, milliseconds grace) {
    if (child.pid < 0) return;
    ::kill(child.pid, SIGTERM);
    const auto end = Clock::now() + grace;
    while (::waitpid(child.pid, nullptr, WNOHANG) == 0) {
      const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
      pollfd polled[] = {{control_, 0, 0}, {signals_, POLLIN, 0}};
      if (left.count() <= 0 || ::poll(polled, 2, static_cast<int>(left.count())) < 0) return;
      if (polled[0].revents != 0) return;
      signalfd_siginfo signal{};
      while (::read(signals_, &signal, sizeof signal) == sizeof signal)
        if (signal.ssi_signo != SIGCHLD) return;
    }
    child.pid = -1;
  }

  /// What a child says to the starter; false when it is of an end.
  bool pass_on_word() {
    std::string line;
    char next = 0;
    while (::read(word_, &next, 1) == 1 && next != '\n') line += next;
    if (line == loading_word) {
      if (!told_) tell(control_, line);
      return true;
    }
    const bool is_up = line == ready_word;
    // A stand-by that is active may have welcomed the agent before the store is back.
    if (is_up && !told_ && lock_ && redis_)
      if (auto ready = redis_->wait_until_ready(store_limit); !ready) return give_up(ready.error().message);
    if (!is_up || !told_) tell(control_ < 0 ? STDERR_FILENO : control_, line);
    told_ = told_ || is_up;
    if (is_up && plan_.outlives_starter && control_ >= 0) ::close(std::exchange(control_, -1));
    return is_up;
  }

  bool look_after_children() {
    for (pid_t pid = 0, status = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      Child* child = nullptr;
      for (Child* each : {&redis_child_, &scheduler_, &agent_})
        if (each->pid == pid) child = each;
      if (child == nullptr) continue;
      child->ended();
      if (child == &scheduler_ && !pass_on_pending_word()) return false;
      if (child == &agent_) end_descendants();  // What commands started must not go on beside their next attempts.
      if (!may_restart())
        return give_up(child == &redis_child_ ? "redis-server died too often: " + why_redis_ended()
                                              : "scheduler or agent died too often");
      if (child == &redis_child_)
        std::fprintf(stderr, "troupe: supervisor: %s: it is started again\n", why_redis_ended().c_str());
    }
    return true;
  }

  bool start_what_is_due() {
    const auto is_due = [now = Clock::now()](Child& child) {
      if (!child.due || now < *child.due) return false;
      child.due.reset();
      return true;
    };
    if (is_due(redis_child_)) {
      redis_.reset();
      if (auto started = start_redis(); !started) return give_up(started.error().message);
    }
    if (is_due(scheduler_)) start_scheduler();
    if (is_due(agent_)) start_agent();
    return true;
  }

  int milliseconds_to_next() const {
    std::optional<Clock::time_point> next;
    for (const Child* each : {&redis_child_, &scheduler_, &agent_})
      if (each->due) next = next ? std::min(*next, *each->due) : *each->due;
    if (!next) return -1;
    return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<milliseconds>(*next - Clock::now()).count()));
  }

  std::string why_redis_ended() {
    const auto ready = redis_->is_ready();
    return ready ? "somebody kills it" : ready.error().message;
  }

  /// Kills and reaps all that is not agent, scheduler or redis-server: it descends from an agent that is gone.
  void end_descendants() {
    const auto is_ours = [&](pid_t pid) {
      return pid == scheduler_.pid || pid == agent_.pid || (redis_ && pid == redis_->pid());
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
    pollfd word{word_, POLLIN, 0};
    return ::poll(&word, 1, 0) == 0 || pass_on_word();
  }

  bool may_restart() {
    const auto now = Clock::now();
    while (!restarts_.empty() && now - restarts_.front() > restart_window) restarts_.pop_front();
    restarts_.push_back(now);
    return restarts_.size() <= plan_.most_restarts;
  }

  bool give_up(const std::string& why) {
    tell(control_ < 0 ? STDERR_FILENO : control_, why + ": the cluster ends");
    return false;
  }

  void take_down() {
    for (Child* child : {&agent_, &scheduler_})
      if (child->pid > 0)
        ::kill(std::exchange(child->pid, -1), SIGKILL);  // What is durable is on disk; workers die with the agent.
    redis_.reset();
    end_descendants();
    // Where another one is being started, it takes what there is.
    const FolderLock lock(plan_.member.empty() ? "" : cluster_folder(), FolderLock::Waits::no);
    if (is_alone() && (lock || plan_.member.empty())) {
      remove_traces(plan_.directory, plan_.cluster.high);
    } else if (plan_.has_agent) {
      ::unlink(plan_.agent.c_str());
    }
  }

  /// Others of the cluster, which may run on without its head, are reached by what lies in its folder.
  bool is_alone() const {
    if (plan_.member.empty()) return true;
    if (!lock_) return false;
    const auto running = running_members(cluster_folder());
    return std::all_of(running.begin(), running.end(), [own = std::filesystem::path(plan_.member)](const Member& each) {
      return each.name == own.filename();
    });
  }
  std::string cluster_folder() const {
    return std::filesystem::path(plan_.member).parent_path().parent_path().string();
  }

  const RoleArguments& arguments_;
  const SupervisorPlan plan_;
  std::optional<MemberLock> lock_;
  NodeStart local_{NodeId{random_id()}, 0};
  std::optional<RedisServer> redis_;
  Child redis_child_;
  Child scheduler_;
  Child agent_;
  int control_ = control_descriptor;
  int signals_ = -1;
  int word_ = -1;
  int word_write_ = -1;
  bool told_ = false;
  std::deque<Clock::time_point> restarts_;
};

}  // namespace

int run_supervisor(const RoleArguments& arguments) { return Supervisor(arguments).run(); }

}  // namespace troupe::scheduler
