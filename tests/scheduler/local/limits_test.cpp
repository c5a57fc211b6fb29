// What is too large to travel is refused in words, and disturbs nothing else.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/folder.h"
#include "tests/support/test_roles.h"

using namespace troupe;

namespace {

constexpr std::size_t mebibyte = 1u << 20;

class Store {
 public:
  void keep(std::string bytes) { size_ = static_cast<long>(bytes.size()); }
  long size() const { return size_; }

 private:
  long size_ = 0;
};

constexpr Task<std::string(std::size_t)> makes{"limits.makes"};
constexpr Task<std::size_t(std::string)> measures{"limits.measures"};
constexpr Task<std::size_t(std::string, std::string)> measures_both{"limits.measures_both"};
constexpr Task<std::size_t(std::size_t)> hoards{"limits.hoards"};
constexpr Task<void(std::string, std::size_t)> has_hoarded{"limits.has_hoarded"};
constexpr ActorType<Store()> store{"limits.Store"};
constexpr Method<&Store::keep> keep{"keep"};
constexpr Method<&Store::size> size_of{"size"};

void enroll(Catalog& catalog) {
  catalog.add(makes, [](std::size_t bytes) { return std::string(bytes, 'x'); });
  catalog.add(measures, [](const std::string& bytes) { return bytes.size(); });
  catalog.add(measures_both, [](const std::string& a, const std::string& b) { return a.size() + b.size(); });
  catalog.add(hoards, [](std::size_t bytes) {
    const std::string hoard(bytes, 'x');
    std::this_thread::sleep_for(std::chrono::seconds(1));  // Long enough to be seen at it.
    return hoard.size();
  });
  catalog.add(has_hoarded, [](const std::string& pid_file, std::size_t bytes) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::ofstream(pid_file) << ::getpid();
      const std::string hoard(bytes, 'x');
      for (;;) ::pause();
    }
    ::waitpid(child, nullptr, 0);
  });
  catalog.add(store, keep, size_of);
}

constexpr std::int64_t granted(std::size_t bytes) { return static_cast<std::int64_t>(bytes); }

void check_no_room(const Error& error) {
  INFO(error.message);
  CHECK(error.message.find("the object store has no room for 70 MiB") != std::string::npos);
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("arguments and results for which there is no room are refused, and everything else goes on", "[local]") {
  auto cluster = Cluster::local({.cpus = 2000, .object_bytes = 64 * mebibyte});
  auto session = cluster.connect();
  const std::string large(70 * mebibyte, 'x');

  check_no_room(session.try_get(session.submit(measures, large)).error());
  check_no_room(session.try_get(session.submit(makes, 70 * mebibyte)).error());

  const auto a = session.submit(makes, 20 * mebibyte);
  const auto b = session.submit(makes, 20 * mebibyte);
  CHECK(session.get(session.submit(measures_both, a, b)) == 40 * mebibyte);
  CHECK(session.get(session.submit(measures, a)) == 20 * mebibyte);

  auto actor = session.spawn(store);
  check_no_room(session.try_get(actor.call(keep, large)).error());
  session.get(actor.call(keep, std::string(20 * mebibyte, 'x')));
  CHECK(session.get(actor.call(size_of)) == static_cast<long>(20 * mebibyte));
}

TEST_CASE("a task that uses more memory than it was granted is killed, and told so", "[local]") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  CHECK(session.get(session.submit({.needs = {.memory_bytes = granted(512 * mebibyte)}}, hoards, 64 * mebibyte)) ==
        64 * mebibyte);
  const auto killed =
      session.try_get(session.submit({.needs = {.memory_bytes = granted(64 * mebibyte)}}, hoards, 256 * mebibyte));
  REQUIRE_FALSE(killed);
  CHECK(killed.error().fault == Fault::task_failed);
  CHECK_THAT(killed.error().message, Catch::Contains("out of memory: it used ") &&
                                         Catch::Contains(", it was granted 64 MiB: ask for more (needs.memory)"));
  // It may try again.
  try {
    session.get(session.submit(
        {.needs = {.memory_bytes = granted(64 * mebibyte)}, .max_attempts = 2, .retry_on_signals = {SIGKILL}}, hoards,
        256 * mebibyte));
    FAIL("it had no room");
  } catch (const TaskFailed& failed) {
    CHECK(failed.failure().attempt == 2);
  }
}

TEST_CASE("what a task has started counts as its own, and dies with it", "[local]") {
  const test::Folder folder;
  auto cluster = Cluster::local({.cpus = 1000});
  auto session = cluster.connect();
  // Under a sanitizer a process needs tens of megabytes before it begins.
  const auto killed = session.try_get(session.submit({.needs = {.memory_bytes = granted(192 * mebibyte)}}, has_hoarded,
                                                     folder.file("pid"), 512 * mebibyte));
  REQUIRE_FALSE(killed);
  CHECK_THAT(killed.error().message, Catch::Contains("out of memory: it used "));
  pid_t child = 0;
  std::ifstream(folder.file("pid")) >> child;
  REQUIRE(child > 0);
  const auto is_there = [&] {  // A zombie, where nobody takes its end, has no memory left.
    std::size_t pages = 0;
    return (std::ifstream("/proc/" + std::to_string(child) + "/statm") >> pages) && pages > 0;
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (is_there() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  CHECK_FALSE(is_there());
}

TEST_CASE("a driver without a descriptor left calls an actor as soon as it has some again") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit few{.rlim_cur = 256, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<int> all;
  for (int taken; (taken = ::dup(0)) >= 0;) all.push_back(taken);
  const auto actor = session.spawn(store);
  const auto kept = session.spawn({.restart = RestartMode::logged}, store);
  const auto call = actor.call(size_of);
  const auto logged_call = kept.call(size_of);
  CHECK_FALSE(session.wait(std::vector{call, logged_call}, 1, std::chrono::seconds(1)));
  for (const int taken : all) ::close(taken);
  CHECK(session.try_get(call, std::chrono::seconds(20)).value() == 0);
  CHECK(session.try_get(logged_call, std::chrono::seconds(20)).value() == 0);
  ::setrlimit(RLIMIT_NOFILE, &before);
}
