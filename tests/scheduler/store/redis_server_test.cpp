#include "scheduler/store/redis_server.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "scheduler/store/redis_load.h"
#include "scheduler/store/redis_task_store.h"
#include "tests/scheduler/store/needs_redis.h"
#include "tests/scheduler/store/store_support.h"

namespace troupe::scheduler::test {
namespace {

using std::chrono::milliseconds;

bool exists(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

template <class Condition>
bool becomes_true(Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

}  // namespace

TEST_CASE("a redis of our own starts, answers, stops and leaves no process", "[redis]") {
  Folder folder;
  auto server = RedisServer::start_and_wait({.folder = folder.path()});
  if (!server) FAIL(server.error().message);
  const pid_t pid = server->pid();
  CHECK(server->is_running());
  CHECK(*server->is_ready());
  CHECK(server->socket() == folder.path() + "/redis.sock");
  struct stat socket {};
  REQUIRE(::stat(server->socket().c_str(), &socket) == 0);
  CHECK((socket.st_mode & 0777) == 0700);
  server->stop();
  CHECK(!server->is_running());
  CHECK(!exists(pid));
  server->stop();  // harmless
  CHECK(!server->is_ready());
}

TEST_CASE("a server that goes out of scope is stopped", "[redis]") {
  Folder folder;
  pid_t pid = 0;
  {
    auto server = RedisServer::start({.folder = folder.path()});
    REQUIRE(server);
    pid = server->pid();
    RedisServer moved = std::move(*server);
    CHECK(exists(pid));
  }
  CHECK(!exists(pid));
}

TEST_CASE("its end can be waited for", "[redis]") {
  Folder folder;
  auto server = RedisServer::start_and_wait({.folder = folder.path()});
  REQUIRE(server);
  pollfd wait{server->end_descriptor(), POLLIN, 0};
  CHECK(::poll(&wait, 1, 0) == 0);
  ::kill(server->pid(), SIGKILL);
  CHECK(::poll(&wait, 1, 10'000) == 1);
  CHECK(becomes_true([&] { return !server->is_running(); }));
}

TEST_CASE("the folder is made, for its owner alone, and its name may hold blanks", "[redis]") {
  Folder folder;
  const std::string path = folder.path() + "/a \"b\" c";
  auto server = RedisServer::start_and_wait({.folder = path});
  if (!server) FAIL(server.error().message);
  struct stat made {};
  REQUIRE(::stat(path.c_str(), &made) == 0);
  CHECK((made.st_mode & 0777) == 0700);
}

TEST_CASE("the server dies with the process that started it, however that dies", "[redis]") {
  Folder folder;
  int report[2];
  REQUIRE(::pipe(report) == 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    auto server = RedisServer::start_and_wait({.folder = folder.path()});
    const pid_t pid = server ? server->pid() : 0;
    (void)!::write(report[1], &pid, sizeof pid);
    ::pause();
    ::_exit(1);
  }
  pid_t pid = 0;
  REQUIRE(::read(report[0], &pid, sizeof pid) == sizeof pid);
  ::close(report[0]);
  ::close(report[1]);
  REQUIRE(pid > 0);
  CHECK(exists(pid));
  ::kill(owner, SIGKILL);
  REQUIRE(::waitpid(owner, nullptr, 0) == owner);
  // It may stay a zombie of whoever adopts it; its lock is gone in any case.
  CHECK(becomes_true([&] { return !RedisConnection::connect(folder.path() + "/redis.sock"); }));
  CHECK(RedisServer::start_and_wait({.folder = folder.path()}));
}

TEST_CASE("a second server in the same folder is refused, and the first is left alone", "[redis]") {
  Folder folder;
  auto first = RedisServer::start_and_wait({.folder = folder.path()});
  REQUIRE(first);
  const auto second = RedisServer::start({.folder = folder.path()});
  REQUIRE(!second);
  CHECK(second.error().fault == Fault::unavailable);
  CHECK_THAT(second.error().message, Catch::Contains("already runs in " + folder.path()));
  CHECK(*first->is_ready());
}

TEST_CASE("a killed server starts again in its folder at once", "[redis]") {
  Folder folder;
  auto server = RedisServer::start_and_wait({.folder = folder.path()});
  REQUIRE(server);
  server->kill();
  auto again = RedisServer::start_and_wait({.folder = folder.path()});
  if (!again) FAIL(again.error().message);
}

TEST_CASE("signals that its starter blocks reach the server", "[redis]") {
  Folder folder;
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  auto server = RedisServer::start_and_wait({.folder = folder.path()});
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  REQUIRE(server);
  ::kill(server->pid(), SIGTERM);
  CHECK(becomes_true([&] { return !server->is_running(); }));
}

TEST_CASE("what stands in the way of a server is told in one sentence", "[redis]") {
  Folder folder;
  SECTION("no program") {
    const auto server = RedisServer::start({.folder = folder.path(), .program = "/nowhere/redis-server"});
    REQUIRE(!server);
    CHECK(server.error().fault == Fault::unsupported);
    CHECK_THAT(server.error().message, Catch::Contains("/nowhere/redis-server"));
  }
  SECTION("a program that is none") {
    const std::string text = folder.path() + "/text";
    std::fclose(std::fopen(text.c_str(), "w"));
    REQUIRE(::chmod(text.c_str(), 0700) == 0);
    const auto server = RedisServer::start({.folder = folder.path(), .program = text});
    REQUIRE(!server);
    CHECK(server.error().fault == Fault::unsupported);
  }
  SECTION("a program that ends") {
    const auto server = RedisServer::start_and_wait({.folder = folder.path(), .program = "/bin/false"});
    REQUIRE(!server);
    CHECK_THAT(server.error().message, Catch::Contains("redis-server ended"));
  }
  SECTION("a setting that Redis does not know") {
    const auto server = RedisServer::start_and_wait({.folder = folder.path(), .more_arguments = {"--no-such", "1"}});
    REQUIRE(!server);
    CHECK_THAT(server.error().message, Catch::Contains("redis.log is: Bad directive"));
  }
  SECTION("a socket's path that is too long") {
    const auto server = RedisServer::start({.folder = folder.path() + '/' + std::string(100, 'x')});
    REQUIRE(!server);
    CHECK(server.error().fault == Fault::bad_input);
    CHECK_THAT(server.error().message, Catch::Contains("at most 107 characters"));
  }
  SECTION("a folder that is a file") {
    const std::string file = folder.path() + "/file";
    std::fclose(std::fopen(file.c_str(), "w"));
    CHECK_THAT(RedisServer::start({.folder = file}).error().message, Catch::Contains("is no folder"));
    CHECK_THAT(RedisServer::start({.folder = file + "/deeper"}).error().message, Catch::Contains("cannot make"));
  }
}

TEST_CASE("a server that never gets ready is given up on in time", "[redis]") {
  Folder folder;
  const std::string script = folder.path() + "/sleeper";
  FILE* file = std::fopen(script.c_str(), "w");
  std::fputs("#!/bin/sh\nexec sleep 100\n", file);
  std::fclose(file);
  REQUIRE(::chmod(script.c_str(), 0700) == 0);
  auto server = RedisServer::start({.folder = folder.path(), .program = script});
  REQUIRE(server);
  CHECK(!*server->is_ready());
  CHECK(server->wait_until_ready(milliseconds(20)).error().fault == Fault::timed_out);
}

}  // namespace troupe::scheduler::test
