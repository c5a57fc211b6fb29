#include "scheduler/local/cluster.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "runtime/wire/zmq_transport.h"
#include "scheduler/local/role_arguments.h"
#include "scheduler/local/supervisor.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds welcome_limit{10'000};
constexpr std::chrono::seconds start_limit{30};

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

/// A folder for sockets: its path must be short, and only its owner may enter it.
Result<std::string> make_directory(ClusterId id) {
  const char* places[] = {std::getenv("XDG_RUNTIME_DIR"), std::getenv("TMPDIR"), "/tmp"};
  std::string why;
  for (const char* place : places) {
    if (place == nullptr || *place == '\0') continue;
    std::error_code error;  // Absolute: it is used from other folders.
    const std::string path = std::filesystem::absolute(place, error).string() + "/troupe-" + to_text(id.high);
    if (path.size() > 70) continue;  // Room for the sockets' names within 107 characters.
    if (::mkdir(path.c_str(), 0700) == 0) return path;
    why = path + ": " + ::strerror(errno);
  }
  return Error{Fault::unavailable, "cannot make a folder for the cluster's sockets: " + why};
}

/// Moves a descriptor away from stdin, stdout and stderr, which may have been closed.
int above_standard(int descriptor) {
  if (descriptor > STDERR_FILENO) return descriptor;
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  ::close(descriptor);
  return moved;
}

/// Starts the supervisor with `control` as its descriptor 3, apart from the terminal's signals.
Result<pid_t> start_supervisor(const std::vector<std::string>& arguments, int control) {
  std::vector<std::string> owned = arguments;
  std::vector<char*> argv;
  for (auto& argument : owned) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, control, scheduler::control_descriptor);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, scheduler::control_descriptor + 1);
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
  const auto end = Clock::now() + start_limit;
  std::string line;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0)
      return Error{Fault::timed_out, "the local cluster was not ready after " + std::to_string(start_limit.count()) +
                                         " s: is the machine overloaded?"};
    pollfd word{control, POLLIN, 0};
    if (::poll(&word, 1, static_cast<int>(left.count())) <= 0) continue;  // A signal, or the end of the time.
    char next = 0;
    const auto got = ::recv(control, &next, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got != 1 || next == '\n') break;
    line += next;
  }
  if (line == "ready") return {};
  if (line.empty()) line = "the local cluster ended before it was ready";
  return Error{Fault::unavailable, line};
}

}  // namespace

struct Cluster::State {
  ClusterId id;
  std::string directory;
  pid_t supervisor = -1;
  int control = -1;

  ~State() {
    if (control >= 0) ::shutdown(control, SHUT_WR);  // The supervisor takes everything down when it sees this.
    if (supervisor > 0)
      while (::waitpid(supervisor, nullptr, 0) < 0 && errno == EINTR) {
      }
    if (control >= 0) ::close(control);  // Not earlier: that would be no end in order.
    if (!directory.empty()) scheduler::remove_traces(directory, id.high);  // Left by a supervisor that was killed.
  }
};

Cluster::Cluster(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cluster::Cluster(Cluster&&) noexcept = default;
Cluster& Cluster::operator=(Cluster&&) noexcept = default;
Cluster::~Cluster() = default;

const std::string& Cluster::directory() const { return state_->directory; }
std::string Cluster::store_socket() const { return scheduler::redis_socket(state_->directory); }
ClusterId Cluster::id() const { return state_->id; }

NodeCapacity local_capacity(const LocalOptions& options) {
  NodeCapacity capacity{.cpus = options.cpus, .memory_bytes = options.memory_bytes};
  if (capacity.cpus == 0) {
    cpu_set_t usable;
    CPU_ZERO(&usable);
    const bool known = ::sched_getaffinity(0, sizeof usable, &usable) == 0;
    capacity.cpus = 1000 * (known ? CPU_COUNT(&usable) : 1);
  }
  if (capacity.memory_bytes == 0)
    capacity.memory_bytes = std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  return capacity;
}

Result<Cluster> Cluster::try_local(const LocalOptions& options) {
  if (!has_played_role())
    return bad_input("no cluster is started: main must begin with troupe::play_role(argc, argv, enroll)");
  auto state = std::make_unique<State>();
  state->id = {random_id(), random_id()};
  auto directory = make_directory(state->id);
  if (!directory) return directory.error();
  state->directory = *directory;

  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Error{Fault::unavailable, std::string("cannot make a socket pair: ") + ::strerror(errno)};
  for (int& end : ends) end = above_standard(end);
  state->control = ends[0];
  const NodeCapacity capacity = local_capacity(options);
  const scheduler::RoleArguments arguments{
      "supervisor",
      {{"cluster", to_text(state->id)},
       {"directory", state->directory},
       {"agent", state->directory + "/agent.sock"},
       {"name", "local"},
       {"store", options.store_directory.empty() ? state->directory + "/store" : options.store_directory},
       {"cpus", std::to_string(capacity.cpus)},
       {"memory", std::to_string(capacity.memory_bytes)}}};
  const auto pid = start_supervisor(scheduler::to_argv(own_program(), arguments), ends[1]);
  ::close(ends[1]);
  if (!pid) return pid.error();
  state->supervisor = *pid;
  if (auto ready = wait_until_ready(state->control); !ready) {
    if (ready.error().fault == Fault::timed_out) ::kill(state->supervisor, SIGKILL);
    return ready.error();
  }
  return Cluster(std::move(state));
}

Cluster Cluster::local(const LocalOptions& options) {
  auto cluster = try_local(options);
  if (!cluster) throw ClusterError(cluster.error());
  return std::move(cluster).value();
}

Result<Session> Cluster::try_connect() {
  const std::string program = own_program();
  const SessionOptions options{.scheduler_address = scheduler::scheduler_address(state_->directory),
                               .cluster = state_->id,
                               .program = program,
                               .name = std::filesystem::path(program).filename().string(),
                               .lifeline = state_->control};
  auto core = std::make_shared<SessionCore>(options, make_zmq_transport());
  if (auto started = core->start(welcome_limit); !started) return started.error();
  return Session(std::move(core));
}

Session Cluster::connect() {
  auto session = try_connect();
  if (!session) throw ClusterError(session.error());
  return std::move(session).value();
}

}  // namespace troupe
