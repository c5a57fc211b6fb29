// Tasks that wait for other work, and lend their cpus meanwhile.
#include "tests/runtime/agent_scene.h"

using namespace troupe;

namespace {

/// Worker 1 runs a, which has waited and goes on, worker 2 x, and worker 3 b: three, on two cpus.
void is_owed_as_cpu(Node& node) {
  node.is_busy_with_a_and_x();
  CHECK(node.waits(1, "a") == "");
  CHECK(node.is_given("b") == "start worker 3");
  CHECK(node.has_ready(3) == "give b#1 to 3");
  CHECK(node.goes_on(1, "a") == "");
}

}  // namespace

TEST_CASE("a task that waits lends its cpus, and the scheduler hears of it soon", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.is_given("b") == "");
  CHECK(node.waits(1, "a") == "start worker 3");
  CHECK(node.waits(1, "a") == "");  // It says so again and again.
  CHECK(node.at(2ms).ticks() == "beat with a#1 (waits), b#1, x#1");
  CHECK(node.at(3ms).ticks() == "");
  CHECK(node.finishes(2, "x") == "report x#1 done");
  CHECK(node.goes_on(1, "a") == "");
  CHECK(node.at(5ms).ticks() == "beat with a#1, b#1, x#1");
}

TEST_CASE("the scheduler is told who is owed cpus: not that it has them, nor that it waits", "[agent]") {
  Node node;
  is_owed_as_cpu(node);
  CHECK(node.at(2ms).ticks() == "beat with a#1 (is owed), b#1, x#1");
  CHECK(node.at(500ms).ticks() == "beat with a#1 (is owed), b#1, x#1");
}

TEST_CASE("until a task that has gone on has its cpus back nothing is started", "[agent]") {
  Node node;
  is_owed_as_cpu(node);
  CHECK(node.is_given("c") == "");
  CHECK(node.finishes(2, "x") == "report x#1 done");  // These are a's.
  CHECK(node.finishes(3, "b") == "report b#1 done; give c#1 to 2");
}

TEST_CASE("a task that ends before it has its cpus back leaves none behind", "[agent]") {
  Node node;
  is_owed_as_cpu(node);
  CHECK(node.is_given("c") == "");
  CHECK(node.finishes(1, "a") == "report a#1 done");
  CHECK(node.finishes(2, "x") == "report x#1 done; give c#1 to 1");
  CHECK(node.is_given("d") == "");
}

TEST_CASE("a task may wait again before it has its cpus back, and die while it waits", "[agent]") {
  Node node;
  is_owed_as_cpu(node);
  CHECK(node.is_given("c") == "");
  CHECK(node.waits(1, "a") == "");  // b has them.
  CHECK(node.finishes(3, "b") == "report b#1 done; give c#1 to 3");
  CHECK(node.has_exited(1, {.signal = 9}, 1) == "report a#1 failed: signal 9");
  CHECK(node.is_given("d") == "");
  CHECK(node.finishes(2, "x") == "report x#1 done; give d#1 to 2");
}

TEST_CASE("what a worker returns while its task waits goes elsewhere, in its order", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  node.ahead = true;
  CHECK(node.is_given("b") == "give b#1 to 1");
  CHECK(node.is_given("c") == "give c#1 to 2");
  CHECK(node.is_given("d") == "give d#1 to 1");
  CHECK(node.waits(1, "a", "bd") == "start worker 3; give d#1 to 2");
  CHECK(node.is_given("e") == "give e#1 to 2");  // Nothing lines up behind what waits.
  (void)node.goes_on(1, "a");
  CHECK(node.finishes(2, "x") == "report x#1 done");
}

TEST_CASE("what was given behind a task that goes on inherits what is owed to it", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  node.ahead = true;
  CHECK(node.is_given("b") == "give b#1 to 1");
  CHECK(node.waits(1, "a") == "");  // b was on its way, and arrived when a went on.
  node.ahead = false;
  CHECK(node.is_given("c") == "start worker 3");
  (void)node.has_ready(3);
  (void)node.goes_on(1, "a");
  CHECK(node.is_given("d") == "");
  CHECK(node.finishes(1, "a") == "report a#1 done");  // b runs.
  CHECK(node.finishes(2, "x") == "report x#1 done");
  CHECK(node.finishes(3, "c") == "report c#1 done; give d#1 to 2");
}

TEST_CASE("what needs no cpus is started while some are owed", "[agent]") {
  Node node;
  is_owed_as_cpu(node);
  CHECK(node.is_given("c") == "");
  node.grant = {};
  CHECK(node.is_given("d") == "start worker 4");
}

TEST_CASE("what was ordered into room that was only lent goes back after a while", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.waits(1, "a") == "");
  CHECK(node.goes_on(1, "a") == "");
  CHECK(node.is_given("b") == "");  // It was under way.
  (void)node.at(500ms).ticks();
  CHECK(node.at(1000ms).ticks() == "report b#1 preempted: the room for it was only lent; beat with a#1, b#1, x#1");
}

TEST_CASE("no more tasks lend than may", "[agent]") {
  Node node({.most_lending = 1});
  node.is_busy_with_a_and_x();
  CHECK(node.is_given("b") == "");
  CHECK(node.waits(1, "a") == "start worker 3");
  CHECK(node.is_given("c") == "");
  CHECK(node.waits(2, "x") == "");
  CHECK(node.goes_on(1, "a") == "");
  CHECK(node.waits(2, "x") == "");  // a takes these.
  CHECK(node.finishes(1, "a") == "report a#1 done; give c#1 to 1");
}

TEST_CASE("where no task runs that does not wait, and no more may lend, one fails that waits for long", "[agent]") {
  Node node({.most_lending = 1});
  node.is_busy_with_a_and_x();
  CHECK(node.is_given("b") == "");
  CHECK(node.waits(1, "a") == "start worker 3");
  CHECK(node.has_ready(3) == "give b#1 to 3");
  CHECK(node.waits(2, "x") == "");
  CHECK(node.at(10s).waits(2, "x") == "");  // b runs.
  CHECK(node.waits(3, "b") == "");
  CHECK(node.goes_on(2, "x") == "");
  CHECK(node.waits(2, "x") == "");
  CHECK(node.at(19s).waits(3, "b") == "");
  CHECK(node.at(20s).waits(3, "b") == "end worker 3");
  CHECK(node.waits(3, "b") == "");
  CHECK(node.waits(2, "x") == "");  // What it waits for may begin now.
  CHECK(node.has_exited(3, {.signal = 15}, 1) ==
        "report b#1 failed: it waited for other work, as every task of its node did; 1 have lent their cpus, and no "
        "more may: let fewer tasks wait at once, or need no cpus");
}

TEST_CASE("nothing is given to a worker that returns it, whatever it says of whom", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.waits(1, "z") == "ignored: the worker does not run that task");
  node.ahead = true;
  CHECK(node.is_given("b") == "give b#1 to 2");
  CHECK(node.is_given("c") == "give c#1 to 2");
  CHECK(node.finishes(1, "a") == "report a#1 done");
}

TEST_CASE("what was given early and is returned goes back to the scheduler, and what awaits it", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("c", {"b"}) == "give c#1 to 1");
  CHECK(node.waits(1, "a", "b") ==
        "take c#1 back from 1; report b#1 preempted: the task that it was given behind waits");
}
