// Actors that share workers.
#include "tests/runtime/agent_scene.h"

using namespace troupe;

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
