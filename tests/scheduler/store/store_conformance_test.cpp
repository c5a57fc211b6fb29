// What every store keeps to. Linked once with each kind.
#include <catch2/catch.hpp>

#include "tests/scheduler/store/store_support.h"
#include "tests/scheduler/store/world.h"

namespace troupe::scheduler::test {

TEST_CASE("an empty store takes the cluster id that it is offered and keeps it", "[store]") {
  auto world = new_world();
  const StoredState first = opened(*world->store());
  CHECK(first == StoredState{.cluster = some_cluster, .epoch = 1, .commit_seq = 0});
  const auto second = world->store()->open(ClusterId{9, 9});
  REQUIRE(second);
  CHECK(second->cluster == some_cluster);
}

TEST_CASE("the epoch grows at each open and the commits stay counted", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  CHECK(opened(*store).epoch == 1);
  CHECK(committed(*store, small_graph(JobId{1}, 1)) == 1);
  CHECK(committed(*store, {}) == 2);
  const StoredState again = opened(*world->store());
  CHECK(again.epoch == 2);
  CHECK(again.commit_seq == 2);
  const auto third = world->store();
  CHECK(opened(*third).epoch == 3);
  CHECK(committed(*third, {}) == 3);
}

TEST_CASE("what was committed is loaded equal after each reopen", "[store]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  auto world = new_world();
  BatchMaker maker(dice);
  Model model;
  for (int round = 0; round < 6; ++round) {
    const auto store = world->store();
    const StoredState state = opened(*store);
    REQUIRE(model.holds(state));
    for (int i = 0; i < 8; ++i) {
      Batch batch = maker.next(dice.below(60));
      model.add(batch);
      CHECK(committed(*store, std::move(batch)) == state.commit_seq + static_cast<std::uint64_t>(i) + 1);
    }
  }
  CHECK(model.holds(opened(*world->store())));
}

TEST_CASE("a task that was accepted and never changed is loaded as waiting", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  opened(*store);
  committed(*store, small_graph(JobId{7}, 3));
  const StoredState state = opened(*world->store());
  REQUIRE(state.tasks.size() == 3);
  CHECK(state.tasks[2].spec.id == TaskId{JobId{7}, 2});
  CHECK(state.tasks[2].progress == TaskProgress{});
}

TEST_CASE("the last change of a task in one batch stands", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  opened(*store);
  Batch batch = small_graph(JobId{1}, 1);
  const TaskId task{JobId{1}, 0};
  batch.push_back(SaveProgress{task, {.state = TaskState::running}});
  for (const Write& write : small_graph(JobId{2}, 2)) batch.push_back(write);
  batch.push_back(SaveProgress{task, {.state = TaskState::done, .result = std::string("\0\r\n$5", 5)}});
  committed(*store, std::move(batch));
  const StoredState state = opened(*world->store());
  REQUIRE(state.tasks.size() == 3);
  CHECK(state.tasks[0].progress == TaskProgress{.state = TaskState::done, .result = std::string("\0\r\n$5", 5)});
}

TEST_CASE("an opener fences the one before, of whom nothing more is stored", "[store]") {
  auto world = new_world();
  const auto first = world->store();
  opened(*first);
  committed(*first, small_graph(JobId{1}, 1));
  const auto second = world->store();
  opened(*second);

  const CommitOutcome outcome = commit(*first, small_graph(JobId{2}, 1));
  REQUIRE(std::holds_alternative<Fenced>(outcome));
  CHECK(std::get<Fenced>(outcome).epoch == 2);
  CHECK(std::holds_alternative<Fenced>(commit(*first, {})));  // for good

  CHECK(committed(*second, small_graph(JobId{3}, 1)) == 2);
  const auto third = world->store();
  const StoredState state = opened(*third);
  REQUIRE(state.jobs.size() == 2);
  CHECK(state.jobs[0].id == JobId{1});
  CHECK(state.jobs[1].id == JobId{3});
}

TEST_CASE("a fenced store that is opened again takes a new epoch and goes on", "[store]") {
  auto world = new_world();
  const auto first = world->store();
  const auto second = world->store();
  opened(*first);
  opened(*second);
  REQUIRE(std::holds_alternative<Fenced>(commit(*first, {})));
  CHECK(opened(*first).epoch == 3);
  CHECK(committed(*first, {}) == 1);
  CHECK(std::holds_alternative<Fenced>(commit(*second, {})));
}

TEST_CASE("an empty batch is a commit", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  opened(*store);
  CHECK(!store->poll());
  CHECK(committed(*store, {}) == 1);
  CHECK(!store->poll());
  CHECK(opened(*store).commit_seq == 1);
}

TEST_CASE("a batch of ten thousand tasks is stored whole", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  opened(*store);
  Batch batch = small_graph(JobId{5}, 10'000);
  Batch progress;
  for (std::uint32_t number = 0; number < 10'000; ++number) {
    progress.push_back(SaveProgress{{JobId{5}, number}, {.state = TaskState::done, .result = std::to_string(number)}});
  }
  Model model;
  model.add(batch);
  model.add(progress);
  committed(*store, std::move(batch));
  committed(*store, std::move(progress));
  CHECK(model.holds(opened(*world->store())));
}

TEST_CASE("a thousand small graphs are loaded in the order of their ids", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  opened(*store);
  Model model;
  Batch batch;
  for (std::uint64_t job = 1'000; job > 0; --job) {
    for (Write& write : small_graph(JobId{job << 50 | job}, 2)) batch.push_back(std::move(write));
  }
  model.add(batch);
  committed(*store, std::move(batch));
  CHECK(model.holds(opened(*world->store())));
}

TEST_CASE("a graph that was compacted is its summary, and one that was dropped is nothing", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  opened(*store);
  committed(*store, small_graph(JobId{1}, 3));
  committed(*store, small_graph(JobId{2}, 3));
  const GraphSummary first{.job = {.id = JobId{1}, .name = "first", .durable = true}, .tasks = {0, 3}, .ended_ms = 7};
  const GraphSummary second{.job = {.id = JobId{2}, .name = "second", .durable = true}, .tasks = {0, 0, 3}};
  committed(*store, {SaveSummary{first}, SaveSummary{second}});
  StoredState state = opened(*world->store());
  CHECK(state.jobs.empty());
  CHECK(state.tasks.empty());
  CHECK(state.summaries == std::vector{first, second});

  const auto next = world->store();
  opened(*next);
  Batch batch = {DropSummary{JobId{1}}};
  for (Write& write : small_graph(JobId{3}, 1)) batch.push_back(std::move(write));
  committed(*next, std::move(batch));
  state = opened(*world->store());
  CHECK(state.summaries == std::vector{second});
  CHECK(state.tasks.size() == 1);
}

TEST_CASE("a result of a megabyte comes back whole", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  opened(*store);
  Batch batch = small_graph(JobId{1}, 1);
  TaskProgress progress{.state = TaskState::done, .result = std::string(3 << 20, '\xc1')};
  batch.push_back(SaveProgress{{JobId{1}, 0}, progress});
  committed(*store, std::move(batch));
  CHECK(opened(*world->store()).tasks.at(0).progress == progress);
}

TEST_CASE("queues come back with the messages that were not removed", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  opened(*store);
  const std::string odd("a \0\r\n:1", 8);
  const StoredMessage message{.body = std::string("\xff\0", 2), .deliveries = 2, .sender = {7}, .request = 3};
  Batch batch = small_graph(JobId{1}, 1);
  for (const std::string& queue : {std::string("jobs"), odd}) {
    batch.push_back(SaveQueue{queue, sync::QueueOptions{.capacity = 9, .durable = true}});
    for (std::uint64_t number : {1u, 2u, 3u}) batch.push_back(SaveMessage{queue, number, message});
  }
  batch.push_back(SaveMessage{"jobs", 2, std::nullopt});
  committed(*store, std::move(batch));
  const StoredState first = opened(*world->store());
  CHECK(first.jobs.size() == 1);
  REQUIRE(first.queues.size() == 2);
  CHECK(first.queues.at(odd).messages.size() == 3);
  CHECK(first.queues.at("jobs") == StoredQueue{{.capacity = 9, .durable = true}, {{1, message}, {3, message}}});

  const auto second = world->store();
  opened(*second);
  committed(*second, {SaveMessage{"jobs", 3, std::nullopt}, SaveQueue{odd, std::nullopt}});
  committed(*second, {SaveQueue{odd, sync::QueueOptions{}}});
  const StoredState last = opened(*world->store());
  CHECK(last.queues.at("jobs").messages.size() == 1);
  CHECK(last.queues.at(odd).messages.empty());
}

TEST_CASE("a store that is older than what was seen is refused with the numbers", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  const StoredState state = opened(*store);
  committed(*store, {});

  CHECK(world->store(StoreAge{some_cluster, state.epoch, 1})->open(some_cluster));
  const auto behind = world->store(StoreAge{some_cluster, state.epoch, 4})->open(some_cluster);
  REQUIRE(!behind);
  CHECK(behind.error().fault == Fault::refused);
  CHECK_THAT(behind.error().message, Catch::Contains("commit 1, seen 4, so 3 committed batches are missing"));
  const auto earlier = world->store(StoreAge{some_cluster, 99, 1})->open(some_cluster);
  REQUIRE(!earlier);
  CHECK_THAT(earlier.error().message, Catch::Contains("seen 99"));
  const auto foreign = world->store(StoreAge{ClusterId{3, 4}, 1, 1})->open(some_cluster);
  REQUIRE(!foreign);
  CHECK_THAT(foreign.error().message, Catch::Contains(to_text(ClusterId{3, 4})));
}

TEST_CASE("a store that is rolled back under its writer is refused by it", "[store]") {
  auto world = new_world();
  const auto store = world->store();
  opened(*store);
  committed(*store, {});
  world->copy_disk();
  committed(*store, {});
  committed(*store, {});
  world->put_copy_back();
  const CommitOutcome outcome = commit(*store, {});
  REQUIRE(std::holds_alternative<StoreLost>(outcome));
  CHECK_THAT(std::get<StoreLost>(outcome).error.message, Catch::Contains("commit 1, seen 3"));
  CHECK(!store->open(some_cluster));
}

}  // namespace troupe::scheduler::test
