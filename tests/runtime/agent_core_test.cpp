#include "runtime/agent/agent_core.h"

#include <optional>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

/// An agent of two cpus and one gpu whose world is told by hand; each call answers with the effects as text.
class Node {
 public:
  explicit Node(AgentSettings settings = {})
      : agent_([&] {
          settings.capacity = {.cpus = 2000, .gpus = {{.index = 0, .uuid = "g", .memory_bytes = 100}}};
          return AgentCore(settings, 0ms);
        }()) {
    CHECK(ticks() == "join with nothing");
    CHECK(says(agent::Welcomed{store}) == "remember 1.0");
  }

  Node& at(agent::Time now) {
    now_ = now;
    return *this;
  }

  std::string is_given(const std::string& task, std::uint32_t attempt = 1) { return says(order(task, attempt)); }
  std::string is_given_behind(const std::string& task, const std::vector<std::string>& others) {
    auto early = order(task, 1);
    early.order.ahead = true;
    for (const auto& other : others) {
      early.order.awaits.push_back({id_of(other), {1, 1}, static_cast<std::uint32_t>(early.order.inputs.size())});
      early.order.inputs.emplace_back();
    }
    return says(early);
  }
  std::string is_told_to_stop(const std::string& task, std::uint32_t attempt = 1) {
    return says(agent::StopArrived{store, id_of(task), {1, attempt}});
  }
  std::string is_acknowledged(const std::string& task, std::uint32_t attempt = 1) {
    return says(agent::ReportAcknowledged{store, id_of(task), {1, attempt}});
  }
  std::string has_ready(agent::WorkerNumber worker) { return says(agent::WorkerReady{worker}); }
  std::string has_exited(agent::WorkerNumber worker, Cause cause = {}, std::uint64_t begun = 0,
                         std::vector<std::uint64_t> blamed = {}) {
    return says(agent::WorkerExited{worker, std::move(cause), begun, std::move(blamed)});
  }
  /// Worker 1 runs a, worker 2 runs x.
  void is_busy_with_a_and_x() {
    (void)is_given("a");
    (void)has_ready(1);
    (void)is_given("x");
    (void)has_ready(2);
  }
  std::string finishes(agent::WorkerNumber worker, const std::string& task, AttemptEnd end = AttemptEnd::done) {
    return says(agent::ReportArrived{worker, {.task = id_of(task), .attempt = {1, 1}, .end = end}});
  }
  std::string ticks() { return says(agent::Tick{}); }

  std::string says(const agent::Event& event) {
    std::string text;
    for (const auto& effect : agent_.step(now_, event)) {
      const std::string each = std::visit([this](const auto& e) { return text_of(e); }, effect);
      if (!each.empty()) text += (text.empty() ? "" : "; ") + each;
    }
    return text;
  }

  /// An order for the task as it is described by the fields below.
  agent::OrderArrived order(const std::string& task, std::uint32_t attempt) const {
    return {store,
            {.task = id_of(task),
             .attempt = {1, attempt},
             .name = task,
             .program = program,
             .work = work,
             .grant = grant,
             .timeout = timeout,
             .ahead = ahead}};
  }

  static TaskId id_of(const std::string& task) { return {{1}, static_cast<std::uint32_t>(task[0])}; }

  StoreAge store{.epoch = 1};
  bool has_work_in_line() const { return agent_.has_work_in_line(); }
  std::string program = "/bin/driver";
  Work work = FunctionWork{"f", {}};
  Grant grant{.cpus = 1000};
  bool ahead = false;
  std::chrono::milliseconds timeout{0};

 private:
  static std::string name(TaskId task, AttemptId attempt) {
    return std::string(1, static_cast<char>(task.number)) + '#' + std::to_string(attempt.number);
  }
  static std::string list(const std::vector<RunningAttempt>& running) {
    std::string text;
    for (const auto& each : running)
      text += (text.empty() ? "" : ", ") + name(each.task, each.attempt) + (each.address.empty() ? "" : " (up)");
    return text.empty() ? "nothing" : text;
  }
  std::string text_of(const agent::StartWorker& e) const { return "start worker " + std::to_string(e.worker); }
  std::string text_of(const agent::GiveOrder& e) const {
    return "give " + name(e.order.task, e.order.attempt) + " to " + std::to_string(e.worker);
  }
  std::string text_of(const agent::GiveResult& e) const {
    return "give result of " + name(e.task, e.attempt) + " to " + std::to_string(e.worker);
  }
  std::string text_of(const agent::Hasten& e) const { return "hasten " + name(e.task, e.attempt); }
  std::string text_of(const agent::TakeBack& e) const {
    return "take " + name(e.task, e.attempt) + " back from " + std::to_string(e.worker);
  }
  std::string text_of(const agent::StartCommand& e) const { return "start " + name(e.order.task, e.order.attempt); }
  std::string text_of(const agent::KillWorker& e) const {
    return (e.at_once ? "kill worker " : "end worker ") + std::to_string(e.worker);
  }
  std::string text_of(const agent::KillCommand& e) const {
    return (e.at_once ? "kill " : "end ") + name(e.task, e.attempt);
  }
  std::string text_of(const agent::SendReport& e) const {
    static const char* const ends[] = {"done", "failed", "lost", "cancelled", "preempted"};
    std::string text = "report " + name(e.report.task, e.report.attempt) + ' ' + ends[static_cast<int>(e.report.end)];
    if (e.report.cause.signal != 0) text.append(": signal ").append(std::to_string(e.report.cause.signal));
    if (!e.report.cause.message.empty()) text.append(": ").append(e.report.cause.message);
    return text;
  }
  std::string text_of(const agent::RememberStore& e) const {
    return "remember " + std::to_string(e.seen.epoch) + '.' + std::to_string(e.seen.commit_seq);
  }
  std::string text_of(const agent::SendActorStarted& e) const { return name(e.task, e.attempt) + " is up"; }
  std::string text_of(const agent::SendHeartbeat& e) const { return "beat with " + list(e.running); }
  std::string text_of(const agent::SendJoin& e) const { return "join with " + list(e.running); }
  std::string text_of(const agent::WakeAt&) const { return ""; }
  std::string text_of(const agent::Ignored& e) const { return "ignored: " + e.reason; }

  agent::Time now_{0};
  AgentCore agent_;
};

}  // namespace

TEST_CASE("a worker is started for an order, and serves the next one of its kind", "[agent]") {
  Node node;
  CHECK(node.is_given("a") == "start worker 1");
  CHECK(node.has_ready(1) == "give a#1 to 1");
  CHECK(node.finishes(1, "a") == "report a#1 done");
  CHECK(node.is_given("b") == "give b#1 to 1");
  CHECK(node.is_given("c") == "start worker 2");
}

TEST_CASE("a worker of another program, or of another shape, is not reused", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  (void)node.finishes(1, "a");
  node.program = "/bin/other";
  CHECK(node.is_given("b") == "start worker 2");
  node.program = "/bin/driver";
  node.grant = {.cpus = 1000, .gpus = {{0, 500, 0}}};
  CHECK(node.is_given("c") == "start worker 3");
}

TEST_CASE("the same order twice runs once, also after its report was acknowledged", "[agent]") {
  Node node;
  (void)node.is_given("a");
  CHECK(node.is_given("a") == "ignored: the order came before");
  (void)node.has_ready(1);
  (void)node.finishes(1, "a");
  CHECK(node.is_given("a") == "report a#1 done");
  CHECK(node.is_acknowledged("a") == "");
  CHECK(node.is_acknowledged("a") == "ignored: there is no such report");
  CHECK(node.is_given("a") == "report a#1 lost: the attempt has ended here before");
  CHECK(node.is_given("a", 2) == "give a#2 to 1");
}

TEST_CASE("what is given ahead lines up in the workers that run its like, and each goes on with its next", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  (void)node.is_given("b");
  (void)node.has_ready(2);
  node.ahead = true;
  CHECK(node.is_given("c") == "give c#1 to 1");
  CHECK(node.is_given("d") == "give d#1 to 2");
  CHECK(node.is_given("e") == "give e#1 to 1");
  CHECK(node.finishes(1, "a") == "report a#1 done");
  CHECK(node.finishes(1, "c") == "report c#1 done");
  node.ahead = false;
  CHECK(node.is_given("f") == "");  // e and b hold both cpus
  CHECK(node.finishes(1, "e") == "report e#1 done; give f#1 to 1");
}

TEST_CASE("what is given ahead and finds no worker of its kind waits for room, behind what has its room", "[agent]") {
  Node node;
  node.grant = {.cpus = 2000};
  (void)node.is_given("a");
  (void)node.has_ready(1);
  node.ahead = true;
  node.grant = {.cpus = 1000};
  CHECK(node.is_given("b") == "");
  node.ahead = false;
  node.grant = {.cpus = 2000};
  CHECK(node.is_given("c") == "");
  CHECK(node.finishes(1, "a") == "report a#1 done; give c#1 to 1");
  CHECK(node.finishes(1, "c") == "report c#1 done; start worker 2");
}

TEST_CASE("a worker dies under the last that it has begun: what it never began goes to another", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  node.ahead = true;
  for (const char* task : {"b", "c", "d", "e"}) (void)node.is_given(task);
  // Worker 1 runs a, b, d; worker 2 runs x, c, e.
  CHECK(node.has_exited(1, {.signal = 11}, 2) ==
        "report a#1 preempted: its report was lost with its worker; start worker 3; report b#1 failed: signal 11");
  CHECK(node.finishes(2, "x") == "report x#1 done");
}

TEST_CASE("what a worker had begun when it was ended for another attempt has not failed", "[agent]") {
  Node node;
  node.timeout = 100ms;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  node.timeout = 0ms;
  (void)node.is_given("x");
  (void)node.has_ready(2);
  node.ahead = true;
  CHECK(node.is_given("b") == "give b#1 to 1");
  CHECK(node.at(100ms).ticks() == "end worker 1");
  CHECK(node.has_exited(1, {.signal = 15}, 2) ==
        "report a#1 failed: timed out after 100 ms; report b#1 preempted: its report was lost with its worker");
}

TEST_CASE("what was given ahead and is told to stop is taken back before its worker begins it", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  node.ahead = true;
  (void)node.is_given("b");
  CHECK(node.is_told_to_stop("b") == "take b#1 back from 1");
  CHECK(node.is_told_to_stop("b") == "ignored: the attempt is ending");
  CHECK(node.finishes(1, "a") == "report a#1 done");
  CHECK(node.finishes(1, "b", AttemptEnd::cancelled) == "report b#1 cancelled");
  // One that had begun already is ended like any other.
  (void)node.at(10ms).is_given("c");
  (void)node.is_given("d");
  CHECK(node.is_told_to_stop("d") == "take d#1 back from 1");
  CHECK(node.finishes(1, "c") == "report c#1 done");
  CHECK(node.at(5010ms).ticks().starts_with("end worker 1; "));
}

TEST_CASE("an order lines up where what it awaits runs, and results go to the workers that await them", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("y", {"x", "a"}) == "give y#1 to 2; hasten a#1");
  CHECK(node.is_given_behind("z", {"y"}) == "give z#1 to 2");
  CHECK(node.finishes(1, "a") == "report a#1 done; give result of a#1 to 2");
  CHECK(node.finishes(2, "x") == "report x#1 done");
  CHECK(node.finishes(2, "y") == "report y#1 done");
  CHECK(node.finishes(1, "b") == "report b#1 done");
  CHECK(node.finishes(2, "z") == "report z#1 done");
}

TEST_CASE("while there is room for others, what awaits something waits for that room", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("c", {"a"}) == "hasten a#1");
  CHECK(node.finishes(1, "a") == "report a#1 done; start worker 2");
  CHECK(node.has_ready(2) == "give c#1 to 2");
}

TEST_CASE("an order that awaits what is not here, or has not ended well, goes back", "[agent]") {
  const std::string goes_back = " preempted: what it awaits is not here, or has not ended well";
  Node node;
  CHECK(node.is_given_behind("b", {"a"}) == "report b#1" + goes_back);
  node.is_busy_with_a_and_x();
  (void)node.is_given_behind("c", {"a"});
  (void)node.is_given_behind("d", {"c"});
  CHECK(node.finishes(1, "a", AttemptEnd::failed) == "report a#1 failed; take c#1 back from 1");
  CHECK(node.is_given_behind("e", {"a"}) == "report e#1" + goes_back);
  CHECK(node.finishes(1, "c", AttemptEnd::cancelled) == "report c#1" + goes_back + "; take d#1 back from 1");
}

TEST_CASE("what ended before its successor came is handed on as long as it is not acknowledged", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  (void)node.finishes(1, "a");
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  (void)node.is_acknowledged("a");
  CHECK(node.is_given_behind("c", {"a"}).starts_with("report c#1 preempted"));
}

TEST_CASE("a worker that waits for long for what another runs goes on with something else", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  (void)node.is_given_behind("b", {"a"});
  (void)node.is_given_behind("y", {"b", "x"});
  CHECK(node.finishes(2, "x") == "report x#1 done");  // Worker 2 waits for b.
  (void)node.has_ready(1);
  (void)node.has_ready(2);
  (void)node.at(900ms).ticks();
  CHECK(node.at(1500ms).ticks().find("take y#1 back from 2") != std::string::npos);
  CHECK(node.finishes(2, "y", AttemptEnd::cancelled).starts_with("report y#1 preempted"));
}

TEST_CASE("a worker that dies takes along what awaited the results that it had not told", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  (void)node.is_given_behind("b", {"a"});
  (void)node.is_given_behind("y", {"x", "b"});
  const std::string effects = node.has_exited(1, {.signal = 9}, 1);
  CHECK(effects.find("report a#1 failed: signal 9") != std::string::npos);
  CHECK(effects.find("report b#1 preempted") != std::string::npos);
  CHECK(effects.find("take y#1 back from 2") != std::string::npos);
}

TEST_CASE("a worker that dies under an attempt is its failure, with the cause", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  CHECK(node.has_exited(1, {.signal = 9}) == "report a#1 failed: signal 9");
  CHECK(node.is_given("b") == "start worker 2");
  CHECK(node.has_exited(2) == "report b#1 failed: the worker exited before its task had ended");
}

TEST_CASE("a report is sent with each heartbeat to a scheduler that answers, until it is acknowledged", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  (void)node.finishes(1, "a");
  CHECK(node.at(499ms).ticks() == "");
  CHECK(node.at(500ms).ticks() == "beat with a#1; report a#1 done");
  CHECK(node.at(1000ms).ticks() == "beat with a#1");
  (void)node.says(agent::HeartbeatTaken{node.store});
  CHECK(node.at(1500ms).ticks() == "beat with a#1; report a#1 done");
  (void)node.is_acknowledged("a");
  CHECK(node.at(2000ms).ticks() == "beat with nothing");
}

TEST_CASE("an agent that is asked to join does so, and tells again what is not acknowledged", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  (void)node.finishes(1, "a");
  (void)node.is_given("b");
  node.store.epoch = 2;
  CHECK(node.says(agent::AskedToJoin{{.epoch = 2}}) == "remember 2.0; join with a#1, b#1");
  CHECK(node.at(500ms).ticks() == "join with a#1, b#1");
  CHECK(node.says(agent::Welcomed{{.epoch = 2}}) == "report a#1 done");
}

TEST_CASE("a scheduler whose store is older than one that was seen, or foreign, is refused", "[agent]") {
  Node node;
  CHECK(node.says(agent::Welcomed{{.epoch = 3, .commit_seq = 7}}) == "remember 3.7");
  CHECK_THAT(node.is_given("a"),
             Catch::StartsWith("ignored: the scheduler's store is older than what was seen: epoch 1"));
  CHECK_THAT(node.says(agent::AskedToJoin{{.epoch = 4, .commit_seq = 6}}), Catch::Contains("commit 6, seen 7"));
  CHECK_THAT(node.says(agent::AskedToJoin{{.cluster = {1, 1}, .epoch = 4, .commit_seq = 8}}),
             Catch::Contains("belongs to cluster"));
}

TEST_CASE("what an agent has seen it remembers at once in a new epoch, and at the next beat after a commit",
          "[agent]") {
  Node node;
  node.store.commit_seq = 9;
  CHECK(node.says(agent::Welcomed{node.store}) == "");
  CHECK(node.at(500ms).ticks() == "remember 1.9; beat with nothing");
  CHECK(node.at(1000ms).ticks() == "beat with nothing");
}

TEST_CASE("a stopped attempt is reported when its worker is gone, and killed if it does not go", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  CHECK(node.at(100ms).is_told_to_stop("a") == "end worker 1");
  CHECK(node.finishes(1, "a") == "ignored: the worker does not run that attempt");
  (void)node.at(500ms).ticks();
  CHECK(node.at(5100ms).ticks() == "kill worker 1; beat with a#1");
  CHECK(node.has_exited(1, {.signal = 9}) == "report a#1 cancelled: it was told to stop");
}

TEST_CASE("a stop that overtakes its order refuses it", "[agent]") {
  Node node;
  CHECK(node.is_told_to_stop("a") == "report a#1 cancelled: it was told to stop");
  CHECK(node.is_given("a") == "report a#1 cancelled: it was told to stop");
  (void)node.is_acknowledged("a");
  CHECK(node.is_given("a") == "report a#1 lost: the attempt has ended here before");
}

TEST_CASE("an attempt that takes too long is ended and fails", "[agent]") {
  Node node;
  node.timeout = 2s;
  (void)node.is_given("a");
  (void)node.at(100ms).has_ready(1);
  CHECK(node.at(2000ms).ticks() == "beat with a#1");
  CHECK(node.at(2100ms).ticks() == "end worker 1");
  CHECK(node.has_exited(1, {.signal = 15}) == "report a#1 failed: timed out after 2000 ms");
}

TEST_CASE("a command is a process of its own", "[agent]") {
  Node node;
  node.work = CommandWork{.argv = {"true"}};
  CHECK(node.is_given("a") == "start a#1");
  CHECK(node.says(agent::CommandExited{{.task = Node::id_of("a"), .attempt = {1, 1}}}) == "report a#1 done");
  CHECK(node.is_given("b") == "start b#1");
  CHECK(node.is_told_to_stop("b") == "end b#1");
  CHECK(node.says(agent::CommandExited{{.task = Node::id_of("b"), .attempt = {1, 1}}}) ==
        "report b#1 cancelled: it was told to stop");
}

TEST_CASE("an actor's worker goes with it", "[agent]") {
  Node node;
  node.work = ActorWork{"A", {}};
  (void)node.is_given("a");
  CHECK(node.has_ready(1) == "give a#1 to 1");
  CHECK(node.says(agent::ActorUp{1, Node::id_of("a"), {1, 1}, "ipc://a"}) == "a#1 is up");
  CHECK(node.at(500ms).ticks() == "beat with a#1 (up)");
  CHECK(node.finishes(1, "a", AttemptEnd::failed) == "end worker 1");
  CHECK(node.has_exited(1) == "report a#1 failed");
}

namespace {

/// Up to two workers of actors that need no cpu: 1 has a and c, 2 has b.
struct SharingNode : Node {
  SharingNode() : Node({.shared_workers = 2, .most_sharing_a_worker = 3}) {
    work = ActorWork{"A", {}, true};
    grant.cpus = 0;
    CHECK(is_given("a") == "start worker 1");
    CHECK(is_given("b") == "start worker 2");
    CHECK(has_ready(1) == "give a#1 to 1");
    CHECK(is_given("c") == "give c#1 to 1");
    CHECK(has_ready(2) == "give b#1 to 2");
  }
};

}  // namespace

TEST_CASE("actors that share are spread over a few workers, and over more where those are full", "[agent]") {
  SharingNode node;
  CHECK(node.is_given("d") == "give d#1 to 2");
  CHECK(node.is_given("e") == "give e#1 to 1");
  CHECK(node.is_given("f") == "give f#1 to 2");
  CHECK(node.is_given("g") == "start worker 3");
  CHECK(node.says(agent::ActorUp{1, Node::id_of("c"), {1, 1}, "ipc://1"}) == "c#1 is up");
  CHECK_FALSE(node.has_work_in_line());
  node.program = "/bin/other";
  CHECK(node.is_given("h") == "start worker 4");
}

TEST_CASE("an actor that shares ends alone, and its worker with the last", "[agent]") {
  SharingNode node;
  CHECK(node.is_told_to_stop("a") == "take a#1 back from 1");
  CHECK(node.finishes(1, "a", AttemptEnd::cancelled) == "report a#1 cancelled: it was told to stop");
  CHECK(node.finishes(1, "c", AttemptEnd::failed) == "end worker 1; report c#1 failed");
  CHECK(node.has_exited(1, {.signal = 15}, 2) == "");
  CHECK(node.is_given("d") == "start worker 3");
  CHECK(node.is_told_to_stop("d") == "end worker 3; report d#1 cancelled: it was told to stop");
}

TEST_CASE("who dies with a worker that he shares has failed if it died under his code", "[agent]") {
  SharingNode node;
  CHECK(node.has_exited(1, {.signal = 11}, 2, {2}) ==
        "report a#1 preempted: the worker that it shared ended; report c#1 failed: signal 11");
  CHECK(node.has_exited(2, {.signal = 9}, 1) == "report b#1 preempted: the worker that it shared ended");
  CHECK(node.is_given("d") == "start worker 3");
  CHECK(node.is_given("e") == "start worker 4");
  CHECK(node.is_given("f") == "");
  CHECK(node.has_exited(3, {.exit_code = 127}) == "report d#1 failed; report f#1 failed");
}

TEST_CASE("an actor that does not end takes the worker that it shares with it, and the others run again", "[agent]") {
  SharingNode node;
  (void)node.at(100ms).is_told_to_stop("c");
  (void)node.at(5099ms).has_ready(1);
  CHECK(node.ticks().find("end worker 1") == std::string::npos);
  CHECK(node.at(5100ms).ticks().find("end worker 1") != std::string::npos);
  CHECK(node.has_exited(1, {.signal = 15}, 2, {2}) ==
        "report a#1 preempted: the worker that it shared ended; report c#1 cancelled: it was told to stop");
}

TEST_CASE("what does not fit waits until what runs has ended", "[agent]") {
  Node node;
  (void)node.is_given("a");
  node.grant.cpus = 2000;
  CHECK(node.is_given("b") == "");
  CHECK(node.is_given("c") == "");
  CHECK(node.is_told_to_stop("b") == "report b#1 cancelled: it was told to stop");
  (void)node.has_ready(1);
  CHECK(node.finishes(1, "a") == "report a#1 done; start worker 2");
  node.grant.cpus = 4000;
  CHECK(node.is_given("d") == "report d#1 lost: this node does not have what was granted");
}

TEST_CASE("idle workers are retired after a while, and beyond the cap at once", "[agent]") {
  Node node({.most_idle_workers = 1});
  (void)node.is_given("a");
  (void)node.is_given("b");
  (void)node.has_ready(1);
  (void)node.has_ready(2);
  CHECK(node.at(100ms).finishes(1, "a") == "report a#1 done");
  CHECK(node.at(200ms).finishes(2, "b") == "report b#1 done; end worker 1");
  (void)node.at(300ms).has_exited(1);
  (void)node.at(10'100ms).ticks();
  CHECK(node.at(10'200ms).ticks() == "end worker 2");
  CHECK(node.has_exited(2) == "");
}

TEST_CASE("a worker that never says its first word is ended, and its task has failed", "[agent]") {
  Node node({.heartbeat_interval = 1s, .kill_grace = 1s, .start_timeout = 3s});
  (void)node.is_given("a");
  for (const auto now : {1s, 2s}) CHECK(node.at(now).ticks() == "beat with a#1");
  CHECK(node.at(3s).ticks() == "end worker 1; beat with a#1");
  CHECK(node.has_ready(1) == "ignored: no worker of that number lives");
  CHECK(node.at(4s).ticks() == "kill worker 1; beat with a#1");
  CHECK(node.has_exited(1, {.signal = 9}) ==
        "report a#1 failed: its worker gave no sign of life for 3000 ms after its start");
}

TEST_CASE("a worker that falls silent is ended, and what it had begun last has failed", "[agent]") {
  Node node({.heartbeat_interval = 1s, .kill_grace = 1s, .worker_timeout = 3s});
  node.grant.cpus = 2000;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  node.ahead = true;
  for (const auto* task : {"b", "c"}) CHECK(node.is_given(task) == std::string("give ") + task + "#1 to 1");
  for (const auto now : {1s, 2s}) CHECK(node.at(now).ticks() == "beat with a#1, b#1, c#1");
  CHECK(node.has_ready(1) == "");
  for (const auto now : {3s, 4s}) CHECK(node.at(now).ticks() == "beat with a#1, b#1, c#1");
  CHECK(node.at(5s).ticks() == "end worker 1; beat with a#1, b#1, c#1");
  CHECK(node.at(6s).ticks() == "kill worker 1; beat with a#1, b#1, c#1");
  CHECK(node.has_exited(1, {.signal = 9}, 2) ==
        "report a#1 preempted: its report was lost with its worker; start worker 2; "
        "report b#1 failed: its worker gave no sign of life for 3000 ms");
}

TEST_CASE("a report of a worker that is being ended for its silence counts", "[agent]") {
  Node node({.heartbeat_interval = 1s, .worker_timeout = 1s});
  (void)node.is_given("a");
  (void)node.has_ready(1);
  CHECK(node.at(1s).ticks() == "end worker 1; beat with a#1");
  CHECK(node.finishes(1, "a") == "report a#1 done");
  CHECK(node.is_given("b") == "start worker 2");
  CHECK(node.has_exited(1) == "");
}

TEST_CASE("an agent that is late itself takes nobody's silence for death", "[agent]") {
  Node node({.heartbeat_interval = 1s, .worker_timeout = 3s});
  (void)node.is_given("a");
  (void)node.has_ready(1);
  (void)node.at(1s).ticks();
  CHECK(node.at(60s).ticks() == "beat with a#1");
  for (const auto now : {61s, 62s}) CHECK(node.at(now).ticks() == "beat with a#1");
  CHECK(node.at(63s).ticks() == "end worker 1; beat with a#1");
}

TEST_CASE("an agent that starts again refuses what is older than what it remembered", "[agent]") {
  AgentCore agent({.seen = {.epoch = 4, .commit_seq = 90}}, 0ms);
  (void)agent.step(0ms, agent::Tick{});
  CHECK(agent.seen() == StoreAge{.epoch = 4, .commit_seq = 90});
  CHECK(std::holds_alternative<agent::Ignored>(agent.step(0ms, agent::Welcomed{{.epoch = 3, .commit_seq = 91}}).at(0)));
  CHECK(std::holds_alternative<agent::Ignored>(agent.step(0ms, agent::Welcomed{{.epoch = 5, .commit_seq = 89}}).at(0)));
}

TEST_CASE("an answer to a heartbeat tells how far the store is", "[agent]") {
  Node node;
  node.store.commit_seq = 90;
  (void)node.says(agent::HeartbeatTaken{node.store});
  CHECK(node.at(500ms).ticks() == "remember 1.90; beat with nothing");
}

TEST_CASE("an agent asks to be woken for the earliest of what it waits for", "[agent]") {
  const StoreAge store{.epoch = 1};
  AgentCore agent({.capacity = {.cpus = 2000}, .heartbeat_interval = 500ms}, 0ms);
  const auto asks_for = [&](agent::Time now, const agent::Event& event) {
    std::optional<agent::Time> at;
    for (const auto& effect : agent.step(now, event))
      if (const auto* wake = std::get_if<agent::WakeAt>(&effect)) at = wake->at;
    return at;
  };
  const auto order = [&](std::uint32_t number, std::chrono::milliseconds timeout) {
    return agent::OrderArrived{store,
                               {.task = {{1}, number},
                                .attempt = {1, 1},
                                .program = "p",
                                .work = FunctionWork{"f", {}},
                                .grant = {.cpus = 1000},
                                .timeout = timeout}};
  };
  CHECK(asks_for(0ms, agent::Tick{}) == 500ms);
  CHECK_FALSE(asks_for(0ms, order(1, 100ms)));
  CHECK(asks_for(10ms, agent::WorkerReady{1}) == 110ms);
  CHECK_FALSE(asks_for(10ms, order(2, 200ms)));
  CHECK_FALSE(asks_for(20ms, agent::WorkerReady{2}));
  CHECK(asks_for(110ms, agent::Tick{}) == 220ms);
  CHECK(asks_for(220ms, agent::Tick{}) == 500ms);
}

TEST_CASE("work stands in line at an agent while something waits for another to end", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK_FALSE(node.has_work_in_line());
  node.ahead = true;
  (void)node.is_given("b");
  CHECK(node.has_work_in_line());
  (void)node.finishes(1, "a");
  CHECK_FALSE(node.has_work_in_line());
  node.ahead = false;
  (void)node.is_given("c");
  CHECK(node.has_work_in_line());
}
