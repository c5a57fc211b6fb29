// Tasks that wait for other work, and lend their cpus meanwhile.
#include "tests/runtime/agent_scene.h"

using namespace troupe;

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

TEST_CASE("until a task that has gone on has its cpus back nothing is started", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  (void)node.waits(1, "a");
  CHECK(node.is_given("b") == "start worker 3");
  (void)node.has_ready(3);
  CHECK(node.goes_on(1, "a") == "");  // Three run on two cpus.
  CHECK(node.is_given("c") == "");
  CHECK(node.finishes(2, "x") == "report x#1 done");  // These are a's.
  CHECK(node.finishes(3, "b") == "report b#1 done; give c#1 to 2");
}

TEST_CASE("a task that ends before it has its cpus back leaves none behind", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  (void)node.waits(1, "a");
  (void)node.is_given("b");
  (void)node.has_ready(3);
  (void)node.goes_on(1, "a");
  CHECK(node.is_given("c") == "");
  CHECK(node.finishes(1, "a") == "report a#1 done");
  CHECK(node.finishes(2, "x") == "report x#1 done; give c#1 to 1");
  CHECK(node.is_given("d") == "");
}

TEST_CASE("a task may wait again before it has its cpus back, and die while it waits", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  (void)node.waits(1, "a");
  (void)node.is_given("b");
  (void)node.has_ready(3);
  (void)node.goes_on(1, "a");
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

TEST_CASE("what returned had been given early goes back to the scheduler", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.waits(1, "a", "b") == "report b#1 preempted: what it awaits is not here, or has not ended well");
}
