// What may be said about a task beside what it runs, through real processes.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/folder.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using test::Folder;
using namespace std::chrono_literals;

namespace {

constexpr Task<void(std::string, std::string)> tells{"options.tells"};
constexpr Task<void(std::string)> waits_for{"options.waits_for"};
constexpr Task<void()> aborts{"options.aborts"};

void append(const std::string& file, const std::string& word) { std::ofstream(file, std::ios::app) << word << ' '; }

std::string text_in(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

void enroll(Catalog& catalog) {
  // Gives another time to come between the two words.
  catalog.add(tells, [](const std::string& file, const std::string& word) {
    append(file, word);
    std::this_thread::sleep_for(20ms);
    append(file, word);
  });
  catalog.add(waits_for, [](const std::string& file) {
    append(file + ".awaited", "x");
    while (!std::filesystem::exists(file)) std::this_thread::sleep_for(1ms);
  });
  catalog.add(aborts, [] { ::raise(SIGABRT); });
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("what has the higher priority goes first", "[local]") {
  const Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto gate = session.submit(waits_for, folder.file("gate"));
  while (!std::filesystem::exists(folder.file("gate.awaited"))) std::this_thread::sleep_for(1ms);
  const std::vector<Ref<void>> both{session.submit({.name = "low"}, tells, folder.file("said"), "low"),
                                    session.submit({.priority = 1}, tells, folder.file("said"), "high")};
  // Both are with the scheduler when what came after them has been answered.
  session.get(session.submit({.needs = {.cpus = 0}}, tells, folder.file("other"), "x"));
  append(folder.file("gate"), "open");
  session.get_all(both);
  CHECK(text_in(folder.file("said")) == "high high low low ");
}

TEST_CASE("tasks that ask for the same lock run one after the other", "[local]") {
  const Folder folder;
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  std::vector<Ref<void>> all;
  for (const char* word : {"a", "b", "c", "d"})
    all.push_back(session.submit({.locks = {"page"}}, tells, folder.file("said"), word));
  session.get_all(all);
  std::istringstream words(text_in(folder.file("said")));
  int pairs = 0;
  for (std::string first, second; words >> first >> second; ++pairs) CHECK(first == second);
  CHECK(pairs == 4);
}

TEST_CASE("a failure is tried again where it is one of those that were named", "[local]") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto attempts = [&](std::int32_t signal) {
    try {
      session.get(session.submit({.max_attempts = 3, .retry_delay = 1ms, .retry_on_signals = {signal}}, aborts));
    } catch (const TaskFailed& failed) {
      return failed.failure().attempt;
    }
    return 0u;
  };
  CHECK(attempts(SIGKILL) == 1);
  CHECK(attempts(SIGABRT) == 3);
}

TEST_CASE("a task that is cancelled ends, whether it runs or waits", "[local]") {
  const Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto running = session.submit(waits_for, folder.file("never"));
  const auto waiting = session.submit(tells, folder.file("said"), "x");
  while (!std::filesystem::exists(folder.file("never.awaited"))) std::this_thread::sleep_for(1ms);
  for (const auto& ref : {waiting, running}) {
    session.cancel(ref);
    const auto ended = session.try_get(ref, 20s);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().fault == Fault::cancelled);
  }
  session.get(session.submit({.needs = {.cpus = 1000}}, tells, folder.file("other"), "y"));
  CHECK(text_in(folder.file("said")).empty());
}
