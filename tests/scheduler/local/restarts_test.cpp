// Actors whose state survives a restart, called without pause while their workers are killed.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/folder.h"
#include "tests/support/second_agent.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using test::Folder;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<std::uint64_t>;

/// Remembers what was added, in order; answers with how many were.
class Ledger {
 public:
  std::uint64_t add(std::uint64_t id) {
    ids_.push_back(id);
    return ids_.size();
  }
  /// Some behind the first so many: a logged call returns no more than 1 MiB.
  Ids ids(std::uint64_t first) const {
    const auto from = ids_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(first, ids_.size()));
    return {from, from + std::min<std::ptrdiff_t>(ids_.end() - from, 50'000)};
  }
  int pid() const { return ::getpid(); }
  int parent() const { return ::getppid(); }

 protected:
  Ids ids_;
};

class SavedLedger : public Ledger {
 public:
  Ids checkpoint() const { return ids_; }
  void restore(Ids saved) { ids_ = std::move(saved); }
};

constexpr ActorType<Ledger()> ledger{"restarts.Ledger"};
constexpr ActorType<SavedLedger()> saved_ledger{"restarts.SavedLedger"};
constexpr Method<&Ledger::add> add{"add"};
constexpr Method<&Ledger::ids> ids{"ids"};
constexpr Method<&Ledger::pid> pid{"pid"};
constexpr Method<&Ledger::parent> parent{"parent"};

void enroll(Catalog& catalog) {
  catalog.add(ledger, add, ids, pid, parent);
  catalog.add(saved_ledger, add, ids, pid, parent);
}

template <class T>
Ids all_ids(Session& session, const Actor<T>& actor) {
  Ids all;
  for (Ids some; !(some = session.get(actor.call(ids, std::uint64_t{all.size()}))).empty();)
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

struct Call {
  std::uint64_t id = 0;
  Ref<std::uint64_t> answer;
};

/// Calls until it is told to stop, then until one more call is answered.
template <class T>
std::vector<Call> call_on(Session& session, const Actor<T>& actor, std::uint64_t first_id,
                          const std::atomic<bool>& may_end, std::atomic<std::size_t>& made) {
  constexpr std::size_t most_open = 40;
  std::vector<Call> calls;
  const auto call_one = [&] { calls.push_back({first_id + calls.size(), actor.call(add, first_id + calls.size())}); };
  while (!may_end) {
    call_one();
    ++made;
    if (calls.size() >= most_open) session.wait(std::vector{calls[calls.size() - most_open].answer}, 1, 20s);
  }
  const auto end = std::chrono::steady_clock::now() + 60s;
  do call_one();
  while (!session.try_get(calls.back().answer, 20s) && std::chrono::steady_clock::now() < end);
  return calls;
}

/// Three callers, each with a session of its own, while `disturb` runs, which sees how many calls have been made.
template <class T, class Disturb>
std::vector<std::vector<Call>> called_by_three(Cluster& cluster, const Actor<T>& actor, std::deque<Session>& sessions,
                                               std::deque<Actor<T>>& actors, Disturb disturb) {
  std::atomic<bool> may_end = false;
  std::atomic<std::size_t> made = 0;
  std::vector<std::vector<Call>> calls(3);
  std::vector<std::jthread> threads;
  for (std::uint64_t i = 0; i < 3; ++i) {
    Session& session = sessions.emplace_back(cluster.connect());
    Actor<T>& attached = actors.emplace_back(session.attach(actor.handle()));
    threads.emplace_back([&, i] { calls[i] = call_on(session, attached, (i + 1) << 32, may_end, made); });
  }
  disturb(made);
  may_end = true;
  for (auto& thread : threads) thread.join();
  return calls;
}

template <class T>
void kill_worker(Session& session, const Actor<T>& actor) {
  std::this_thread::yield();
  const auto found = session.try_get(actor.call(pid), 30s);
  if (found) ::kill(*found, SIGKILL);
}

/// So many times, each when it has answered calls again.
template <class T>
void kill_workers(Session& session, const Actor<T>& actor, int times) {
  for (int i = 0; i < times; ++i) {
    for (int calls = 0; calls < 20; ++calls) static_cast<void>(session.try_get(actor.call(parent), 30s));
    kill_worker(session, actor);
  }
}

/// Every call was answered, none was applied twice, and each one's answer is what it was when it was applied.
void check_each_once(std::deque<Session>& sessions, const std::vector<std::vector<Call>>& calls, const Ids& applied) {
  std::size_t made = 0;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    made += calls[i].size();
    for (const auto& call : calls[i]) {
      const auto place = sessions[i].try_get(call.answer, 20s);
      if (!place) UNSCOPED_INFO(place.error().message);
      if (!place || *place == 0 || *place > applied.size() || applied[*place - 1] != call.id) ++wrong;
    }
  }
  CHECK(wrong == 0);
  CHECK(applied.size() == made);
}

const ActorOptions logged{.max_restarts = 100, .restart = RestartMode::logged, .checkpoint_calls = 300};

template <class T>
void check_logged(const ActorType<T()>& type) {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  const auto actor = session.spawn(logged, type);
  session.get(actor.call(pid));
  std::deque<Session> sessions;
  std::deque<Actor<T>> actors;
  const auto calls =
      called_by_three(cluster, actor, sessions, actors, [&](const auto&) { kill_workers(session, actor, 6); });
  check_each_once(sessions, calls, all_ids(session, actor));
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("logged calls take effect once each and are all answered, however often the worker is killed") {
  SECTION("with checkpoints that cut the log") { check_logged(saved_ledger); }
  SECTION("without") { check_logged(ledger); }
}

TEST_CASE("of a million logged calls none is lost and none takes effect twice, while a worker is killed every second") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  ActorOptions options = logged;
  options.max_restarts = 10'000;
  options.checkpoint_calls = 100'000;
  const auto actor = session.spawn(options, saved_ledger);
  session.get(actor.call(pid));
  std::deque<Session> sessions;
  std::deque<Actor<SavedLedger>> actors;
  int kills = 0;
  const auto calls = called_by_three(cluster, actor, sessions, actors, [&](const std::atomic<std::size_t>& made) {
    for (; made < 1'000'000; ++kills) {
      session.get(actor.call(parent));  // A second from here, else a worker that replays for one would never get on.
      std::this_thread::sleep_for(1s);  // Between two kills, as the test's name says.
      kill_worker(session, actor);
    }
  });
  CHECK(kills > 1);
  check_each_once(sessions, calls, all_ids(session, actor));
}

TEST_CASE("after a restart from a checkpoint each caller knows which of its calls are not in the state") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  const auto actor =
      session.spawn({.max_restarts = 100, .restart = RestartMode::checkpoint, .checkpoint_calls = 100}, saved_ledger);
  session.get(actor.call(pid));
  std::deque<Session> sessions;
  std::deque<Actor<SavedLedger>> actors;
  const auto calls =
      called_by_three(cluster, actor, sessions, actors, [&](const auto&) { kill_workers(session, actor, 6); });

  const Ids applied = all_ids(session, actor);
  const std::set<std::uint64_t> in_state(applied.begin(), applied.end());
  CHECK(in_state.size() == applied.size());
  std::size_t missing = 0;
  std::size_t wrong = 0;
  std::uint64_t told = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    for (const auto& call : calls[i]) {
      const bool is_missing = !in_state.contains(call.id);
      if (actors[i].is_rolled_back(call.answer) != is_missing) ++wrong;
      missing += is_missing ? 1 : 0;
    }
    told += actors[i].rolled_back();
  }
  CHECK(wrong == 0);
  CHECK(told == missing);
}

TEST_CASE("calls that were answered after the last checkpoint are told as rolled back, those before it are not") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor =
      session.spawn({.max_restarts = 1, .restart = RestartMode::checkpoint, .checkpoint_calls = 4}, saved_ledger);
  const int worker = session.get(actor.call(pid));
  std::vector<Ref<std::uint64_t>> answers;
  for (std::uint64_t id = 1; id <= 5; ++id) {
    answers.push_back(actor.call(add, id));
    CHECK(session.get(answers.back()) == id);  // The fourth call of all, 3, is followed by a checkpoint.
  }
  REQUIRE(::kill(worker, SIGKILL) == 0);
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!session.try_get(actor.call(parent), 20s) && std::chrono::steady_clock::now() < end) {
  }
  CHECK(all_ids(session, actor) == Ids{1, 2, 3});
  for (std::uint64_t id = 1; id <= 5; ++id) CHECK(actor.is_rolled_back(answers[id - 1]) == (id > 3));
  CHECK(actor.rolled_back() >= 2);  // And who asked a worker that was dying.
}

TEST_CASE("a checkpoint is written in time though no further call comes") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const Folder folder;
  const auto actor = session.spawn({.max_restarts = 1,
                                    .restart = RestartMode::checkpoint,
                                    .state_folder = folder.file("state"),
                                    .checkpoint_calls = 0,
                                    .checkpoint_interval = 20ms},
                                   saved_ledger);
  const auto checkpoints = [&] {
    std::set<std::string> names;
    for (const auto& each : std::filesystem::recursive_directory_iterator(folder.file("state"))) {
      const std::string name = each.path().filename().string();
      if (name.starts_with("checkpoint-") && name.find(".new-") == std::string::npos) names.insert(name);
    }
    return names;
  };
  session.get(actor.call(pid));
  const auto before = checkpoints();
  const auto kept = actor.call(add, 7);
  session.get(kept);
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (checkpoints().size() <= before.size() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  kill_worker(session, actor);
  while (!session.try_get(actor.call(pid), 20s) && std::chrono::steady_clock::now() < end) {
  }
  CHECK(all_ids(session, actor) == Ids{7});
  CHECK_FALSE(actor.is_rolled_back(kept));
}

TEST_CASE("logged calls take effect once each though their node falls silent and comes back") {
  const Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000, .show_output = false});  // No thread: it forks.
  const pid_t second = test::start_second_agent(cluster);
  Session session = cluster.connect();
  ActorOptions options = logged;
  options.state_folder = folder.file("state");
  options.needs.cpus = 1000;
  const auto actor = session.spawn(options, saved_ledger);
  // While another one takes the other node's cpu.
  const auto agent = session.get(actor.call(parent));
  std::deque<Session> sessions;
  std::deque<Actor<SavedLedger>> actors;
  const auto calls = called_by_three(cluster, actor, sessions, actors, [&](const auto&) {
    REQUIRE(::kill(agent, SIGSTOP) == 0);
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (session.try_get(actor.call(parent), 20s).value() == agent && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(10ms);  // Between questions to a stopped process.
    CHECK(session.get(actor.call(parent)) != agent);
    REQUIRE(::kill(agent, SIGCONT) == 0);
  });
  check_each_once(sessions, calls, all_ids(session, actor));
  ::kill(second, SIGKILL);
  ::waitpid(second, nullptr, 0);
}

TEST_CASE("a log that is without a call that was answered is not gone on from, and its caller is told why") {
  const Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  ActorOptions options = logged;
  options.state_folder = folder.file("state");
  const auto actor = session.spawn(options, ledger);
  for (const std::uint64_t id : {1, 2, 3}) CHECK(session.get(actor.call(add, id)) == id);
  const int worker = session.get(actor.call(pid));
  std::size_t cut = 0;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder.file("state"))) {
    if (!each.path().filename().string().starts_with("log-")) continue;
    std::filesystem::resize_file(each.path(), each.file_size() - 1);
    ++cut;
  }
  CHECK(cut == 1);
  REQUIRE(::kill(worker, SIGKILL) == 0);
  const auto answer = session.try_get(actor.call(add, 4), 20s);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::corrupt);
  CHECK_THAT(answer.error().message, Catch::Contains("its log is without calls that were answered"));
}

TEST_CASE("an actor without hooks is refused a checkpoint, and one that shares its worker is, in a sentence") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto cause = [&](const ActorOptions& options) {
    const auto answer = session.try_get(session.spawn(options, ledger).call(pid), 20s);
    return answer ? "" : answer.error().message;
  };
  CHECK_THAT(cause({.restart = RestartMode::checkpoint}), Catch::Contains("State checkpoint() const"));
  CHECK_THAT(cause({.shares_worker = true, .restart = RestartMode::logged}),
             Catch::Contains("cannot share its worker"));
}
