#include "scheduler/simulation/workload.h"

#include <string>

#include "scheduler/simulation/control_workload.h"

namespace troupe::scheduler::sim {
namespace {

NodeCapacity draw_node(Dice& dice) {
  NodeCapacity node{.cpus = dice.between(1, 4) * 1000, .memory_bytes = 1 << 20};
  const auto gpus = dice.chance(400) ? dice.between<std::uint32_t>(1, 2) : 0;
  for (std::uint32_t i = 0; i < gpus; ++i)
    node.gpus.push_back({.index = i, .uuid = "gpu" + std::to_string(i), .memory_bytes = 1000});
  return node;
}

/// Draws the batches of one driver: each is a shape that is common in real graphs.
class Drawing {
 public:
  Drawing(Dice& dice, Workload& workload, DriverPlan& plan) : dice_(dice), workload_(workload), plan_(plan) {}

  void draw_batch(Time at, JobInfo job) {
    batch_ = {.at = at, .job = std::move(job), .tasks = {}};
    last_number_ = 0;
    for (const auto& batch : plan_.batches)
      if (batch.job.id == batch_.job.id) last_number_ += static_cast<std::uint32_t>(batch.tasks.size());
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
    plan_.batches.push_back(std::move(batch_));
  }

 private:
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
    TaskScript script{.duration = Time{dice_.between(1, 150)}};
    if (dice_.chance(200)) script.failures = dice_.between(1, 3);
    script.kills = dice_.chance(300);
    workload_.scripts[spec.id] = script;
    if (dice_.chance(50)) plan_.cancels.push_back({batch_.at + Time{dice_.between(0, 300)}, spec.id});
    batch_.tasks.push_back(std::move(spec));
    return batch_.tasks.back();
  }

  /// What no node has is refused, or waits for ever: neither is of interest here.
  bool fits(const Resources& needs) const { return fits_as_gang(needs, 1); }
  bool fits_as_gang(const Resources& needs, std::uint32_t size) const {
    std::uint32_t seats = 0;
    for (const auto& node : workload_.nodes)
      for (NodeLedger ledger(node); ledger.take(needs);) ++seats;
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
    const Time cancelled_at = batch_.at + Time{dice_.between(200, 1500)};
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
    plan_.cancels.push_back({batch_.at + Time{dice_.between(200, 1500)}, spec.id});
  }

  Dice& dice_;
  Workload& workload_;
  DriverPlan& plan_;
  PlannedBatch batch_;
  std::uint32_t last_number_ = 0;
};

}  // namespace

Workload draw_workload(std::uint64_t seed, const Knobs& knobs) {
  Dice dice(seed, "workload");
  Workload workload;
  for (std::size_t i = 0; i < knobs.nodes; ++i) workload.nodes.push_back(draw_node(dice));
  for (std::size_t i = 0; i < knobs.drivers; ++i) {
    DriverPlan plan{.own = {.id = {100 + i}, .name = "driver", .program = "/bin/driver"}};
    const JobInfo graph{.id = {200 + i}, .name = "graph", .durable = true};
    Drawing drawing(dice, workload, plan);
    Time at{50};
    for (int batches = dice.between(1, 6); batches > 0; --batches) {
      at += Time{dice.between(0, 600)};
      drawing.draw_batch(at, dice.chance(400) ? graph : plan.own);
    }
    if (dice.chance(150)) plan.dies_at = Time{dice.between(300, 3000)};
    workload.drivers.push_back(std::move(plan));
  }
  return workload;
}

}  // namespace troupe::scheduler::sim
