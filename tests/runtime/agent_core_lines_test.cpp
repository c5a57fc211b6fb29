// Orders that line up in workers: given before there is room for them, or before what they await has ended.
#include "tests/runtime/agent_scene.h"

using namespace troupe;

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

TEST_CASE("what is given ahead lines up only in a worker of the environment that it asks for", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  node.work = FunctionWork{"f", {}, RuntimeEnvironment{.niceness = 5}};
  (void)node.is_given("b");
  (void)node.has_ready(2);
  node.ahead = true;
  CHECK(node.is_given("c") == "give c#1 to 2");
  CHECK(node.is_given("d") == "give d#1 to 2");
  node.work = FunctionWork{"f", {}};
  CHECK(node.is_given("e") == "give e#1 to 1");
}

TEST_CASE("a worker is given as many as its environment allows, ends when it has done them, and another follows",
          "[agent]") {
  Node node;
  node.work = FunctionWork{"f", {}, RuntimeEnvironment{.max_tasks = 2}};
  node.is_busy_with_a_and_x();
  node.ahead = true;
  CHECK(node.is_given("c") == "give c#1 to 1");
  CHECK(node.is_given("d") == "give d#1 to 2");
  CHECK(node.is_given("e") == "");
  CHECK(node.finishes(1, "a") == "report a#1 done");
  CHECK(node.finishes(1, "c") == "report c#1 done; start worker 3; end worker 1");
  CHECK(node.finishes(2, "x") == "report x#1 done");
  CHECK(node.finishes(2, "d") == "report d#1 done; end worker 2");
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
  CHECK(node.finishes(1, "b", AttemptEnd::cancelled) == "report b#1 cancelled: it was told to stop");
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
  CHECK(node.is_given_behind("y", {"x", "a"}) == "give y#1 to 2; pass a#1 from 1 to 2");
  CHECK(node.is_given_behind("z", {"y"}) == "give z#1 to 2");
  CHECK(node.finishes(1, "a") == "report a#1 done; give result of a#1 to 2");
  CHECK(node.finishes(2, "x") == "report x#1 done");
  CHECK(node.finishes(2, "y") == "report y#1 done");
  CHECK(node.finishes(1, "b") == "report b#1 done");
  CHECK(node.finishes(2, "z") == "report z#1 done");
}

TEST_CASE("what a worker has passed on is not sent again, and what it was told of too late is", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("y", {"x", "a"}) == "give y#1 to 2; pass a#1 from 1 to 2");
  (void)node.is_given_behind("c", {"b"});
  CHECK(node.is_given_behind("z", {"y", "a"}) == "give z#1 to 2; pass a#1 from 1 to 2");
  SECTION("it followed both") { CHECK(node.finishes(1, "a", AttemptEnd::done, 2) == "report a#1 done"); }
  SECTION("it followed the first") {
    CHECK(node.finishes(1, "a", AttemptEnd::done, 1) == "report a#1 done; give result of a#1 to 2");
  }
}

TEST_CASE("a report that comes before those of what it awaited is held until these are there", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("y", {"x", "a"}) == "give y#1 to 2; pass a#1 from 1 to 2");
  CHECK(node.is_given_behind("z", {"y"}) == "give z#1 to 2");
  CHECK(node.finishes(2, "x") == "report x#1 done");
  CHECK(node.finishes(2, "y") == "");
  CHECK(node.finishes(2, "z") == "");
  SECTION("they come") {
    CHECK(node.finishes(1, "a", AttemptEnd::done, 1) == "report a#1 done; report y#1 done; report z#1 done");
  }
  SECTION("they were lost: what has seen them does not count, nor what has seen that") {
    const std::string effects = node.has_exited(1, {.signal = 9}, 1);
    CHECK(effects.find("report a#1 failed: signal 9") != std::string::npos);
    CHECK(effects.find("report y#1 preempted") != std::string::npos);
    CHECK(effects.find("report z#1 preempted") != std::string::npos);
    CHECK(effects.find("done") == std::string::npos);
  }
  SECTION("it dies itself: nothing of it counts") {
    const std::string effects = node.has_exited(2, {.signal = 9}, 3);
    CHECK(effects.find("report y#1 preempted") != std::string::npos);
    CHECK(effects.find("done") == std::string::npos);
    CHECK(node.finishes(1, "a", AttemptEnd::done, 1) == "report a#1 done");
  }
  SECTION("it is told to stop meanwhile") {
    CHECK(node.is_told_to_stop("y").starts_with("take y#1 back from 2; report y#1 cancelled: it was told to stop"));
  }
}

TEST_CASE("while there is room for others, what awaits something waits for that room", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("c", {"a"}) == "");
  CHECK(node.finishes(1, "a") == "report a#1 done; start worker 2");
  CHECK(node.has_ready(2) == "give c#1 to 2");
}

TEST_CASE("what awaits one result in two places begins once", "[agent]") {
  Node node;
  (void)node.is_given("a");
  (void)node.has_ready(1);
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("c", {"a", "a"}) == "");
  CHECK(node.finishes(1, "a") == "report a#1 done; start worker 2");
  CHECK(node.has_ready(2) == "give c#1 to 2");
  CHECK(node.finishes(1, "b") == "report b#1 done");
}

TEST_CASE("an idle worker takes its share of what awaits something that another runs", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.finishes(2, "x") == "report x#1 done");
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("c", {"a"}) == "give c#1 to 2; pass a#1 from 1 to 2");
  CHECK(node.is_given_behind("e", {"b"}) == "give e#1 to 1");
  CHECK(node.is_given("d") == "");  // Worker 2 holds the room while it waits.
  CHECK(node.finishes(1, "a") == "report a#1 done; give result of a#1 to 2");
  CHECK(node.finishes(2, "c") == "report c#1 done; give d#1 to 2");
}

TEST_CASE("an idle worker that waits for what fails is free for others", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  (void)node.finishes(2, "x");
  (void)node.is_given_behind("b", {"a"});
  CHECK(node.is_given_behind("c", {"a"}) == "give c#1 to 2; pass a#1 from 1 to 2");
  CHECK(node.finishes(1, "a", AttemptEnd::failed).find("take c#1 back from 2") != std::string::npos);
  CHECK(node.finishes(2, "c", AttemptEnd::cancelled).starts_with("report c#1 preempted"));
  CHECK(node.is_given("d") == "give d#1 to 2");
}

TEST_CASE("what awaits others keeps to their worker, though the line of another is a little shorter", "[agent]") {
  Node node;
  node.is_busy_with_a_and_x();
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("c", {"b"}) == "give c#1 to 1");
  CHECK(node.is_given_behind("d", {"c"}) == "give d#1 to 1");
  CHECK(node.is_given_behind("e", {"d", "x"}) == "give e#1 to 1; pass x#1 from 2 to 1");
  CHECK(node.is_given_behind("f", {"d"}) == "give f#1 to 1");
  CHECK(node.is_given_behind("y", {"x"}) == "give y#1 to 2");
}

TEST_CASE("what finds the line of its worker full waits for it, and changes sides for no moment's room", "[agent]") {
  Node node({.most_given_to_worker = 2});
  node.is_busy_with_a_and_x();
  CHECK(node.is_given_behind("b", {"a"}) == "give b#1 to 1");
  CHECK(node.is_given_behind("c", {"b"}) == "");
  CHECK(node.is_given_behind("y", {"x"}) == "");  // In order of arrival.
  CHECK(node.finishes(1, "a") == "report a#1 done; give c#1 to 1; give y#1 to 2");
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
  for (const auto& [task, before_it] : {std::pair("b", "a"), std::pair("c", "b"), std::pair("d", "c")})
    (void)node.is_given_behind(task, {before_it});
  CHECK(node.is_given_behind("y", {"b", "x"}) == "give y#1 to 2; pass b#1 from 1 to 2");
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
  for (const auto& [task, before_it] : {std::pair("b", "a"), std::pair("c", "b"), std::pair("d", "c")})
    (void)node.is_given_behind(task, {before_it});
  CHECK(node.is_given_behind("y", {"x", "b"}) == "give y#1 to 2; pass b#1 from 1 to 2");
  const std::string effects = node.has_exited(1, {.signal = 9}, 1);
  CHECK(effects.find("report a#1 failed: signal 9") != std::string::npos);
  CHECK(effects.find("report b#1 preempted") != std::string::npos);
  CHECK(effects.find("take y#1 back from 2") != std::string::npos);
}

TEST_CASE("what waits for the full line of a worker goes back when that worker dies", "[agent]") {
  Node node({.most_given_to_worker = 2});
  node.is_busy_with_a_and_x();
  (void)node.is_given_behind("b", {"a"});
  CHECK(node.is_given_behind("c", {"b"}) == "");
  const std::string effects = node.has_exited(1, {.signal = 9}, 2);
  CHECK(effects.find("report a#1 preempted") != std::string::npos);
  CHECK(effects.find("report b#1 preempted") != std::string::npos);
  CHECK(effects.find("report c#1 preempted") != std::string::npos);
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
