#include "tests/scheduler/sync/scene.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

TEST_CASE("a large request is not overtaken by small ones behind it", "[sync]") {
  Scene scene;
  scene.asks('a', permits("s", 2, 3)).asks('b', permits("s", 3, 3)).asks('c', permits("s", 1, 3));
  CHECK(scene.answers() == "\na 1: granted as 1\n");
  scene.asks('a', sync::Release{token(1)});
  CHECK(scene.answers() == "\nb 1: granted as 2\na 2: done\n");
  scene.leaves('b');
  CHECK(scene.answers() == "\nc 1: granted as 3\n");
}

TEST_CASE("a semaphore that nobody uses is forgotten, and the next one may have another size", "[sync]") {
  Scene scene;
  scene.asks('a', permits("s", 2, 3)).leaves('a').asks('b', permits("s", 5, 5));
  CHECK(scene.answers() == "\na 1: granted as 1\nb 1: granted as 2\n");
}

TEST_CASE("a task takes all of its locks and semaphores in one step, or none", "[sync]") {
  Scene scene;
  auto& sync = scene.sync();
  const TaskSpec both = spec_of(1, {"x", "y"}, {{"s", 2}});
  const TaskSpec one = spec_of(2, {}, {{"s", 2}});
  const TaskSpec third = spec_of(3, {}, {{"s", 2}});
  REQUIRE(sync.can_take_all(both));
  const sync::Token token = sync.take_all(both, {1, 1});
  CHECK(sync.token_of(both.id, {1, 1}) == token);
  REQUIRE(sync.can_take_all(one));
  sync.take_all(one, {1, 1});
  CHECK(sync.why_not(spec_of(4, {"z", "y"}, {})) == "lock 'y' is held");
  CHECK(sync.why_not(third) == "semaphore 's' has no free permit");
  CHECK(sync.locks().find("z") == nullptr);
  scene.attempt_over(1);
  CHECK(sync.can_take_all(third));
  CHECK(sync.locks().size() == 0);
}

TEST_CASE("a task does not pass those who wait, and takes nothing while holders may still claim theirs", "[sync]") {
  Scene scene;
  scene.asks('a', permits("s", 1, 2)).asks('b', permits("s", 2, 2));
  CHECK_FALSE(scene.sync().can_take_all(spec_of(1, {}, {{"s", 2}})));
  scene.scheduler_restarts();
  scene.at(999ms);
  CHECK_FALSE(scene.sync().can_take_all(spec_of(1, {"x"}, {})));
  CHECK(scene.sync().can_take_all(spec_of(1, {}, {})));
  scene.at(1000ms);
  CHECK(scene.sync().can_take_all(spec_of(1, {"x"}, {})));
}

TEST_CASE("what a running task holds is taken again after a restart, before anything is granted", "[sync]") {
  Scene scene;
  const TaskSpec spec = spec_of(1, {"x"}, {});
  scene.scheduler_restarts();
  scene.sync().take_again(spec, {1, 1});
  scene.asks('a', lock("x")).at(2000ms);
  CHECK(scene.answers() == "\n");
  scene.attempt_over(1);
  CHECK(scene.answers() == "\na 1: granted as 2:2\n");
}
