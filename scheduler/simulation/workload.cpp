#include "scheduler/simulation/workload.h"

#include <algorithm>
#include <string>

#include "runtime/base/resources.h"
#include "scheduler/simulation/control_workload.h"
#include "scheduler/simulation/dice.h"

namespace troupe::scheduler::sim {
namespace {

/// Draws the batches of one driver: each is a shape that is common in real graphs.
class Drawing {
 public:
  Drawing(Dice& dice, const Scenario& scenario, DriverPlan& plan)
      : dice_(dice), plan_(plan), longest_(longest_task(scenario.timing)) {
    for (std::size_t i = 0; i < scenario.nodes.size(); ++i)
      if (scenario.stays(i)) nodes_.emplace_back(scenario.nodes[i].capacity);
  }

  /// The number of its tasks.
  std::size_t draw_batch(Time at, JobInfo job) {
    begin(at, std::move(job));
    switch (dice_.between(0, batch_.job.durable ? 5 : 6)) {
      case 0: chain(); break;
      case 1: fan(); break;
      case 2: diamonds(); break;
      case 3: gang(GangPolicy::data, false); break;
      case 4: gang(GangPolicy::model, false); break;
      case 5: singles(); break;
      case 6: dice_.chance(500) ? actor() : gang(GangPolicy::data, true); break;
    }
    draw_control(dice_, batch_.job, batch_.tasks);
    const std::size_t size = batch_.tasks.size();
    plan_.batches.push_back(std::move(batch_));
    return size;
  }

  /// Some tasks of graphs add tasks to them: while they run, or a little too late.
  void draw_added() {
    const std::size_t planned = plan_.batches.size();
    for (std::size_t i = 0; i < planned; ++i) {
      if (!plan_.batches[i].job.durable || !dice_.chance(250)) continue;
      const auto which = static_cast<std::size_t>(dice_.roll() % plan_.batches[i].tasks.size());
      const TaskSpec& from = plan_.batches[i].tasks[which];
      const Time runs = plan_.batches[i].scripts[which].duration;
      begin(plan_.batches[i].at, plan_.batches[i].job);
      batch_.from = from.id;
      const bool comes_after = !from.is_actor() && dice_.chance(500);
      for (int left = dice_.between(1, 3); left > 0; --left)
        add(comes_after ? std::vector<TaskId>{batch_.from} : std::vector<TaskId>{});
      draw_control(dice_, batch_.job, batch_.tasks);
      batch_.at = dice_.between(Time{0}, runs + Time{2});
      plan_.batches.push_back(std::move(batch_));
    }
  }

  /// Many small tasks, and then grids of such, each after its neighbours of the step before: these are given behind
  /// what they come after. Answers with when they are.
  std::vector<Time> draw_grids(Time first, Time leaves) {
    std::vector<Time> starts;
    for (int grids = dice_.chance(200) ? dice_.between(10, 25) : dice_.between(1, 4); grids > 0; --grids) {
      begin(Time{dice_.between(first.count(), leaves.count())}, plan_.own);
      for (int left = 30; left > 0; --left) add_quick({}, Time{3});
      const Time begins = batch_.at + Time{dice_.between(0, 200)};
      plan_.batches.push_back(std::move(batch_));
      begin(begins, plan_.own);
      starts.push_back(begins);
      // Of the longer ones more still run when those behind them come.
      const Time longest{dice_.chance(500) ? 3 : 40};
      std::vector<TaskId> before;
      const auto width = dice_.between<std::size_t>(1, 6);
      for (int steps = dice_.between(2, 8); steps > 0; --steps) {
        std::vector<TaskId> row;
        for (std::size_t i = 0; i < width; ++i) {
          std::vector<TaskId> near;
          for (std::size_t j = i < 1 ? 0 : i - 1; j < before.size() && j <= i + 1; ++j) near.push_back(before[j]);
          row.push_back(add_quick(std::move(near), longest));
        }
        before = std::move(row);
      }
      plan_.batches.push_back(std::move(batch_));
    }
    std::stable_sort(plan_.batches.begin(), plan_.batches.end(),
                     [](const PlannedBatch& a, const PlannedBatch& b) { return a.at < b.at; });
    return starts;
  }

 private:
  TaskId add_quick(std::vector<TaskId> inputs, Time longest) {
    TaskSpec& spec = add(std::move(inputs), FunctionWork{"f", {}});
    spec.work = FunctionWork{"f", {}};
    spec.needs = {.cpus = 1000};
    TaskScript& script = batch_.scripts.back();
    script.duration = dice_.between(Time{0}, longest);
    if (!dice_.chance(100)) script.failures = 0;
    return spec.id;
  }

  void begin(Time at, JobInfo job) {
    batch_ = {.at = at, .job = std::move(job)};
    last_number_ = 0;
    for (const auto& batch : plan_.batches)
      if (batch.job.id == batch_.job.id) last_number_ += static_cast<std::uint32_t>(batch.tasks.size());
  }

  Time some_time() { return Time{dice_.log_between<std::int64_t>(1, longest_.count())}; }

  TaskSpec& add(std::vector<TaskId> inputs, Work work = FunctionWork{"f", {}}) {
    TaskSpec spec{.id = {batch_.job.id, ++last_number_}, .work = std::move(work)};
    spec.name = 't' + std::to_string(spec.id.number);
    spec.after = inputs;
    spec.inputs = std::move(inputs);
    spec.max_attempts = dice_.between(1, 3);
    if (dice_.chance(150)) spec.needs.cpus = 2000;
    if (dice_.chance(150)) spec.needs = {.cpus = 500, .gpus = dice_.chance(500) ? 500 : 1000};
    if (!spec.is_actor() && dice_.chance(300)) spec.work = CommandWork{.argv = {"true"}};
    if (!fits(spec.needs)) spec.needs = {.cpus = 1000};
    TaskScript script{.duration = some_time()};
    if (dice_.chance(200)) script.failures = dice_.between(1, 3);
    script.kills = dice_.chance(300);
    batch_.scripts.push_back(script);
    if (dice_.chance(50)) plan_.cancels.push_back({batch_.at + some_time(), spec.id});
    batch_.tasks.push_back(std::move(spec));
    return batch_.tasks.back();
  }

  /// What no node has is refused, or waits for ever: neither is of interest here.
  bool fits(const Resources& needs) const {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) { return node.emptied().fits(needs); });
  }
  bool fits_as_gang(const Resources& needs, std::uint32_t size) const {
    std::uint32_t seats = 0;
    for (NodeLedger ledger : nodes_)
      while (seats < size && ledger.take(needs)) ++seats;
    return seats >= size;
  }

  /// Sometimes a task of an earlier batch.
  std::vector<TaskId> earlier() {
    std::vector<TaskId> known;
    for (const auto& batch : plan_.batches)
      for (const auto& spec : batch.tasks)
        if (batch.job.id == batch_.job.id && !spec.is_actor()) known.push_back(spec.id);
    if (known.empty() || !dice_.chance(300)) return {};
    return {dice_.one_of(known)};
  }

  void chain() {
    std::vector<TaskId> before = earlier();
    for (int left = dice_.between(2, 6); left > 0; --left) before = {add(before).id};
  }

  void fan() {
    const TaskId first = add(earlier()).id;
    std::vector<TaskId> middle;
    for (int left = dice_.between(2, 8); left > 0; --left) middle.push_back(add({first}).id);
    add(middle);
  }

  void diamonds() {
    TaskId top = add(earlier()).id;
    for (int left = dice_.between(1, 3); left > 0; --left) {
      const TaskId a = add({top}).id;
      const TaskId b = add({top}).id;
      top = add({a, b}).id;
    }
  }

  void singles() {
    for (int left = dice_.between(1, 12); left > 0; --left) add({});
  }

  void gang(GangPolicy policy, bool of_actors) {
    auto size = dice_.between<std::uint32_t>(2, 4);
    Resources needs{.cpus = 1000};
    if (dice_.chance(200)) needs = {.cpus = 500, .gpus = 500};
    if (!fits_as_gang(needs, size)) needs = {.cpus = 500};
    while (!fits_as_gang(needs, size)) --size;
    std::vector<TaskId> before;
    if (dice_.chance(400)) before.push_back(add({}).id);
    const std::uint32_t number = last_number_ + 1;
    const Time cancelled_at = batch_.at + longest_ / 2 + some_time();
    std::vector<TaskId> members;
    for (std::uint32_t rank = 0; rank < size; ++rank) {
      TaskSpec& spec = add(before, of_actors ? Work{ActorWork{"A", {}}} : Work{FunctionWork{"f", {}}});
      spec.needs = needs;
      spec.gang =
          GangHint{.gang = number, .size = size, .rank = rank, .policy = policy, .bytes_to_next = dice_.between(0, 9)};
      members.push_back(spec.id);
      if (of_actors) plan_.cancels.push_back({cancelled_at, spec.id});
    }
    if (!of_actors && dice_.chance(400)) add(members);
  }

  void actor() {
    TaskSpec& spec = add({}, ActorWork{"A", {}});
    plan_.cancels.push_back({batch_.at + longest_ / 2 + some_time(), spec.id});
  }

  Dice& dice_;
  DriverPlan& plan_;
  std::vector<NodeLedger> nodes_;  // that stay
  const Time longest_;             // that a task takes
  PlannedBatch batch_;
  std::uint32_t last_number_ = 0;
};

/// Tasks of a few milliseconds: of such, nodes are given some ahead.
void make_quick(Dice& dice, DriverPlan& plan) {
  for (auto& batch : plan.batches)
    for (std::size_t i = 0; i < batch.tasks.size(); ++i)
      if (!batch.tasks[i].is_actor()) batch.scripts[i].duration = Time{dice.between(0, 3)};
}

/// Most of its actors share their workers; many of those need no cpu, so that a node has room for more of them.
void make_actors_share(Dice& dice, DriverPlan& plan) {
  for (auto& batch : plan.batches) {
    for (TaskSpec& spec : batch.tasks) {
      if (!spec.is_actor() || dice.chance(200)) continue;
      std::get<ActorWork>(spec.work).shares_worker = true;
      if (!spec.gang && dice.chance(700)) spec.needs = {.cpus = 0};
    }
  }
}

}  // namespace

/// Drivers come and go; the batches of one come in bursts, so that there is more to run than there is room.
namespace {

/// A scheduler that is started anew at once, while what the driver asked for then waits for each other at its nodes.
void crash_amid(Scenario& scenario, std::uint64_t driver, const std::vector<Time>& starts) {
  Dice dice(scenario.seed + driver, "amid grids");
  for (const Time start : starts) {
    const Fault crash{
        .kind = FaultKind::scheduler_crash, .at = start + Time{dice.between(1, 40)}, .lasts = Time{dice.between(0, 2)}};
    if (dice.chance(500) && !scenario.is_quiet() && crash.at < scenario.faults_until) scenario.faults.push_back(crash);
  }
}

}  // namespace

void draw_workload(Scenario& scenario, std::size_t fewest, std::size_t most) {
  const std::size_t wanted = Dice(scenario.seed, "work").log_between(fewest, most);
  const std::size_t drivers = Dice(scenario.seed, "drivers").between<std::size_t>(1, 4);
  const Time burst = 2 * scenario.timing.heartbeat;
  for (std::size_t i = 0; i < drivers; ++i) {
    Dice dice(scenario.seed + i, "driver");
    DriverPlan plan{.own = {.id = {2 * i + 1}, .name = "driver", .program = "/bin/driver"}};
    const JobInfo graph{.id = {2 * i + 2}, .name = "graph", .durable = true};
    const int graphs_permille = dice.between(0, 1000);
    // Ends before the faults do, mostly: what is asked for while they last matters.
    const Time last{scenario.faults_until.count() * 9 / 10};
    plan.starts_at = Time{dice.between<std::int64_t>(0, last.count() / 2)};
    const Time first = plan.starts_at + Time{1};
    const Time leaves{dice.between(first.count(), std::max(first, last).count())};
    const Time pause = (leaves - first) * static_cast<int>(20 * drivers) / static_cast<int>(wanted) + burst;
    Drawing drawing(dice, scenario, plan);
    Time at = first;
    for (std::size_t tasks = 0; tasks * drivers < wanted;) {
      tasks += drawing.draw_batch(at, dice.chance(graphs_permille) ? graph : plan.own);
      const Time longest = dice.chance(300) ? 2 * pause : burst;
      at = std::min(at + Time{dice.between<std::int64_t>(0, longest.count())}, leaves);
    }
    if (dice.chance(150)) plan.dies_at = Time{dice.between(first.count(), last.count() + 1)};
    Dice quick(scenario.seed + i, "quick");
    if (quick.chance(300)) make_quick(quick, plan);
    Dice sharing(scenario.seed + i, "sharing actors");
    if (sharing.chance(500)) make_actors_share(sharing, plan);
    Dice grids(scenario.seed + i, "grids");
    if (grids.chance(300)) crash_amid(scenario, i, Drawing(grids, scenario, plan).draw_grids(first, leaves));
    Dice added(scenario.seed + i, "added");
    if (added.chance(500)) Drawing(added, scenario, plan).draw_added();
    Dice locks(scenario.seed + i, "locks");
    if (locks.chance(500)) draw_locks(locks, plan);
    Dice joins(scenario.seed + i, "joins");
    if (joins.chance(500)) draw_joins(joins, plan);
    scenario.drivers.push_back(std::move(plan));
  }
}

}  // namespace troupe::scheduler::sim
