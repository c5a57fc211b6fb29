#include "tests/scheduler/sync/scene.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

TEST_CASE("messages come in the order in which they were sent, to receivers in the order in which they asked",
          "[sync]") {
  Scene scene;
  scene.asks('c', receive("q")).asks('d', receive("q"));
  scene.asks('a', sync::Send{"q", "one"}).asks('b', sync::Send{"q", "two"}).asks('a', sync::Send{"q", "three"});
  scene.asks('c', sync::Acknowledge{"q", token(1)}).asks('c', receive("q"));
  CHECK(scene.answers() == R"(
a 1: done
c 1: granted as 1: message 3 'one'
b 1: done
d 1: granted as 2: message 4 'two'
a 2: done
c 2: done
c 3: granted as 6: message 5 'three'
)");
}

TEST_CASE("a message that is not acknowledged is delivered again before later ones, and then is a dead letter",
          "[sync]") {
  Scene scene;
  scene.asks('a', sync::OpenQueue{"q", {.capacity = 10, .max_deliveries = 3}});
  scene.asks('a', sync::Send{"q", "one"}).asks('a', sync::Send{"q", "two"}).answers();
  scene.asks('c', sync::Receive{.queue = "q", .lease = 100ms});
  scene.at(100ms).asks('d', receive("q")).asks('d', sync::Release{token(4)}).asks('d', receive("q")).leaves('d');
  CHECK(scene.answers() == R"(
c 1: granted as 3: message 1 'one'
c 1: lost 3
d 1: granted as 4: message 1 'one', delivery 2
d 2: done
d 3: granted as 5: message 1 'one', delivery 3
)");
  scene.asks('e', receive("q")).asks('e', receive("q.dead"));
  scene.asks('e', sync::Acknowledge{"q.dead", token(7)}).asks('e', sync::Send{"q.dead", "no"});
  CHECK(scene.answers() == R"(
e 1: granted as 6: message 2 'two'
e 2: granted as 7: message 1 'one', delivery 4
e 3: done
e 4: queue 'q.dead' holds the dead letters of another: send to that
)");
}

TEST_CASE("a full queue answers full and never grows, dead letters counted", "[sync]") {
  Scene scene;
  scene.asks('a', sync::OpenQueue{"q", {.capacity = 2, .max_deliveries = 1}});
  scene.asks('a', sync::Send{"q", "one"}).asks('c', receive("q")).asks('a', sync::Send{"q", "two"});
  scene.asks('a', sync::Send{"q", "three"}).leaves('c').asks('a', sync::Send{"q", "four"});
  CHECK(scene.answers() == R"(
a 1: done
a 2: done
c 1: granted as 2: message 1 'one'
a 3: done
a 4: full
a 5: full
)");
  CHECK(scene.sync().queues().find("q")->dead.ready.size() == 1);
}

TEST_CASE("an acknowledgement that comes after the lease does not take the message from the next one", "[sync]") {
  Scene scene;
  scene.asks('a', sync::Send{"q", "one"}).asks('c', sync::Receive{.queue = "q", .lease = 100ms}).at(100ms);
  scene.asks('d', receive("q")).asks('c', sync::Acknowledge{"q", token(2)}).asks('d', sync::Acknowledge{"q", token(3)});
  CHECK(scene.answers() == R"(
a 1: done
c 1: granted as 2: message 1 'one'
c 1: lost 2
d 1: granted as 3: message 1 'one', delivery 2
c 2: lost 2
d 2: done
)");
  CHECK(scene.sync().queues().size() == 0);
}

TEST_CASE("a delivery may outlive its client, and is then anybody's to acknowledge", "[sync]") {
  Scene scene;
  scene.asks('a', sync::Send{"q", "one"}).asks('c', sync::Receive{.queue = "q", .outlives_client = true}).leaves('c');
  scene.asks('d', sync::Acknowledge{"other", token(2)}).asks('d', sync::Acknowledge{"q", token(2)});
  CHECK(scene.answers() == "\na 1: done\nc 1: granted as 2: message 1 'one'\nd 1: lost 2\nd 2: done\n");
}

TEST_CASE("a durable queue is as it was after a restart; its receivers go on, and sends are not doubled", "[sync]") {
  Scene scene;
  scene.asks('a', sync::OpenQueue{"q", {.durable = true}});
  scene.asks('a', sync::Send{"q", "one"}).asks('a', sync::Send{"q", "two"}).asks('a', sync::Send{"q", "three"});
  scene.asks('c', receive("q")).asks('d', receive("q")).asks('c', sync::Acknowledge{"q", token(4)}).answers();
  REQUIRE(scene.stored().at("q").messages.size() == 2);
  scene.scheduler_restarts().asks_again('a', 4).asks('e', receive("q"));
  scene.asks('d', sync::Receive{.queue = "q", .held = token(5), .message = token(2)}).at(1000ms);
  scene.asks('d', sync::Acknowledge{"q", token(5)});
  CHECK(scene.answers() == R"(
a 4: done
d 2: granted as 5: message 2 'two'
e 1: granted as 2:1: message 3 'three'
d 3: done
)");
  scene.asks('e', sync::Acknowledge{"q", token(1, 2)});
  CHECK(scene.stored().empty());
}

TEST_CASE("a receiver does not wait where it has no patience, and leaves nothing behind", "[sync]") {
  Scene scene;
  scene.asks('a', receive("q", 0ms)).asks('a', receive("q", 100ms)).at(100ms);
  CHECK(scene.answers() == "\na 1: timed out\na 2: timed out\n");
  CHECK(scene.sync().queues().size() == 0);
}

TEST_CASE("whoever opens a queue that is in use must want it as it is", "[sync]") {
  Scene scene;
  scene.asks('a', sync::OpenQueue{"q", {.capacity = 5}}).asks('b', sync::OpenQueue{"q", {.capacity = 6}});
  scene.leaves('a').asks('b', sync::OpenQueue{"q", {.capacity = 6}});
  CHECK(scene.answers() == R"(
a 1: done
b 1: queue 'q' is in use with a capacity of 5, 5 deliveries, not durable
b 2: done
)");
}

TEST_CASE("a durable queue that is empty after a restart, and that nobody opens, is forgotten", "[sync]") {
  Scene scene;
  scene.asks('a', sync::OpenQueue{"q", {.durable = true}}).asks('a', sync::OpenQueue{"full", {.durable = true}});
  scene.asks('a', sync::Send{"full", "one", true});
  scene.scheduler_restarts().at(900ms);
  CHECK(scene.stored().size() == 2);
  scene.at(1100ms);
  CHECK(scene.sync().queues().queues().size() == 1);
  CHECK(scene.stored().size() == 1);
}
