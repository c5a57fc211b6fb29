#include "runtime/agent/recent_attempts.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "runtime/worker/task_log.h"
#include "tests/support/folder.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr NodeId node{7};

agent::SendReport ended(std::uint32_t number, std::string_view name = "t", agent::Time began = 0ms,
                        agent::Time at = 5ms) {
  return {.report = {.task = {JobId{3}, number}, .attempt = {1, 2}, .end = AttemptEnd::failed},
          .name = name,
          .began = began,
          .ended = at};
}

}  // namespace

TEST_CASE("what ended on a node is read with when, where and how", "[recent]") {
  const test::Folder folder;
  RecentAttempts recent(folder.path(), node);
  CHECK(RecentAttempts::read(folder.path()).empty());
  recent.note(ended(1, "train[0]", 10ms, 25ms));
  recent.note(ended(2, std::string(200, 'x')));
  const auto attempts = RecentAttempts::read(folder.path());
  REQUIRE(attempts.size() == 2);
  CHECK((attempts[0].task == TaskId{JobId{3}, 1} && attempts[0].attempt == AttemptId{1, 2}));
  CHECK((attempts[0].node == node && attempts[0].name == "train[0]" && attempts[0].end == AttemptEnd::failed));
  CHECK(attempts[0].ended_ms - attempts[0].started_ms == 15);
  CHECK(attempts[1].started_ms == attempts[0].started_ms - 10);
  CHECK(attempts[1].name == std::string(RecentAttempts::most_name_bytes, 'x'));
}

TEST_CASE("the last thousands are kept, the oldest first, over incarnations of the agent", "[recent]") {
  const test::Folder folder;
  constexpr std::uint32_t more = 10;
  {
    RecentAttempts recent(folder.path(), node);
    for (std::uint32_t i = 1; i <= RecentAttempts::most; ++i) recent.note(ended(i));
  }
  RecentAttempts recent(folder.path(), node);
  for (std::uint32_t i = 1; i <= more; ++i) recent.note(ended(RecentAttempts::most + i));
  const auto attempts = RecentAttempts::read(folder.path());
  REQUIRE(attempts.size() == RecentAttempts::most);
  for (std::size_t i = 0; i < attempts.size(); ++i) CHECK(attempts[i].task.number == more + 1 + i);
}

TEST_CASE("another node's file is begun anew, and one that makes no sense is not read", "[recent]") {
  const test::Folder folder;
  const std::string file = folder.file(recent_attempts_file);
  { RecentAttempts(folder.path(), node).note(ended(1)); }
  { RecentAttempts(folder.path(), NodeId{8}).note(ended(2)); }
  REQUIRE(RecentAttempts::read(folder.path()).size() == 1);
  CHECK(RecentAttempts::read(folder.path())[0].node == NodeId{8});
  std::fstream(file, std::ios::in | std::ios::out).write("\xff\xff\xff", 3);
  CHECK(RecentAttempts::read(folder.path()).empty());
  std::ofstream(file, std::ios::trunc) << "short";
  CHECK(RecentAttempts::read(folder.path()).empty());
  { RecentAttempts(folder.path(), node).note(ended(3)); }
  CHECK(RecentAttempts::read(folder.path()).size() == 1);
}

TEST_CASE("where no file can be nothing is noted, and nothing else suffers", "[recent]") {
  RecentAttempts recent("/proc/none", node);
  recent.note(ended(1));
  CHECK(RecentAttempts::read("/proc/none").empty());
}

TEST_CASE("logs that are pruned leave it alone", "[recent]") {
  const test::Folder folder;
  RecentAttempts recent(folder.path(), node);
  recent.note(ended(1));
  for (int i = 0; i < 2'100; ++i) std::ofstream(folder.file("log-" + std::to_string(i))) << i;
  prune_logs(folder.path());
  CHECK(RecentAttempts::read(folder.path()).size() == 1);
}

TEST_CASE("an agent tells once when an attempt began and ended: when it is first reported", "[recent]") {
  const test::Folder folder;
  RecentAttempts recent(folder.path(), node);
  AgentCore core({.capacity = {.cpus = 1000}}, 0ms);
  const StoreAge store{.epoch = 1};
  const auto tell = [&](agent::Time now, agent::Event event) {
    for (const auto& effect : core.step(now, std::move(event)))
      if (const auto* report = std::get_if<agent::SendReport>(&effect)) recent.note(*report);
  };
  const agent::OrderArrived order{
      store, {.task = {JobId{3}, 1}, .attempt = {1, 1}, .name = "a", .work = FunctionWork{"f", {}}, .grant = {1000}}};
  tell(0ms, agent::Welcomed{store});
  tell(10ms, order);
  tell(30ms, agent::WorkerReady{1});
  tell(70ms, agent::ReportArrived{1, {.task = {JobId{3}, 1}, .attempt = {1, 1}}});
  tell(80ms, order);                                             // A copy: it is reported again.
  tell(90ms, agent::StopArrived{store, {JobId{3}, 2}, {1, 1}});  // That never began.
  const auto attempts = RecentAttempts::read(folder.path());
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].ended_ms - attempts[0].started_ms == 40);
}
