#include "tests/scheduler/sync/scene.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

TEST_CASE("a lock goes from one to the next in the order in which they asked, with a higher token each time",
          "[sync]") {
  Scene scene;
  scene.asks('a', lock("x")).asks('b', lock("x")).asks('c', lock("x"));
  CHECK(scene.answers() == "\na 1: granted as 1\n");
  scene.asks('a', sync::Release{token(1)}).asks('b', sync::Release{token(2)});
  CHECK(scene.answers() == "\nb 1: granted as 2\na 2: done\nc 1: granted as 3\nb 2: done\n");
}

TEST_CASE("a lock whose holder falls silent is free when its lease is over, and the holder is told", "[sync]") {
  Scene scene;
  scene.asks('a', lock("x", 300ms)).asks('b', lock("x"));
  scene.at(200ms).asks('a', sync::Renew{{token(1)}});
  scene.at(499ms);
  CHECK(scene.answers() == "\na 1: granted as 1\na 2: done\n");
  scene.at(500ms);
  CHECK(scene.answers() == "\na 1: lost 1\nb 1: granted as 2\n");
  scene.asks('a', sync::Renew{{token(1)}}).asks('a', sync::Release{token(1)});
  CHECK(scene.answers() == "\na 3: done, lost 1\na 4: lost 1\n");
}

TEST_CASE("a request that arrives twice is carried out once, and its answer is given again", "[sync]") {
  Scene scene;
  scene.asks('a', lock("x")).asks_again('a', 1).asks('b', lock("x")).asks_again('b', 1);
  CHECK(scene.answers() == "\na 1: granted as 1\na 1: granted as 1\n");
  scene.asks('a', sync::Release{token(1)}).asks_again('a', 1).asks_again('a', 2);
  CHECK(scene.answers() == "\nb 1: granted as 2\na 2: done\na 1: lost 1\na 2: done\n");
  scene.asks('b', sync::Release{token(2)}).confirms('a').asks_again('a', 1);
  CHECK(scene.answers() == "\nb 2: done\n");
  CHECK(scene.sync().claims().size() == 0);
}

TEST_CASE("who loses patience, gives up or leaves is not granted what it waited for", "[sync]") {
  Scene scene;
  scene.asks('a', lock("x")).asks('b', lock("x", 5000ms, 100ms)).asks('c', lock("x")).asks('d', lock("x"));
  scene.asks('e', lock("x", 5000ms, 0ms)).asks('f', lock("x"));
  scene.at(100ms).asks('c', sync::GiveUp{1}).leaves('d').leaves('a');
  CHECK(scene.answers() == R"(
a 1: granted as 1
e 1: timed out
b 1: timed out
c 1: timed out
c 2: done
f 1: granted as 6
)");
}

TEST_CASE("a lock that was taken inside a task is free at once when the attempt is over", "[sync]") {
  Scene scene;
  scene.acts_for('a', 7).asks('a', lock("x")).asks('b', lock("x"));
  scene.attempt_over(6);
  CHECK(scene.answers() == "\na 1: granted as 1\n");
  scene.attempt_over(7);
  CHECK(scene.answers() == "\na 1: lost 1\nb 1: granted as 2\n");
}

TEST_CASE("only its holder, or another command of the same attempt, ends a claim", "[sync]") {
  Scene scene;
  scene.acts_for('a', 7).acts_for('b', 7).asks('a', lock("x"));
  scene.asks('c', sync::Release{token(1)}).asks('c', sync::Renew{{token(1)}}).asks('b', sync::Release{token(1)});
  CHECK(scene.answers() == "\na 1: granted as 1\nc 1: lost 1\nc 2: done, lost 1\nb 1: done\n");
}

TEST_CASE("after a restart a holder claims its lock again before anybody else is granted one", "[sync]") {
  Scene scene;
  scene.asks('a', lock("x")).asks('b', lock("x"));
  scene.at(5000ms).scheduler_restarts().asks_again('b', 1);
  sync::Acquire again = lock("x");
  again.held = token(1);
  scene.at(5100ms).asks('a', again);
  CHECK(scene.answers() == "\na 1: granted as 1\na 1: lost 1\nb 1: granted as 2\na 2: granted as 1\n");
  scene.at(6000ms).asks('a', sync::Release{token(1)});
  CHECK(scene.answers() == "\nb 1: granted as 2:1\na 3: done\n");
}

TEST_CASE("after the grace it is too late to claim a lock from before, held or not", "[sync]") {
  Scene scene;
  scene.asks('a', lock("x"));
  scene.scheduler_restarts().asks('b', lock("x"));
  scene.at(1000ms);
  sync::Acquire again = lock("x");
  again.held = token(1);
  scene.asks('a', again).asks('b', sync::Release{token(1, 2)}).asks('a', again);
  CHECK(scene.answers() == "\na 1: granted as 1\nb 1: granted as 2:1\na 2: lost 1\nb 2: done\na 3: lost 1\n");
}

TEST_CASE("no lease runs out while the scheduler itself was stopped", "[sync]") {
  Scene scene;
  scene.asks('a', lock("x", 300ms)).asks('b', lock("x"));
  scene.scheduler_was_stopped_until(2000ms).at(1900ms).asks('a', sync::Renew{{token(1)}}).at(2100ms);
  CHECK(scene.answers() == "\na 1: granted as 1\na 2: done\n");
}

TEST_CASE("what is wrong with a request is said in one line", "[sync]") {
  Scene scene({.grace = 1000ms, .most_names = 1});
  scene.asks('a', lock("")).asks('a', lock("x", 1ms)).asks('a', lock("x")).asks('a', lock("y"));
  scene.asks('a', permits("s", 3, 2)).asks('a', permits("s", 1, 2)).asks('b', permits("s", 1, 3));
  CHECK(scene.answers() == R"(
a 1: the name of a lock has 1 to 256 bytes, 0 were found
a 2: a lease is 50 to 3600000 ms, 1 were asked for
a 3: granted as 1
a 4: there are 1 locks in use, the most there may be
a 5: semaphore 's' has 2 permits, 3 were asked for
a 6: granted as 2
b 1: semaphore 's' has 2 permits while it is in use, 3 were asked for
)");
}

TEST_CASE("who waits gets the lock also where its wait ends as its turn comes, and then has it for a lease", "[sync]") {
  Scene scene;
  scene.asks('a', lock("x", 100ms)).asks('b', lock("x", 5'000ms, 100ms));
  CHECK(scene.answers() == "\na 1: granted as 1\n");
  scene.at(100ms);
  CHECK(scene.answers() == "\na 1: lost 1\nb 1: granted as 2\n");
  scene.at(5'099ms);
  CHECK(scene.answers() == "\n");
  scene.at(5'100ms);
  CHECK(scene.answers() == "\nb 1: lost 2\n");
}

TEST_CASE("tasks stand in line as one, and what is theirs for a turn is nobody else's until it is over", "[sync]") {
  Scene scene;
  scene.asks('a', lock("x"));
  scene.sync().queue_tasks({sync::Kind::lock, "x"}, 1);
  scene.asks('b', lock("x")).asks('a', sync::Release{token(1)});
  CHECK(scene.answers() == R"(
a 1: granted as 1
a 2: done
)");
  CHECK(scene.sync().is_turn_of_tasks());
  CHECK_FALSE(scene.sync().first_lacking(spec_of(1, {"x"}, {})));
  SECTION("one of them takes it") {
    CHECK(scene.sync().take_all(spec_of(1, {"x"}, {}), {1, 1}) == token(2));
    CHECK(scene.sync().first_lacking(spec_of(2, {"x"}, {})));
    scene.ends_turns();
    CHECK(scene.answers() == "\n");
    scene.attempt_over(1);
    CHECK(scene.answers() == R"(
b 1: granted as 3
)");
  }
  SECTION("none of them can") {
    scene.ends_turns();
    CHECK(scene.answers() == R"(
b 1: granted as 3
)");
  }
  CHECK_FALSE(scene.sync().is_turn_of_tasks());
}
