#include "tests/scheduler/sync/scene.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

TEST_CASE("all parties of a round go when the last one has arrived", "[sync]") {
  Scene scene;
  scene.asks('a', arrive("b", 3)).asks('b', arrive("b", 3)).asks('c', arrive("b", 3));
  CHECK(
      scene.answers() ==
      "\na 1: waits for round 1\nb 1: waits for round 1\na 1: done, round 1\nb 1: done, round 1\nc 1: done, round 1\n");
  scene.asks('c', arrive("b", 3, 1)).asks('a', arrive("b", 3, 1)).asks_again('b', 1);
  CHECK(scene.answers() == "\nc 2: waits for round 2\na 2: waits for round 2\nb 1: done, round 1\n");
}

TEST_CASE("one that waits and dies leaves the round, and is waited for again", "[sync]") {
  Scene scene;
  scene.asks('a', arrive("b", 2)).leaves('a').asks('b', arrive("b", 2)).asks('c', arrive("b", 2));
  CHECK(scene.answers() ==
        "\na 1: waits for round 1\nb 1: waits for round 1\nb 1: done, round 1\nc 1: done, round 1\n");
}

TEST_CASE("an arrival that a new scheduler is told again goes if its round is known to be over", "[sync]") {
  Scene scene;
  scene.scheduler_restarts().asks('a', arrive("b", 2, 7));
  CHECK(scene.answers() == "\na 1: waits for round 8\n");
  scene.asks('b', sync::Arrive{.name = "b", .parties = 2, .passed = 6, .round = 7});
  CHECK(scene.answers() == "\nb 1: done, round 7\n");
  scene.asks('b', arrive("b", 2, 7));
  CHECK(scene.answers() == "\na 1: done, round 8\nb 2: done, round 8\n");
}

TEST_CASE("those who wait for a round go when one comes that has passed it", "[sync]") {
  Scene scene;
  scene.scheduler_restarts().asks('b', sync::Arrive{.name = "b", .parties = 3, .passed = 6, .round = 7});
  scene.asks('a', arrive("b", 3, 7));
  CHECK(scene.answers() == "\nb 1: waits for round 7\nb 1: done, round 7\na 1: waits for round 8\n");
}

TEST_CASE("one that has passed the last round tells a new scheduler, and the late ones go", "[sync]") {
  Scene scene;
  scene.scheduler_restarts().asks('a', sync::Recall{"b", 7}).leaves('a');
  scene.asks('b', sync::Arrive{.name = "b", .parties = 2, .passed = 6, .round = 7});
  CHECK(scene.answers() == "\na 1: done\nb 1: done, round 7\n");
  scene.at(1000ms);
  CHECK(scene.sync().barriers().size() == 0);
}

TEST_CASE("parties must agree on their number, and may lose patience", "[sync]") {
  Scene scene;
  scene.asks('a', sync::Arrive{.name = "b", .parties = 2, .patience = 50ms}).asks('b', arrive("b", 3));
  scene.at(50ms);
  CHECK(scene.answers() == R"(
a 1: waits for round 1
b 1: barrier 'b' has 2 parties in this round, 3 were asked for
a 1: timed out
)");
}
