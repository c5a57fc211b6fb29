#include "runtime/agent/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <optional>

#include "runtime/agent/processors.h"

namespace troupe {
namespace {

std::optional<rlimit> limit_before;  // Of descriptors, if it was raised: the process's, as what it limits.

std::vector<std::string> environment_of(const ProcessSpec& spec) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) merged[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : spec.environment) merged[name] = value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : merged) lines.push_back(name + '=' + value);
  return lines;
}

std::vector<char*> pointers_to(std::vector<std::string>& lines) {
  std::vector<char*> pointers;
  for (auto& line : lines) pointers.push_back(line.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// The part between fork and exec: only calls that are safe there. Reports errno through `failure` and ends.
[[noreturn]] void become(const ProcessSpec& spec, const char* executable, char* const* argv, char* const* environment,
                         pid_t parent, int failure) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  reset_signals();
  if (limit_before) ::setrlimit(RLIMIT_NOFILE, &*limit_before);
  if (spec.own_process_group) ::setpgid(0, 0);
  if (spec.niceness > 0) (void)::nice(spec.niceness);
  bind_thread(0, spec.processors);
  ::dup2(spec.input >= 0 ? spec.input : ::open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
  bool ready = true;
  if (spec.output >= 0 || !spec.output_file.empty()) {
    const int output = spec.output >= 0
                           ? spec.output
                           : ::open(spec.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ready = output >= 0 && ::dup2(output, 1) >= 0 && ::dup2(output, 2) >= 0;
  }
  if (ready && !spec.working_directory.empty()) ready = ::chdir(spec.working_directory.c_str()) == 0;
  if (ready) ::execvpe(executable, argv, environment);
  const int error = errno;
  const auto written = ::write(failure, &error, sizeof error);
  ::_exit(written == sizeof error ? 127 : 126);
}

}  // namespace

Result<Process> start_process(const ProcessSpec& spec) {
  TROUPE_CHECK(!spec.argv.empty(), "a process has a program");
  std::vector<std::string> arguments = spec.argv;
  std::vector<std::string> lines = environment_of(spec);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> environment = pointers_to(lines);
  const std::string executable = spec.executable.empty() ? spec.argv.front() : spec.executable;

  int failure[2];
  if (::pipe2(failure, O_CLOEXEC) != 0)
    return Error{Fault::unavailable, std::string("cannot make a pipe: ") + ::strerror(errno)};
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(spec, executable.c_str(), argv.data(), environment.data(), parent, failure[1]);
  ::close(failure[1]);
  if (pid < 0) {
    const int error = errno;
    ::close(failure[0]);
    return Error{Fault::unavailable, std::string("cannot start a process: ") + ::strerror(error)};
  }
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(failure[0], &error, sizeof error)) < 0 && errno == EINTR) {
  }
  const bool failed = got == sizeof error;
  ::close(failure[0]);
  if (failed) {
    ::waitpid(pid, nullptr, 0);
    const std::string where = spec.working_directory.empty() ? "" : " in " + spec.working_directory;
    return bad_input("cannot start '" + executable + "'" + where + ": " + ::strerror(error));
  }
  Process process{pid, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  TROUPE_CHECK(process.descriptor >= 0, "a child that was not reaped has a descriptor");
  ::fcntl(process.descriptor, F_SETFD, FD_CLOEXEC);
  return process;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (limit_before || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit_before = limit;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);  // Refused for KILL and STOP.
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void send_signal(const Process& process, int number) {
  (void)::syscall(SYS_pidfd_send_signal, process.descriptor, number, nullptr, 0);
}

bool has_ended(const Process& process) {
  pollfd polled{process.descriptor, POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;
}

ProcessEnd reap(Process& process) {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(process.pid, &status, 0)) < 0 && errno == EINTR) {
  }
  TROUPE_CHECK(pid == process.pid || errno == ECHILD, "a child can be waited for");
  ::close(process.descriptor);
  const bool was_own = pid == process.pid;
  process = {};
  return was_own ? end_of(status) : ProcessEnd{unknown_exit_code, 0};
}

ProcessEnd end_of(int status) {
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

std::string describe(const ProcessEnd& end) {
  if (end.exit_code == unknown_exit_code) return "exit code unknown";
  if (end.signal == 0) return "exit code " + std::to_string(end.exit_code);
  return "signal " + std::to_string(end.signal) + " (" + ::strsignal(end.signal) + ")";
}

}  // namespace troupe
