// Fork servers: this program started again as one, whose children do what their number says.
#include "runtime/agent/fork_server.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/test_roles.h"

using namespace troupe;

namespace {

constexpr const char* role = "--as-fork-server";
constexpr WorkerId exits{3};
constexpr WorkerId aborts{4};
constexpr WorkerId stays{5};
constexpr int limit_ms = 20'000;

bool ends(const Process& process) {
  pollfd polled{process.descriptor, POLLIN, 0};
  return ::poll(&polled, 1, limit_ms) == 1;
}

pid_t parent_of(pid_t pid) {
  std::string word;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  while (status >> word && word != "PPid:") {
  }
  pid_t parent = 0;
  status >> parent;
  return parent;
}

ProcessSpec own_program() { return {.argv = {"/proc/self/exe", role}, .environment = {{"FLAVOUR", "sweet"}}}; }

ForkServer ready_server() {
  auto server = ForkServer::start(own_program());
  REQUIRE(server);
  for (int looks = limit_ms; looks > 0 && !server->is_ready(); --looks) ::poll(nullptr, 0, 1);  // Between looks.
  REQUIRE(server->is_ready());
  return std::move(*server);
}

Process forked(ForkServer& server, WorkerId worker) {
  auto process = server.fork(worker);
  REQUIRE(process);
  REQUIRE(process->descriptor >= 0);
  return *process;
}

}  // namespace

void play_test_role(int argc, char** argv) {
  if (argc < 2 || std::string(argv[1]) != role) return;
  const WorkerId worker = serve_forks();
  const char* flavour = std::getenv("FLAVOUR");
  if (worker == aborts) std::abort();
  while (worker == stays) ::pause();
  std::exit(flavour == nullptr ? 1 : static_cast<int>(worker.value));
}

TEST_CASE("what a fork server forks is a process like any other, whose end is told", "[agent]") {
  ForkServer server = ready_server();
  Process first = forked(server, exits);
  Process second = forked(server, aborts);
  CHECK(first.pid != second.pid);
  REQUIRE(ends(second));
  CHECK(has_ended(second));
  CHECK(server.reap(second).signal == SIGABRT);
  REQUIRE(ends(first));
  CHECK(server.reap(first).exit_code == 3);
  CHECK(first.pid == -1);
  Process third = forked(server, stays);
  CHECK_FALSE(has_ended(third));
  REQUIRE(::kill(third.pid, SIGKILL) == 0);
  REQUIRE(ends(third));
  CHECK(server.reap(third).signal == SIGKILL);
}

TEST_CASE("what a fork server forked dies with it", "[agent]") {
  std::optional<ForkServer> server = ready_server();
  Process process = forked(*server, stays);
  SECTION("when it is not needed any more") {
    server.reset();
    CHECK(ends(process));
    ::close(process.descriptor);
  }
  SECTION("when somebody kills it: how is not known then") {
    REQUIRE(::kill(parent_of(process.pid), SIGKILL) == 0);
    REQUIRE(ends(process));
    CHECK(server->reap(process).exit_code == unknown_exit_code);
    CHECK_FALSE(server->is_ready());
    CHECK(server->is_lost());
    CHECK(server->fork(exits).error().fault == Fault::peer_lost);
  }
}

TEST_CASE("a fork server that is stopped is waited for a second, and is of no use from then on", "[agent]") {
  ForkServer server = ready_server();
  Process process = forked(server, stays);
  REQUIRE(::kill(parent_of(process.pid), SIGSTOP) == 0);
  CHECK(server.fork(exits).error().fault == Fault::timed_out);
  CHECK_FALSE(server.is_ready());
  ::close(process.descriptor);
}

TEST_CASE("the second worker of a kind brings a fork server for those after it", "[agent]") {
  ForkServers servers([](const std::string& program) { return std::vector<std::string>{program, role}; });
  const ProcessSpec spec = own_program();
  const std::string& program = spec.argv.front();
  CHECK(servers.of(program, spec) == nullptr);
  ProcessSpec other = spec;
  other.environment = {{"FLAVOUR", "sour"}};
  CHECK(servers.of(program, other) == nullptr);
  std::shared_ptr<ForkServer> server;
  for (int looks = limit_ms; looks > 0 && !server; --looks) {
    server = servers.of(program, spec);
    if (!server) ::poll(nullptr, 0, 1);  // Between looks.
  }
  REQUIRE(server != nullptr);
  CHECK(servers.of(program, other) == nullptr);
  Process process = forked(*server, stays);
  const pid_t parent = parent_of(process.pid);
  CHECK(parent != ::getpid());
  REQUIRE(::kill(parent, SIGKILL) == 0);
  REQUIRE(ends(process));
  CHECK(server->reap(process).exit_code == unknown_exit_code);
  CHECK(servers.of(program, spec) == nullptr);
  for (int looks = limit_ms; looks > 0 && !(server = servers.of(program, spec)); --looks)
    ::poll(nullptr, 0, 1);  // Between looks.
  REQUIRE(server != nullptr);
  Process another = forked(*server, exits);
  REQUIRE(ends(another));
  CHECK(server->reap(another).exit_code == 3);
}

TEST_CASE("a program that is no fork server, and a place that has none, cost nothing but a start each", "[agent]") {
  ForkServers none(nullptr);
  const ProcessSpec spec = own_program();
  for (int starts = 3; starts > 0; --starts) CHECK(none.of("/proc/self/exe", spec) == nullptr);
  auto ended = ForkServer::start({.argv = {"true"}});
  REQUIRE(ended);
  for (int looks = limit_ms; looks > 0 && !ended->is_lost(); --looks) {
    CHECK_FALSE(ended->is_ready());
    ::poll(nullptr, 0, 1);  // Between looks.
  }
  CHECK(ended->is_lost());
  int tries = 0;
  ForkServers useless([&tries](const std::string&) {
    ++tries;
    return std::vector<std::string>{"true"};
  });
  for (int starts = 100; starts > 0; --starts) {
    CHECK(useless.of("/proc/self/exe", spec) == nullptr);
    ::poll(nullptr, 0, 1);  // Between starts.
  }
  CHECK(tries == 1);
}
