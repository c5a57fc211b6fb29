#include "scheduler/store/redis_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/store/redis_connection.h"
#include "scheduler/store/redis_greeting.h"

namespace troupe::scheduler {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t longest_socket = sizeof(sockaddr_un::sun_path) - 1;
// A server that was killed, or whose supervisor was, needs a moment to be gone.
constexpr milliseconds lock_patience{1'000};

// The last line is what a client may do at all: no scripts, no CONFIG SET, no FLUSHALL, no key but our own.
constexpr const char* settings[] = {"--unixsocketperm",
                                    "700",
                                    "--daemonize",
                                    "no",
                                    "--databases",
                                    "1",
                                    "--save",
                                    "",
                                    "--appendonly",
                                    "yes",
                                    "--appendfsync",
                                    "always",
                                    "--maxmemory-policy",
                                    "noeviction",
                                    "--user",
                                    "default",
                                    "on",
                                    "nopass",
                                    "resetchannels",
                                    "~troupe:*",
                                    "-@all",
                                    "+@read",
                                    "-keys",
                                    "+@connection",
                                    "+info",
                                    "+config|get",
                                    "+watch",
                                    "+unwatch",
                                    "+multi",
                                    "+exec",
                                    "+set",
                                    "+hset",
                                    "+hdel",
                                    "+sadd",
                                    "+shutdown"};

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

std::optional<std::string> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  const std::string folders = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    std::string candidate = folders.substr(at, end - at);
    at = end + 1;
    if (candidate.empty() || candidate[0] != '/') continue;
    candidate += '/';
    candidate += name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

Result<std::string> program_to_run(const std::string& wanted) {
  if (!wanted.empty()) {
    if (::access(wanted.c_str(), X_OK) == 0) return wanted;
    return Error{Fault::unsupported, "cannot run " + wanted + " as redis-server: " + std::strerror(errno)};
  }
  // Debian keeps the server apart from redis-tools, but redis-check-rdb in there is the same program: its name decides.
  for (const char* name : {"redis-server", "redis-check-rdb"}) {
    if (auto found = find_program(name)) return *found;
  }
  return Error{Fault::unsupported, "there is no redis-server: install redis-tools (or redis-server), 7.0 or later"};
}

Result<void> make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return bad_input("cannot make the store's folder " + folder + ": " + std::strerror(errno));
  }
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
    return bad_input("the store's folder " + folder + " is no folder: give another one");
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return bad_input("cannot write to the store's folder " + folder + ": " + std::strerror(errno) +
                     ": give one that is yours");
  }
  return {};
}

/// A lock that the server inherits and so holds until its very end. Two servers would spoil each other's files, and the
/// second would steal the socket of the first.
Result<int> lock_folder(const std::string& folder) {
  const std::string path = folder + "/redis.lock";
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return bad_input("cannot write " + path + ": " + std::strerror(errno));
  const auto deadline = steady_clock::now() + lock_patience;
  while (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (steady_clock::now() >= deadline) {
      ::close(lock);
      return Error{Fault::unavailable,
                   "a redis-server already runs in " + folder + ": stop its troupe, or give another folder"};
    }
    ::poll(nullptr, 0, 1);
  }
  return lock;
}

struct Launch {
  const char* program;
  char* const* arguments;
  int log;
  int lock;
  int report;  // carries errno when the program cannot be run
  pid_t parent;
};

/// In the child, between fork and exec: system calls only.
[[noreturn]] void become_server(const Launch& launch) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launch.parent) ::_exit(1);  // it died before the line above
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(launch.log, 1);
  ::dup2(launch.log, 2);
  ::syscall(SYS_close_range, 3u, ~0u, 1u << 2);  // CLOSE_RANGE_CLOEXEC: nothing of ours stays open in there,
  ::fcntl(launch.lock, F_SETFD, 0);              // but the lock
  ::execv(launch.program, launch.arguments);
  const int why = errno;
  (void)!::write(launch.report, &why, sizeof why);
  ::_exit(127);
}

std::string last_line(const std::string& path) {
  std::ifstream log(path);
  std::string line;
  std::string last;
  while (std::getline(log, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace

Result<RedisServer> RedisServer::start(const RedisServerOptions& options) {
  const std::string socket = options.socket.empty() ? options.folder + "/redis.sock" : options.socket;
  if (socket.size() > longest_socket) {
    return bad_input("the path of a unix socket has at most " + std::to_string(longest_socket) + " characters, found " +
                     std::to_string(socket.size()) + ": give a shorter folder than " + options.folder);
  }
  const auto program = program_to_run(options.program);
  if (!program) return program.error();
  if (auto made = make_folder(options.folder); !made) return made.error();
  const auto locked = lock_folder(options.folder);
  if (!locked) return locked.error();
  const Descriptor lock(*locked);
  const std::string log_path = options.folder + "/redis.log";
  const Descriptor log(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (log.number() < 0) return bad_input("cannot write " + log_path + ": " + std::strerror(errno));
  ::unlink(socket.c_str());  // of a server that was killed: so whoever connects finds this one or none

  // The log is our own descriptor, not --logfile: so it holds what is said before the settings are read, too.
  std::vector<std::string> words = {"redis-server", "--port", "0", "--unixsocket", socket, "--dir", options.folder};
  words.insert(words.end(), std::begin(settings), std::end(settings));
  words.insert(words.end(), options.more_arguments.begin(), options.more_arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0)
    return Error{Fault::unavailable, std::string("no pipe: ") + std::strerror(errno)};
  const Descriptor report_end(report[0]);
  const pid_t pid = [&] {
    const Descriptor report_start(report[1]);
    const Launch launch{program->c_str(), arguments.data(), log.number(), lock.number(), report[1], ::getpid()};
    const pid_t child = ::fork();
    if (child == 0) become_server(launch);
    return child;
  }();
  if (pid < 0) return Error{Fault::unavailable, std::string("cannot start redis-server: ") + std::strerror(errno)};
  RedisServer server(options.folder, socket, pid);
  int why = 0;
  ssize_t count = 0;
  do count = ::read(report_end.number(), &why, sizeof why);
  while (count < 0 && errno == EINTR);
  if (count > 0) {
    return Error{Fault::unsupported, "cannot run " + *program + " as redis-server: " + std::strerror(why)};
  }
  return server;
}

Result<RedisServer> RedisServer::start_and_wait(const RedisServerOptions& options, milliseconds limit) {
  auto server = start(options);
  if (!server) return server;
  if (auto ready = server->wait_until_ready(limit); !ready) return ready.error();
  return server;
}

RedisServer::RedisServer(std::string folder, std::string socket, pid_t pid)
    : folder_(std::move(folder)),
      socket_(std::move(socket)),
      pid_(pid),
      end_descriptor_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

RedisServer::RedisServer(RedisServer&& other) noexcept
    : folder_(std::move(other.folder_)),
      socket_(std::move(other.socket_)),
      pid_(std::exchange(other.pid_, 0)),
      end_descriptor_(std::exchange(other.end_descriptor_, -1)) {}

RedisServer& RedisServer::operator=(RedisServer&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(socket_, other.socket_);
  std::swap(pid_, other.pid_);
  std::swap(end_descriptor_, other.end_descriptor_);
  return *this;
}

RedisServer::~RedisServer() {
  stop();
  forget();
}

Result<bool> RedisServer::is_ready() {
  if (!is_running()) return ended();
  auto connection = RedisConnection::connect(socket_);
  if (!connection) return false;
  // While it loads a large file it answers now and then only.
  const auto greeting = greet(*connection, steady_clock::now() + milliseconds(100));
  if (!greeting) return false;
  if (auto good = judge_settings(socket_, *greeting); !good) return good.error();
  if (auto age = judge_age(socket_, *greeting); !age && age.error().fault == Fault::unavailable) return false;
  return true;
}

Result<void> RedisServer::wait_until_ready(milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  for (;;) {
    const auto ready = is_ready();
    if (!ready) return ready.error();
    if (*ready) return {};
    if (steady_clock::now() >= deadline) {
      return Error{Fault::timed_out, "redis-server is not ready after " + std::to_string(limit.count()) + " ms: see " +
                                         folder_ + "/redis.log"};
    }
    wait_for_end(milliseconds(1));
  }
}

void RedisServer::stop(milliseconds limit) {
  if (!is_running()) return;
  // By a command, for Redis looks for a SIGTERM ten times a second only. NOSAVE: every write is synced already.
  if (auto connection = RedisConnection::connect(socket_)) {
    connection->append({"SHUTDOWN", "NOSAVE"});
    connection->exchange();
    if (!wait_for_end(limit)) kill();
  } else {
    ::kill(pid_, SIGTERM);
    if (!wait_for_end(limit)) kill();
  }
}

void RedisServer::kill() {
  if (!is_running()) return;
  ::kill(pid_, SIGKILL);
  while (pid_ != 0) wait_for_end(milliseconds(1'000));
}

bool RedisServer::is_running() {
  if (pid_ == 0) return false;
  int status = 0;
  // ECHILD: somebody else in this process has taken note of its end.
  if (const pid_t got = ::waitpid(pid_, &status, WNOHANG); got == pid_ || (got < 0 && errno == ECHILD)) pid_ = 0;
  return pid_ != 0;
}

bool RedisServer::wait_for_end(milliseconds limit) {
  pollfd wait{end_descriptor_, POLLIN, 0};
  ::poll(&wait, 1, static_cast<int>(limit.count()));
  return !is_running();
}

void RedisServer::forget() {
  if (end_descriptor_ >= 0) ::close(std::exchange(end_descriptor_, -1));
}

Error RedisServer::ended() const {
  const std::string log = folder_ + "/redis.log";
  return {Fault::unavailable, "redis-server ended, the last line of " + log + " is: " + last_line(log)};
}

}  // namespace troupe::scheduler
