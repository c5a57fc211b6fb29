#include "scheduler/local/supervisor_start.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <vector>

#include "scheduler/local/supervisor.h"

namespace troupe::scheduler {
namespace {

using Clock = std::chrono::steady_clock;

/// Moves a descriptor away from stdin, stdout and stderr, which may have been closed.
int above_standard(int descriptor) {
  if (descriptor > STDERR_FILENO) return descriptor;
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  ::close(descriptor);
  return moved;
}

/// Starts the supervisor with `control` as its descriptor 3, apart from the terminal's signals.
Result<pid_t> spawn(const std::vector<std::string>& arguments, int control, const std::string& log) {
  std::vector<std::string> owned = arguments;
  std::vector<char*> argv;
  for (auto& argument : owned) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (!log.empty()) {
    ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  }
  ::posix_spawn_file_actions_adddup2(&actions, control, control_descriptor);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, control_descriptor + 1);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, owned.front().c_str(), &actions, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return Error{Fault::unavailable, "cannot start '" + owned.front() + "' as supervisor: " + ::strerror(error)};
  return pid;
}

/// The supervisor's word: `ready`, or why there is no cluster.
Result<void> wait_until_ready(int control) {
  StartLimit limit(Clock::now());
  std::string line;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit.end() - Clock::now());
    if (left.count() <= 0)
      return Error{Fault::timed_out, "the cluster gave no sign of life for " +
                                         std::to_string(StartLimit::longest_silence.count()) +
                                         " s: is the machine overloaded?"};
    pollfd word{control, POLLIN, 0};
    if (::poll(&word, 1, static_cast<int>(left.count())) <= 0) continue;  // A signal, or the end of the time.
    char next = 0;
    const auto got = ::recv(control, &next, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got == 1 && next != '\n') {
      line += next;
    } else if (got != 1 || !limit.goes_on(line, Clock::now())) {
      break;
    } else {
      line.clear();
    }
  }
  if (line == ready_word) return {};
  if (line.empty()) line = "the cluster ended before it was ready";
  return Error{Fault::unavailable, line};
}

}  // namespace

bool StartLimit::goes_on(std::string_view line, Time now) {
  if (line != loading_word) return false;
  end_ = now + longest_silence;
  return true;
}

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

Result<StartedSupervisor> start_supervisor(const SupervisorPlan& plan, const std::string& log) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Error{Fault::unavailable, std::string("cannot make a socket pair: ") + ::strerror(errno)};
  for (int& end : ends) end = above_standard(end);
  const auto pid = spawn(to_argv(own_program(), role_of(plan)), ends[1], log);
  ::close(ends[1]);
  if (!pid) {
    ::close(ends[0]);
    return pid.error();
  }
  StartedSupervisor started{*pid, ends[0]};
  if (auto ready = wait_until_ready(started.control); !ready) {
    if (ready.error().fault == Fault::timed_out) ::kill(started.pid, SIGKILL);
    end_supervisor(started);
    return ready.error();
  }
  return started;
}

void end_supervisor(StartedSupervisor& supervisor) {
  if (supervisor.control >= 0) ::shutdown(supervisor.control, SHUT_WR);
  if (supervisor.pid > 0)
    while (::waitpid(supervisor.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  if (supervisor.control >= 0) ::close(supervisor.control);  // Not earlier: that would be no end in order.
  supervisor = {};
}

}  // namespace troupe::scheduler
