// What is said of what failed, and what is tried again.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/folder.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace failures {

struct OutOfStock : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace failures

namespace {

int lines_in(const std::string& file) {
  std::ifstream stream(file);
  int lines = 0;
  for (std::string line; std::getline(stream, line);) ++lines;
  return lines;
}
void add_line(const std::string& file) { std::ofstream(file, std::ios::app) << "once\n"; }

/// Counts its runs in the file; throws what `kind` says.
constexpr Task<int(std::string, std::string)> throws{"failures.throws"};

/// Counts its runs in the file, and ends by that code, or by that signal, where it is negative.
constexpr Task<void(int, std::string)> exits{"failures.exits"};

class Fragile {
 public:
  int note(const std::string& file) {
    add_line(file);
    return lines_in(file);
  }
  /// Dies, but for the last time of so many.
  int die_until(int times, const std::string& file) {
    add_line(file);
    if (lines_in(file) < times) ::kill(::getpid(), SIGKILL);
    return lines_in(file);
  }
  int say_and_throw() {
    std::cout << "it said this" << std::endl;
    throw std::runtime_error("no way");
  }
};
constexpr ActorType<Fragile()> fragile{"failures.Fragile"};
constexpr Method<&Fragile::note> note{"note"};
constexpr Method<&Fragile::die_until> die_until{"die_until"};
constexpr Method<&Fragile::say_and_throw> say_and_throw{"say_and_throw"};

void enroll(Catalog& catalog) {
  catalog.add(throws, [](const std::string& kind, const std::string& file) -> int {
    add_line(file);
    for (int i = 1; i <= 30; ++i) std::printf("line %d\n", i);
    if (kind == "stock") throw failures::OutOfStock("no tea");
    throw std::logic_error("wrong");
  });
  catalog.add(exits, [](int code, const std::string& file) {
    add_line(file);
    if (code < 0) ::kill(::getpid(), -code);
    std::exit(code);
  });
  catalog.add(fragile, note, die_until, say_and_throw);
}

template <class T>
Failure failure_of(Session& session, const Ref<T>& ref) {
  try {
    session.get(ref);
  } catch (const TaskFailed& failed) {
    return failed.failure();
  }
  return {};
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("what threw is told with its node, its attempt and what it printed last") {
  const test::Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const Failure thrown =
      failure_of(session, session.submit({.max_attempts = 2}, throws, std::string("stock"), folder.file("runs")));
  CHECK(thrown.task == "failures.throws");
  CHECK(thrown.node);
  CHECK(thrown.attempt == 2);
  CHECK_THAT(thrown.cause, Catch::StartsWith("no tea\nline 11\n") && Catch::EndsWith("\nline 30"));
  CHECK((thrown.exception == "failures::OutOfStock" && thrown.exit_code == 0 && thrown.signal == 0));

  const auto actor = session.spawn(fragile);
  const Failure call = failure_of(session, actor.call(say_and_throw));
  CHECK(call.task == "failures.Fragile.say_and_throw");
  CHECK(call.node == thrown.node);
  CHECK(call.attempt == 1);
  CHECK(call.cause == "no way\nit said this");
  CHECK(call.exception == "std::runtime_error");

  const auto killed = session.submit(exits, -SIGKILL, folder.file("killed"));
  const Failure exited = failure_of(session, session.submit(exits, 75, folder.file("exited")));
  CHECK((exited.exit_code == 75 && exited.signal == 0 && exited.exception.empty()));
  CHECK_FALSE(session.try_get(killed));
  const auto why = session.failure_of(killed);
  REQUIRE(why);
  CHECK((why->signal == SIGKILL && why->exit_code == 0));
}

TEST_CASE("a throw is tried again where its type is one of those that were named") {
  const test::Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const TaskOptions options{.max_attempts = 3, .retry_on_exceptions = {"failures::OutOfStock"}};
  CHECK_FALSE(session.try_get(session.submit(options, throws, std::string("stock"), folder.file("stock"))));
  CHECK(lines_in(folder.file("stock")) == 3);
  CHECK_FALSE(session.try_get(session.submit(options, throws, std::string("other"), folder.file("other"))));
  CHECK(lines_in(folder.file("other")) == 1);
}

TEST_CASE("an exit is tried again where its code is one of those that were named") {
  const test::Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const TaskOptions options{.max_attempts = 3, .retry_on_exit_codes = {75}};
  CHECK(failure_of(session, session.submit(options, exits, 75, folder.file("75"))).attempt == 3);
  CHECK(lines_in(folder.file("75")) == 3);
  CHECK(failure_of(session, session.submit(options, exits, 76, folder.file("76"))).attempt == 1);
  CHECK(lines_in(folder.file("76")) == 1);
}

TEST_CASE("a call that is lost with its actor's worker is made again as often as was said") {
  const test::Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn({.max_restarts = 10, .call_retries = 2}, fragile);
  const auto third = actor.call(die_until, 3, folder.file("calls"));
  const auto behind = actor.call(note, folder.file("calls"));  // Whichever incarnation it meets: after that one.
  CHECK(session.get(third) == 3);
  CHECK(session.get(behind) == 4);

  const Failure lost = failure_of(session, actor.call({.retries = 1}, die_until, 100, folder.file("more")));
  CHECK(lost.fault == Fault::peer_lost);
  CHECK(lost.node);
  CHECK(lost.attempt == 4);
  CHECK_THAT(lost.cause, Catch::StartsWith("not known to have been applied: "));
  CHECK(lines_in(folder.file("more")) == 2);

  const auto undying = session.spawn({.max_restarts = -1, .call_retries = 20}, fragile);
  CHECK(session.get(undying.call(die_until, 12, folder.file("undying"))) == 12);
  CHECK_THAT(session.try_get(session.spawn({.max_restarts = -2}, fragile).call(say_and_throw)).error().message,
             Catch::Contains("max_restarts is -2: expected 0 or more, or -1"));

  const auto last = session.spawn({.call_retries = 5}, fragile);
  const Failure over = failure_of(session, last.call(die_until, 100, folder.file("over")));
  CHECK_THAT(over.cause, Catch::StartsWith("not known to have been applied: "));
  CHECK(lines_in(folder.file("over")) == 1);
}

TEST_CASE("an actor that fails again and again is started anew after longer and longer delays") {
  const test::Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto begin = std::chrono::steady_clock::now();
  const auto actor =
      session.spawn({.max_restarts = 3, .restart_delay = 100ms, .longest_restart_delay = 200ms}, fragile);
  const auto died = actor.call({.retries = 3}, die_until, 4, folder.file("deaths"));
  CHECK(session.get(died) == 4);
  CHECK(std::chrono::steady_clock::now() - begin >= 500ms);  // 100, 200 and 200.
}

TEST_CASE("calls are not made again where the state survives", "[local]") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn({.call_retries = 1, .restart = RestartMode::logged}, fragile);
  CHECK_THAT(session.try_get(actor.call(say_and_throw)).error().message, Catch::Contains("call_retries"));
}
