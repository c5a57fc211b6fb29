// What is cancelled takes along what it has begun, and may end by itself.
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/folder.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

void note(const std::string& file) {
  std::ofstream(file + ".new").close(), std::filesystem::rename(file + ".new", file);
}

bool comes(const std::string& file) {
  for (const auto end = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < end;) {
    if (std::filesystem::exists(file)) return true;
    std::this_thread::sleep_for(5ms);  // Other processes make it.
  }
  return false;
}

void wait_for_stop(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, token, [] { return false; });
}

/// Notes that it runs, and that it was asked to stop.
constexpr Task<int(std::string)> heeds{"cancel.heeds"};
constexpr Task<int(std::string)> never_ends{"cancel.never_ends"};

class Middle {
 public:
  explicit Middle(Context& context) : context_(context) {}
  /// Waits for a task of its own, and notes when that is cancelled.
  int wait_for_task(const std::string& folder) {
    const auto left = context_.session().submit(heeds, folder + "/task");
    const auto value = context_.session().try_get(left);
    if (!value && value.error().fault == Fault::cancelled) note(folder + "/call.stopped");
    return 0;
  }

 private:
  Context& context_;
};
constexpr ActorType<Middle()> middle{"cancel.Middle"};
constexpr Method<&Middle::wait_for_task> wait_for_task{"wait_for_task"};

void enroll(Catalog& catalog) {
  catalog.add(heeds, [](Context& context, const std::string& file) {
    const auto token = context.stop_token();
    note(file + ".runs");
    wait_for_stop(token);
    note(file + ".stopped");
    return 1;
  });
  catalog.add(never_ends, [](const std::string& file) -> int {
    note(file + ".runs");
    for (;;) std::this_thread::sleep_for(1h);  // Until its worker is ended.
  });
  catalog.add(middle, wait_for_task);
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("a task that has a stop token ends by itself when it is cancelled; the worker of any other is ended") {
  const test::Folder folder;
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  const auto heeding = session.submit(heeds, folder.file("heeding"));
  const auto other = session.submit(never_ends, folder.file("other"));
  REQUIRE(comes(folder.file("heeding.runs")));
  REQUIRE(comes(folder.file("other.runs")));
  session.cancel(heeding);
  session.cancel(other);
  CHECK(session.try_get(heeding, 20s).error().fault == Fault::cancelled);
  CHECK(comes(folder.file("heeding.stopped")));  // Its value is a failure at once, whenever it ends.
  CHECK(session.try_get(other, 4s).error().fault == Fault::cancelled);  // Sooner than a KILL would end it.
}

TEST_CASE("so does one whose attempt has run too long, and its failure says that") {
  const test::Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto late = session.try_get(session.submit({.timeout = 300ms}, heeds, folder.file("late")), 20s);
  REQUIRE_FALSE(late);
  CHECK_THAT(late.error().message, Catch::Contains("timed out"));
  CHECK(std::filesystem::exists(folder.file("late.stopped")));
}

TEST_CASE("a call that is cancelled, or whose deadline is over, takes along the task that it waits for") {
  const test::Folder folder;
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  const auto actor = session.spawn(middle);
  const bool by_deadline = GENERATE(false, true);
  const CallOptions options{.deadline = by_deadline ? 1500ms : 0ms};
  const auto call = actor.call(options, wait_for_task, folder.path());
  REQUIRE(comes(folder.file("task.runs")));
  if (!by_deadline) session.cancel(call);
  CHECK(comes(folder.file("task.stopped")));
  CHECK(comes(folder.file("call.stopped")));
}
