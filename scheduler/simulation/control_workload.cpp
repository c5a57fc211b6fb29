#include "scheduler/simulation/control_workload.h"

#include <map>
#include <utility>

#include "scheduler/simulation/witness.h"

namespace troupe::scheduler::sim {
namespace {

/// A comparison that holds for some attempts and not for others.
std::string draw_comparison(Dice& dice, const std::string& name, TaskId task) {
  const char* comparisons[] = {"==", "!=", "<", ">="};
  // Drawn one after the other: compilers differ in which operand of a sum comes first.
  const AttemptId attempt{1, dice.between<std::uint32_t>(1, 3)};
  const char* comparison = comparisons[dice.between(0, 3)];
  return name + ' ' + comparison + " '" + text_of_attempt(task, attempt) + "'";
}

Condition draw_condition(Dice& dice, const std::vector<TaskId>& about) {
  Condition condition;
  for (std::uint32_t i = 0; i < about.size(); ++i) {
    const std::string name = "r" + std::to_string(i);
    if (i > 0) condition.text += dice.chance(500) ? " and " : " or not ";
    condition.text += draw_comparison(dice, name, about[i]);
    condition.results.emplace_back(name, i);
  }
  return condition;
}

void draw_retry(Dice& dice, TaskSpec& spec) {
  RetryRule& rule = spec.retry.emplace();
  // Up to a second: some are longer than the grace after a restart.
  const int tenths = dice.chance(700) ? dice.between(1, 100) : 0;
  rule.delay = std::chrono::milliseconds(tenths * tenths / 10);
  rule.longest_delay = rule.delay * dice.between(1, 4);
  if (dice.chance(300)) rule.exit_codes = {3};
  if (dice.chance(300)) rule.signals = {6};
}

/// The members of a gang are alike, but for their rank.
void draw_meshes(Dice& dice, std::vector<TaskSpec>& tasks) {
  const bool makes_meshes = dice.chance(500);
  for (auto& spec : tasks) {
    if (!makes_meshes || !spec.gang || spec.gang->policy != GangPolicy::data || spec.gang->size % 2 != 0) continue;
    spec.gang->policy = GangPolicy::mesh;
    spec.gang->stages = 2;
  }
}

void draw_durable_control(Dice& dice, TaskSpec& spec) {
  if (!spec.inputs.empty() && dice.chance(300)) spec.when = draw_condition(dice, spec.inputs);
  if (spec.gang) return;
  if (dice.chance(100)) {
    Condition again{.text = draw_comparison(dice, "own", spec.id), .results = {{"own", 0}}};
    spec.repeat = Repeat{std::move(again), dice.between<std::uint32_t>(1, 4)};
  } else {
    spec.cache = dice.chance(200);
  }
}

}  // namespace

void draw_control(Dice& dice, const JobInfo& job, std::vector<TaskSpec>& tasks) {
  draw_meshes(dice, tasks);
  const auto priority = dice.between<std::int32_t>(0, 2);
  for (auto& spec : tasks) {
    spec.priority = priority;
    spec.preemptible = !spec.is_actor() && dice.chance(300);
    spec.spreads = dice.chance(200);
    if (dice.chance(300)) draw_retry(dice, spec);
    if (!spec.is_actor() && dice.chance(50)) spec.timeout = std::chrono::milliseconds(dice.between(20, 300));
    if (job.durable && !spec.is_actor()) draw_durable_control(dice, spec);
  }
}

void draw_locks(Dice& dice, DriverPlan& plan) {
  for (auto& batch : plan.batches)
    for (auto& spec : batch.tasks) {
      if (spec.gang || spec.is_actor()) continue;
      if (dice.chance(150)) spec.locks.push_back(dice.chance(500) ? "a" : "b");
      if (dice.chance(100)) spec.semaphores.push_back({"s", 3});
    }
}

void draw_joins(Dice& dice, DriverPlan& plan) {
  std::map<JobId, std::uint32_t> last_numbers;
  for (const auto& batch : plan.batches) last_numbers[batch.job.id] += static_cast<std::uint32_t>(batch.tasks.size());
  for (auto& batch : plan.batches) {
    auto& tasks = batch.tasks;
    if (tasks.size() < 2 || !dice.chance(400)) continue;
    auto place = dice.between<std::size_t>(1, tasks.size() - 1);
    // The members of a gang wait as one, so they all stand on one side.
    const auto splits_gang = [&] {
      return tasks[place].gang && tasks[place - 1].gang && tasks[place].gang->gang == tasks[place - 1].gang->gang;
    };
    while (place < tasks.size() && splits_gang()) ++place;
    TaskSpec join{.id = {batch.job.id, ++last_numbers[batch.job.id]}, .work = JoinWork{}, .needs = {.cpus = 0}};
    join.name = 't' + std::to_string(join.id.number);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (!dice.chance(700)) continue;
      if (i >= place) tasks[i].after.push_back(join.id);
      if (i < place && !tasks[i].is_actor()) join.after.push_back(tasks[i].id);
    }
    if (dice.chance(100)) plan.cancels.push_back({batch.at + Time{dice.log_between<std::int64_t>(1, 1000)}, join.id});
    const auto before = static_cast<std::ptrdiff_t>(place);
    tasks.insert(tasks.begin() + before, std::move(join));
    batch.scripts.insert(batch.scripts.begin() + before, TaskScript{});
  }
}

}  // namespace troupe::scheduler::sim
