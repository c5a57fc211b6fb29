#include "runtime/agent/agent_core.h"

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
    CHECK(says(agent::Welcomed{epoch}) == "keep epoch 1, commit 0");
  }

  Node& at(agent::Time now) {
    now_ = now;
    return *this;
  }

  std::string is_given(const std::string& task, std::uint32_t attempt = 1) { return says(order(task, attempt)); }
  std::string is_told_to_stop(const std::string& task, std::uint32_t attempt = 1) {
    return says(agent::StopArrived{epoch, id_of(task), {1, attempt}});
  }
  std::string is_acknowledged(const std::string& task, std::uint32_t attempt = 1) {
    return says(agent::ReportAcknowledged{epoch, id_of(task), {1, attempt}});
  }
  std::string has_ready(agent::WorkerNumber worker) { return says(agent::WorkerReady{worker}); }
  std::string has_exited(agent::WorkerNumber worker, Cause cause = {}) {
    return says(agent::WorkerExited{worker, std::move(cause)});
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
    return {epoch,
            {.task = id_of(task),
             .attempt = {1, attempt},
             .name = task,
             .program = program,
             .work = work,
             .grant = grant,
             .timeout = timeout}};
  }

  static TaskId id_of(const std::string& task) { return {{1}, static_cast<std::uint32_t>(task[0])}; }

  std::uint32_t epoch = 1;
  std::string program = "/bin/driver";
  Work work = FunctionWork{"f", {}};
  Grant grant{.cpus = 1000};
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
  std::string text_of(const agent::StartCommand& e) const { return "start " + name(e.order.task, e.order.attempt); }
  std::string text_of(const agent::KillWorker& e) const {
    return (e.at_once ? "kill worker " : "end worker ") + std::to_string(e.worker);
  }
  std::string text_of(const agent::KillCommand& e) const {
    return (e.at_once ? "kill " : "end ") + name(e.task, e.attempt);
  }
  std::string text_of(const agent::SendReport& e) const {
    static const char* const ends[] = {"done", "failed", "lost", "cancelled"};
    std::string text = "report " + name(e.report.task, e.report.attempt) + ' ' + ends[static_cast<int>(e.report.end)];
    if (e.report.cause.signal != 0) text.append(": signal ").append(std::to_string(e.report.cause.signal));
    if (!e.report.cause.message.empty()) text.append(": ").append(e.report.cause.message);
    return text;
  }
  std::string text_of(const agent::SendActorStarted& e) const { return name(e.task, e.attempt) + " is up"; }
  std::string text_of(const agent::SendHeartbeat& e) const { return "beat with " + list(e.running); }
  std::string text_of(const agent::SendJoin& e) const { return "join with " + list(e.running); }
  std::string text_of(const agent::KeepSeen& e) const {
    return "keep epoch " + std::to_string(e.seen.epoch) + ", commit " + std::to_string(e.seen.commit_seq);
  }
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

TEST_CASE("a worker that dies under an attempt is its failure, with the cause", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  CHECK(node.has_exited(1, {.signal = 9}) == "report a#1 failed: signal 9");
  CHECK(node.is_given("b") == "start worker 2");
  CHECK(node.has_exited(2) == "report b#1 failed: the worker exited before its task had ended");
}

TEST_CASE("a report is sent with each heartbeat until it is acknowledged", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  (void)node.finishes(1, "a");
  CHECK(node.at(499ms).ticks() == "");
  CHECK(node.at(500ms).ticks() == "beat with a#1; report a#1 done");
  CHECK(node.at(1000ms).ticks() == "beat with a#1; report a#1 done");
  (void)node.is_acknowledged("a");
  CHECK(node.at(1500ms).ticks() == "beat with nothing");
}

TEST_CASE("an agent that is asked to join does so, and tells again what is not acknowledged", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  (void)node.finishes(1, "a");
  (void)node.is_given("b");
  node.epoch = 2;
  CHECK(node.says(agent::AskedToJoin{2}) == "join with a#1, b#1");
  CHECK(node.at(500ms).ticks() == "join with a#1, b#1");
  CHECK(node.says(agent::Welcomed{2}) == "keep epoch 2, commit 0; report a#1 done");
}

TEST_CASE("a scheduler whose epoch is over is refused", "[agent]") {
  Node node;
  (void)node.says(agent::Welcomed{3});
  CHECK(node.is_given("a") == "ignored: epoch 1 is over: 3 has begun");
  CHECK(node.says(agent::AskedToJoin{2}) == "ignored: epoch 2 is over: 3 has begun");
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

TEST_CASE("what is seen of the store is kept, and a late lower number is no loss", "[agent]") {
  Node node;
  CHECK(node.says(agent::HeartbeatTaken{1, 90}) == "keep epoch 1, commit 90");
  CHECK(node.says(agent::HeartbeatTaken{1, 80}) == "");
  CHECK(node.says(agent::Welcomed{2, 90}) == "keep epoch 2, commit 90");
}

TEST_CASE("a scheduler whose store has lost what was seen of it is refused, the next one that has it is not",
          "[agent]") {
  Node node;
  (void)node.says(agent::HeartbeatTaken{1, 90});
  const std::string refused = "ignored: the store of epoch 2 has lost what was seen of it";
  CHECK(node.says(agent::Welcomed{2, 50}) == refused);
  node.epoch = 2;
  CHECK(node.is_given("a") == refused);
  CHECK(node.says(agent::Welcomed{3, 91}) == "keep epoch 3, commit 91");
  node.epoch = 3;
  CHECK(node.is_given("a") == "start worker 1");
}

TEST_CASE("an agent that starts again joins with what it has seen, and refuses less", "[agent]") {
  AgentCore agent({.seen = {4, 90}}, 0ms);
  const auto effects = agent.step(0ms, agent::Tick{});
  REQUIRE(std::holds_alternative<agent::SendJoin>(effects.at(0)));
  CHECK(std::get<agent::SendJoin>(effects[0]).seen == StoreSeen{4, 90});
  CHECK(std::holds_alternative<agent::Ignored>(agent.step(0ms, agent::Welcomed{3, 91}).at(0)));
  CHECK(std::holds_alternative<agent::Ignored>(agent.step(0ms, agent::Welcomed{5, 89}).at(0)));
}
