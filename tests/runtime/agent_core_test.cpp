#include "tests/runtime/agent_scene.h"

using namespace troupe;

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

TEST_CASE("a worker serves only orders that were granted as much memory: it keeps what an earlier one had", "[agent]") {
  Node node;
  node.grant = {.cpus = 1000, .memory_bytes = 500};
  (void)node.is_given("a");
  (void)node.has_ready(1);
  (void)node.finishes(1, "a");
  node.grant = {.cpus = 1000, .memory_bytes = 100};
  CHECK(node.is_given("b") == "start worker 2");
  node.grant = {.cpus = 1000, .memory_bytes = 500};
  CHECK(node.is_given("c") == "give c#1 to 1");
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
