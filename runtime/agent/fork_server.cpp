#include "runtime/agent/fork_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <iterator>

#include "runtime/ring/local_socket.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{1};  // With a server that was asked for something.
// With one that has just been started: a worker that is started anew would take as long.
constexpr std::chrono::milliseconds start_patience{20};
constexpr std::chrono::seconds kept_unused{60};
constexpr std::size_t most_kinds = 8;

struct Asked {
  std::uint64_t worker = 0;
};
struct Said {
  enum class Kind : std::int32_t { ready, forked, ended };
  Kind kind = Kind::ready;
  pid_t process = 0;  // Forked: -1 if there was none to be had.
  std::int32_t status = 0;
};

bool has_sign(int descriptor, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd polled{descriptor, POLLIN, 0};
  return ::poll(&polled, 1, left < 0 ? 0 : static_cast<int>(left)) > 0;
}

int descriptor_of(pid_t process) { return static_cast<int>(::syscall(SYS_pidfd_open, process, 0)); }

void say(const Descriptor& socket, const Said& said, std::span<const int> descriptors = {}) {
  // There is room for some hundred words: whoever does not read so many has died, or the agent is stopped.
  while (!send_message(socket, bytes_of_body(said), descriptors)) {
    if (errno != EAGAIN) ::_exit(0);
    pollfd polled{socket.number(), POLLOUT, 0};
    ::poll(&polled, 1, -1);
  }
}

void tell_ends(const Descriptor& socket) {
  int status = 0;
  for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) say(socket, {Said::Kind::ended, ended, status});
}

}  // namespace

Result<ForkServer> ForkServer::start(ProcessSpec spec) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return Error{Fault::unavailable, "no socket can be had"};
  Descriptor own(ends[0]);
  const Descriptor its(ends[1]);
  spec.input = its.number();
  const auto process = start_process(spec);
  if (!process) return process.error();
  return ForkServer(*process, std::move(own));
}

ForkServer::ForkServer(ForkServer&& other) noexcept
    : process_(std::exchange(other.process_, {})),
      socket_(std::move(other.socket_)),
      is_ready_(other.is_ready_),
      was_waited_for_(other.was_waited_for_),
      is_lost_(other.is_lost_),
      forked_(other.forked_),
      ended_(std::move(other.ended_)) {}

ForkServer::~ForkServer() {
  if (process_.pid < 0) return;
  ::kill(process_.pid, SIGKILL);
  troupe::reap(process_);
}

template <class IsThere>
bool ForkServer::hear(Clock::time_point deadline, IsThere is_there) {
  while (!is_there() && !is_lost_) {
    Said said;
    std::array<Descriptor, 1> descriptors;
    const auto count = receive_message(socket_, bytes_of_body(said), descriptors);
    is_lost_ = !count;
    if (count && !*count && !has_sign(socket_.number(), deadline)) return false;
    if (!count || !*count) continue;
    if (said.kind == Said::Kind::ready) is_ready_ = true;
    if (said.kind == Said::Kind::ended) ended_[said.process] = said.status;
    if (said.kind != Said::Kind::forked) continue;
    is_lost_ = **count == 0;  // This process has no room for the descriptor of another.
    if (!is_lost_) forked_ = Process{said.process, descriptors[0].release()};
  }
  return is_there();
}

bool ForkServer::is_ready() {
  hear(Clock::time_point{}, [] { return false; });  // All that there is.
  if (!std::exchange(was_waited_for_, true)) hear(Clock::now() + start_patience, [this] { return is_ready_; });
  return is_ready_ && !is_lost_;
}

Result<Process> ForkServer::fork(WorkerId worker) {
  forked_.reset();
  const Asked asked{worker.value};
  is_lost_ = is_lost_ || !send_message(socket_, bytes_of_body(asked));
  if (!hear(Clock::now() + patience, [this] { return forked_.has_value(); })) {
    const Fault why = is_lost_ ? Fault::peer_lost : Fault::timed_out;
    is_lost_ = true;  // What it says later is of a worker that nobody waits for.
    return Error{why, "the fork server does not answer"};
  }
  if (forked_->pid < 0 || forked_->descriptor < 0) return Error{Fault::unavailable, "no process can be had"};
  return *forked_;
}

ProcessEnd ForkServer::reap(Process& process) {
  const pid_t pid = process.pid;
  is_lost_ = !hear(Clock::now() + patience, [&] { return ended_.contains(pid); }) || is_lost_;
  ::close(process.descriptor);
  process = {};
  const auto known = ended_.extract(pid);
  return known.empty() ? ProcessEnd{unknown_exit_code, 0} : end_of(known.mapped());
}

std::shared_ptr<ForkServer> ForkServers::of(const std::string& program, const ProcessSpec& spec) {
  if (!arguments_) return nullptr;
  std::vector<std::string> name{program, spec.working_directory, std::to_string(spec.niceness)};
  for (const auto& [variable, value] : spec.environment) name.push_back(variable + '=' + value);
  struct stat file {};  // One that was built anew is another.
  if (::stat(program.c_str(), &file) != 0) return nullptr;
  name.push_back(std::to_string(file.st_ino) + ' ' + std::to_string(file.st_size) + ' ' +
                 std::to_string(file.st_mtim.tv_sec) + '.' + std::to_string(file.st_mtim.tv_nsec));
  if (kinds_.size() >= most_kinds && !kinds_.contains(name)) return nullptr;
  Kind& kind = kinds_[name];
  kind.used = Clock::now();
  if (kind.server != nullptr) {
    if (kind.server->is_ready()) return kind.server;
    if (!kind.server->is_lost()) return nullptr;
    if (kind.server->was_ready()) kind.starts = 0;  // Another one would never be ready either.
    kind.server = nullptr;
  } else if (++kind.starts == 2) {
    ProcessSpec its{.argv = arguments_(program),
                    .environment = spec.environment,
                    .working_directory = spec.working_directory,
                    .output_file = "/dev/null",
                    .niceness = spec.niceness};
    // What hinders it hinders the worker that is started now, which says so.
    if (auto server = ForkServer::start(std::move(its))) kind.server = std::make_shared<ForkServer>(std::move(*server));
  }
  return nullptr;
}

void ForkServers::look_after() {
  std::erase_if(kinds_, [](const auto& each) {
    const Kind& kind = each.second;
    return kind.server.use_count() <= 1 && Clock::now() - kind.used > kept_unused;
  });
}

WorkerId serve_forks() {
  Descriptor socket(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  TROUPE_CHECK(socket, "its agent handed it a socket");
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  Descriptor signals(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  TROUPE_CHECK(signals, "a descriptor can be had");
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::close(nothing);
  // A library that started a thread while it was loaded would miss it in the children.
  const std::filesystem::directory_iterator threads("/proc/self/task");
  if (std::distance(begin(threads), end(threads)) != 1) ::_exit(0);
  say(socket, {});
  const pid_t own = ::getpid();
  for (;;) {
    std::array<pollfd, 2> polled{pollfd{socket.number(), POLLIN, 0}, pollfd{signals.number(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    if (polled[1].revents != 0) {
      signalfd_siginfo taken;
      while (::read(signals.number(), &taken, sizeof taken) == sizeof taken) {
      }
      tell_ends(socket);
    }
    Asked asked;
    const auto count = receive_message(socket, bytes_of_body(asked), {});
    if (!count) ::_exit(0);
    if (!*count) continue;
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != own) ::_exit(0);
      reset_signals();
      return WorkerId{asked.worker};
    }
    const Descriptor descriptor(child < 0 ? -1 : descriptor_of(child));
    if (child > 0 && !descriptor) ::kill(child, SIGKILL);
    const int number = descriptor.number();
    say(socket, {Said::Kind::forked, child, 0}, {&number, descriptor ? 1u : 0u});
  }
}

}  // namespace troupe
