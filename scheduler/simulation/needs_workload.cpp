#include "scheduler/simulation/needs_workload.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "runtime/base/resources.h"
#include "scheduler/simulation/dice.h"

namespace troupe::scheduler::sim {
namespace {

constexpr Time quickest{3};
constexpr std::int64_t gpu_memory = 1000;
constexpr std::int32_t before_all_others = 3;
constexpr const char* zones[] = {"a", "b"};

/// Of one task in a few.
void draw_need(Dice& dice, Resources& needs) {
  if (dice.chance(300)) needs.memory_bytes = dice.between<std::int64_t>(1, 4) << 18;
  if (dice.chance(200)) needs.labels = {{"zone", zones[dice.between(0, 1)]}};
  if (!dice.chance(300)) return;
  constexpr std::array<Milli, 5> shares{300, 600, 700, 1000, 2000};
  needs.cpus = 500;
  needs.gpus = dice.one_of(shares);
  if (dice.chance(500)) needs.gpu_memory_bytes = dice.between<std::int64_t>(1, 10) * gpu_memory / 10;
}

class Staying {
 public:
  explicit Staying(const Scenario& scenario) {
    for (std::size_t i = 0; i < scenario.nodes.size(); ++i)
      if (scenario.stays(i)) nodes_.emplace_back(scenario.nodes[i].capacity);
  }
  bool fit(const Resources& needs) const {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) { return node.fits(needs); });
  }
  Milli seats() const {
    Milli sum = 0;
    for (const auto& node : nodes_) sum += node.free_cpus() / 1000;
    return sum;
  }
  Milli most_cpus() const {
    Milli most = 0;
    for (const auto& node : nodes_) most = std::max(most, node.free_cpus());
    return most;
  }

 private:
  std::vector<NodeLedger> nodes_;
};

DriverPlan& add_driver(Scenario& scenario, Time starts_at) {
  const std::uint64_t number = scenario.drivers.size();
  return scenario.drivers.emplace_back(
      DriverPlan{.own = {.id = {2 * number + 1}, .name = "driver", .program = "/bin/driver"}, .starts_at = starts_at});
}

/// Of its own job.
std::uint32_t last_number(const DriverPlan& plan) {
  std::uint32_t last = 0;
  for (const auto& batch : plan.batches)
    if (!batch.job.durable) last += static_cast<std::uint32_t>(batch.tasks.size());
  return last;
}

/// Plain tasks, alike.
void add_batch(DriverPlan& plan, Time at, int count, Milli cpus, const auto& draw_duration) {
  std::uint32_t last = last_number(plan);
  PlannedBatch& batch = plan.batches.emplace_back(PlannedBatch{.at = at, .job = plan.own});
  for (; count > 0; --count) {
    TaskSpec spec{.id = {plan.own.id, ++last}, .work = FunctionWork{"f", {}}, .needs = {.cpus = cpus}};
    spec.priority = before_all_others;
    spec.name = 't' + std::to_string(last);
    batch.tasks.push_back(std::move(spec));
    batch.scripts.push_back({.duration = draw_duration()});
  }
}

}  // namespace

void draw_node_kinds(Scenario& scenario) {
  Dice dice(scenario.seed, "node kinds");
  if (!dice.chance(300)) return;
  for (NodePlan& node : scenario.nodes) {
    if (dice.chance(700)) node.capacity.labels = {{"zone", zones[dice.between(0, 1)]}};
    if (dice.chance(300)) node.capacity.memory_bytes = 1 << 19;
    if (!dice.chance(500)) continue;
    node.capacity.gpus.clear();
    for (auto left = dice.between<std::uint32_t>(2, 4); left > 0; --left) {
      const auto index = static_cast<std::uint32_t>(node.capacity.gpus.size());
      node.capacity.gpus.push_back({.index = index, .uuid = "gpu" + std::to_string(index), .memory_bytes = gpu_memory});
    }
  }
}

void draw_needs(Scenario& scenario) {
  const auto is_special = [](const NodePlan& node) {
    return !node.capacity.labels.empty() || node.capacity.gpus.size() > 1 || node.capacity.memory_bytes < 1 << 20;
  };
  if (std::none_of(scenario.nodes.begin(), scenario.nodes.end(), is_special)) return;
  Dice dice(scenario.seed, "needs");
  const Staying nodes(scenario);
  for (auto& driver : scenario.drivers)
    for (auto& batch : driver.batches)
      for (std::size_t i = 0; i < batch.tasks.size(); ++i) {
        TaskSpec& spec = batch.tasks[i];
        // The quick ones stay alike: such are given ahead.
        const bool is_quick = batch.scripts[i].duration <= quickest;
        if (spec.gang || spec.is_join() || is_quick || !dice.chance(400)) continue;
        Resources needs = spec.needs;
        draw_need(dice, needs);
        if (nodes.fit(needs)) spec.needs = needs;
      }
}

void draw_nesting(Scenario& scenario) {
  Dice dice(scenario.seed, "nesting");
  const Time longest = longest_task(scenario.timing);
  for (auto& driver : scenario.drivers) {
    if (!dice.chance(400)) continue;
    std::uint32_t last = last_number(driver);
    const auto may_wait = [&](const PlannedBatch& batch, std::size_t i) {
      const TaskSpec& spec = batch.tasks[i];
      return !batch.job.durable && std::holds_alternative<FunctionWork>(spec.work) && !spec.gang &&
             spec.needs.cpus > 0 && spec.locks.empty() && spec.semaphores.empty() && !batch.scripts[i].waits_for;
    };
    const int permille = dice.log_between(10, 500);
    const std::size_t most = driver.batches.size() * 2;
    for (std::size_t at = 0; at < driver.batches.size() && driver.batches.size() < most; ++at) {
      for (std::size_t i = 0; i < driver.batches[at].tasks.size(); ++i) {
        if (!may_wait(driver.batches[at], i) || !dice.chance(permille)) continue;
        const TaskId outer = driver.batches[at].tasks[i].id;
        TaskSpec inner{.id = {outer.job, ++last}, .work = FunctionWork{"f", {}}, .needs = {.cpus = 1000}};
        inner.name = 't' + std::to_string(last);
        driver.batches[at].scripts[i].waits_for = inner.id;
        PlannedBatch nested{.at = dice.between(Time{0}, Time{5}), .job = driver.own, .from = outer, .is_nested = true};
        nested.tasks.push_back(std::move(inner));
        nested.scripts.push_back({.duration = Time{dice.log_between<std::int64_t>(1, longest.count())}});
        driver.batches.push_back(std::move(nested));
      }
    }
  }
}

void draw_contention(Scenario& scenario) {
  Dice dice(scenario.seed, "contention");
  if (!dice.chance(35)) return;
  const Staying nodes(scenario);
  const Time longest = longest_task(scenario.timing);
  const Time from{dice.between<std::int64_t>(1, scenario.faults_until.count())};
  const Time lasts = 2 * longest_wait(scenario);
  const auto seats = static_cast<int>(nodes.seats());
  DriverPlan& busy = add_driver(scenario, from);
  const auto draw_duration = [&] { return dice.between(longest / 2, longest); };
  add_batch(busy, from, 2 * seats, 1000, draw_duration);
  // As many as end meanwhile, and some more.
  for (Time at = from + longest / 2; at < from + lasts; at += longest / 2)
    add_batch(busy, at, seats * 8 / 10 + 1, 1000, draw_duration);

  DriverPlan& patient = add_driver(scenario, from);
  const Milli cpus = dice.chance(500) ? nodes.most_cpus() : 1000;
  for (int left = dice.between(1, 3); left > 0; --left)
    add_batch(patient, dice.between(from, from + lasts / 4), 1, cpus, draw_duration);
  std::stable_sort(patient.batches.begin(), patient.batches.end(),
                   [](const PlannedBatch& a, const PlannedBatch& b) { return a.at < b.at; });
}

}  // namespace troupe::scheduler::sim
