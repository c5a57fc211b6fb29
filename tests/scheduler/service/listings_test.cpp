// What a scheduler answers to those who only look.
#include "scheduler/service/listings.h"

#include <catch2/catch.hpp>

#include "tests/scheduler/core/scenario.h"

using namespace troupe;
using namespace troupe::scheduler;
using namespace std::chrono_literals;

namespace {

constexpr JobId own{1};

std::vector<std::string> names_of(const message::TaskList& list) {
  std::vector<std::string> names;
  for (const auto& task : list.tasks) names.push_back(task.name);
  return names;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a task is told with what it runs, and with its attempts where these are asked for", "[listings]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).submits("t1", {.max_attempts = 2, .work = "train"});
  cluster.at(10ms).fails("a", "t1#1", {.exit_code = 3, .message = "no"});
  const auto brief = task_list(cluster.scheduler(), {.request = 5, .job = own});
  REQUIRE(brief.tasks.size() == 1);
  CHECK((brief.request == 5 && !brief.goes_on));
  CHECK((brief.tasks[0].work == "train" && brief.tasks[0].kind == message::WorkKind::function));
  CHECK((brief.tasks[0].attempts == 2 && brief.tasks[0].max_attempts == 2));
  CHECK(brief.tasks[0].records.empty());
  const auto full = task_list(cluster.scheduler(), {.job = own, .with_attempts = true});
  REQUIRE(full.tasks[0].records.size() == 2);
  CHECK(full.tasks[0].records[0].cause.exit_code == 3);
  CHECK((full.tasks[0].records[1].started_ms == 10 && full.tasks[0].records[1].ended_ms == 0));
}

TEST_CASE("actors are told apart from tasks, and whether they are up", "[listings]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 2000}).submits("t1").submits("actor", {.is_actor = true, .work = "Counter"});
  const message::AskTasks ask{.job = own, .only_actors = true};
  auto list = task_list(cluster.scheduler(), ask);
  CHECK(names_of(list) == Texts{"actor"});
  CHECK((list.tasks[0].kind == message::WorkKind::actor && !list.tasks[0].is_up));
  cluster.has_actor_up("a", "actor#1");
  CHECK(task_list(cluster.scheduler(), ask).tasks[0].is_up);
}

TEST_CASE("a page looks at so many tasks, whether they are wanted or not", "[listings]") {
  Scenario cluster;
  std::vector<std::pair<std::string, TaskWish>> many;
  for (int i = 0; i < 70'000; ++i) many.emplace_back("t" + std::to_string(i), TaskWish{});
  many.emplace_back("actor", TaskWish{.is_actor = true});
  cluster.submits_all(many);
  message::AskTasks ask{.job = own, .only_actors = true};
  auto page = task_list(cluster.scheduler(), ask);
  CHECK(page.tasks.empty());
  REQUIRE(page.goes_on);
  ask.first = page.next;
  page = task_list(cluster.scheduler(), ask);
  CHECK(names_of(page) == Texts{"actor"});
  CHECK_FALSE(page.goes_on);
}

TEST_CASE("of a node all is told that holds something there, whosever it is", "[listings]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 2000}).joins("b", {.cpus = 1000}).submits("t1").submits("t2").submits("t3");
  cluster.as_durable_job().submits("graph").at(10ms).finishes("b", "t1#1");
  const auto nodes = cluster.scheduler().nodes();
  REQUIRE(nodes.size() == 2);
  Texts all;
  for (const auto& node : nodes)
    for (const auto& name : names_of(task_list(cluster.scheduler(), {.node = node.node}))) all.push_back(name);
  std::sort(all.begin(), all.end());
  CHECK(all == Texts{"graph", "t2", "t3"});
  CHECK(task_list(cluster.scheduler(), {.node = NodeId{99}}).tasks.empty());
}

TEST_CASE("one task is told without its arguments, with why it waits and who holds what it waits for", "[listings]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 2000}).submits("holds", {.locks = {"x"}}).submits("done");
  cluster.at(10ms).finishes("a", "done#1");
  cluster.submits("waits", {.after = {"done", "holds"}, .inputs = {"done"}, .locks = {"x"}});
  auto told = task_told(cluster.scheduler(), {.request = 6, .task = cluster.id_of("waits")});
  CHECK((told.is_known && told.request == 6 && told.job.name == "own"));
  CHECK(std::get<FunctionWork>(told.spec.work).arguments.empty());
  CHECK(told.waits.what == WaitsFor::predecessor);
  CHECK(told.holders.empty());
  REQUIRE(told.before.size() == 2);
  CHECK((told.before[0].name == "holds" && told.before[1].name == "done"));  // What has not ended first.

  cluster.submits("locked", {.locks = {"x"}});
  told = task_told(cluster.scheduler(), {.task = cluster.id_of("locked")});
  CHECK(told.waits.what == WaitsFor::lock);
  REQUIRE(told.holders.size() == 1);
  CHECK((told.holders[0].task == cluster.id_of("holds") && told.holders[0].name == "holds"));
  CHECK_FALSE(task_told(cluster.scheduler(), {.task = {JobId{9}, 9}}).is_known);
}

TEST_CASE("jobs are told in pages, with their tasks by state", "[listings]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 1000}).submits("t1").submits("t2").as_durable_job().submits("graph");
  const auto list = job_list(cluster.scheduler(), {.request = 7});
  CHECK((list.request == 7 && !list.goes_on));
  REQUIRE(list.jobs.size() == 2);
  CHECK((list.jobs[0].job.id == own && !list.jobs[0].job.durable && list.jobs[1].job.durable));
  CHECK(list.jobs[0].states == std::vector<std::uint64_t>{0, 1, 1, 0, 0, 0, 0});
  CHECK(job_list(cluster.scheduler(), {.behind = own}).jobs.size() == 1);
  CHECK(job_list(cluster.scheduler(), {.behind = list.jobs[1].job.id}).jobs.empty());
}

TEST_CASE("the status tells what is free of each node, and how much the scheduler keeps", "[listings]") {
  Scenario cluster;
  cluster.joins("a", {.cpus = 2000, .memory_bytes = 1000, .gpus = {{.index = 0, .uuid = "g"}}});
  cluster.submits("t1", {.needs = {.cpus = 500, .gpus = 250, .memory_bytes = 400}});
  const auto status = cluster_status(cluster.scheduler(), {}, {});
  REQUIRE(status.nodes.size() == 1);
  CHECK((status.nodes[0].free_cpus == 1500 && status.nodes[0].free_gpus == 750));
  CHECK(status.nodes[0].free_memory_bytes == 600);
  CHECK((status.scheduler.tasks == 1 && status.scheduler.jobs == 1 && status.scheduler.drivers == 1));
}

TEST_CASE("an actor that is not known has ended, unless its driver may yet submit it", "[listings]") {
  Scenario cluster({.node_timeout = 300ms, .driver_timeout = 10s, .rejoin_grace = 50ms});
  const auto has_ended = [&](TaskId actor) {
    const auto answer = actor_status(cluster.scheduler(), actor);
    return answer && std::holds_alternative<message::TaskEnded>(*answer);
  };
  const auto step = [&](const Event& event) { (void)cluster.scheduler().step(cluster.now(), event); };
  cluster.joins("a", {.cpus = 1000}).submits("actor", {.is_actor = true});
  const TaskId first = cluster.id_of("actor");
  const TaskId next{first.job, first.number + 1};
  const TaskId last{first.job, first.number + 2};
  CHECK_FALSE(has_ended(first));
  CHECK_FALSE(has_ended(next));
  CHECK(has_ended({JobId{77}, 1}));  // Of a driver that is not here.

  cluster.cancels("actor").stops("a", "actor#1").releases("actor");
  CHECK(cluster.state_of("actor") == "unknown");
  CHECK(has_ended(first));
  step(CancelRequested{{2}, 100, next});
  CHECK_FALSE(has_ended(next));  // Another's word does not count.
  step(CancelRequested{{1}, 101, next});
  CHECK(has_ended(next));
  CHECK_FALSE(has_ended(last));

  // A scheduler of a new epoch knows nothing of those before, but how many there were.
  cluster.restarts_scheduler();
  step(DriverJoined{{1}, {.id = own, .name = "own"}, last.number, {last.number + 5, next.number, next.number}});
  CHECK_FALSE(has_ended(first));
  cluster.at(400ms);
  step(Tick{});
  CHECK(has_ended(first));
  CHECK_FALSE(has_ended(next));  // It is not submitted yet.
  CHECK(has_ended(last));
  CHECK_FALSE(has_ended({own, last.number + 1}));
  step(DriverLeft{{1}});
  CHECK(has_ended({own, last.number + 1}));
}
