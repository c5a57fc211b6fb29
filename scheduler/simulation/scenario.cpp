#include "scheduler/simulation/scenario.h"

#include <algorithm>

#include "scheduler/simulation/dice.h"
#include "scheduler/simulation/needs_workload.h"
#include "scheduler/simulation/workload.h"

namespace troupe::scheduler::sim {
namespace {

constexpr Time real_length{600'000};
constexpr Time shortest_timeout{100};  // of a node, however fast all is: messages take some of it

Timing shrunk(int times) {
  Timing timing;
  const auto shrink = [&](Time& time) { time = std::max(time / times, Time{1}); };
  for (Time* each : {&timing.heartbeat, &timing.node_timeout, &timing.rejoin_grace, &timing.line_patience,
                     &timing.ask_again, &timing.driver_timeout, &timing.idle_timeout, &timing.kill_grace, &timing.lease,
                     &timing.sync_lease, &timing.store_patience})
    shrink(*each);
  return timing;
}

int draw_clock(Dice& dice) { return dice.chance(500) ? 1000 : dice.between(500, 2000); }

NodePlan draw_node(Dice& dice) {
  NodeCapacity node{.cpus = dice.between(1, 4) * 1000, .memory_bytes = 1 << 20};
  const auto gpus = dice.chance(400) ? dice.between<std::uint32_t>(1, 2) : 0;
  for (std::uint32_t i = 0; i < gpus; ++i)
    node.gpus.push_back({.index = i, .uuid = "gpu" + std::to_string(i), .memory_bytes = 1000});
  return {std::move(node), draw_clock(dice)};
}

Weather draw_weather(std::uint64_t seed, const Timing& timing, bool has_faults) {
  Dice dice(seed, "weather");
  Weather weather{.longest_delay = Time{dice.between(1, 5)},
                  .longest_commit = Time{dice.between(1, 20)},
                  .uses_codec = dice.chance(100)};
  if (!has_faults) return weather;
  if (dice.chance(500)) {
    weather.longest_delay = Time{dice.log_between<std::int64_t>(5, timing.heartbeat.count())};
    weather.reorders = true;
  }
  if (dice.chance(500)) weather.lost_permille = dice.log_between(1, 300);
  if (dice.chance(500)) weather.doubled_permille = dice.log_between(1, 500);
  if (dice.chance(500)) weather.worker_dies_permille = dice.log_between(1, 200);
  if (dice.chance(500)) weather.worker_stops_permille = dice.log_between(1, 100);
  return weather;
}

/// Times in eighths of the time after which a silent node is dead.
struct FaultClass {
  FaultKind kind;
  int worlds_permille;  // that have it
  std::size_t most;
  int shortest;
  int longest;
};
constexpr FaultClass fault_classes[] = {
    {FaultKind::agent_crash, 500, 8, 0, 24},       {FaultKind::node_cut, 500, 8, 0, 24},
    {FaultKind::node_deaf, 500, 8, 0, 24},         {FaultKind::node_mute, 500, 8, 0, 24},
    {FaultKind::node_clog, 500, 8, 0, 24},         {FaultKind::node_gone, 500, 1, 0, 1},
    {FaultKind::scheduler_crash, 500, 6, 0, 4},    {FaultKind::store_cut, 500, 4, 0, 24},
    {FaultKind::store_crash, 500, 4, 0, 8},        {FaultKind::store_slow, 500, 4, 0, 8},
    {FaultKind::store_rolled_back, 400, 1, 8, 48}, {FaultKind::store_foreign, 100, 1, 8, 24},
    {FaultKind::second_scheduler, 500, 3, 0, 1},
};
/// Those that a world has in which nothing may be repeated, too.
constexpr FaultClass harmless_classes[] = {
    {FaultKind::scheduler_pause, 500, 3, 1, 24},
    {FaultKind::clock_jump, 500, 3, 8, 6000},
};

/// Each kind with dice of its own.
void draw_faults(Scenario& scenario, const FaultClass& its) {
  Dice dice(scenario.seed + 1000 * static_cast<std::uint64_t>(its.kind), "faults");
  if (!dice.chance(its.worlds_permille)) return;
  if (its.kind == FaultKind::node_gone && scenario.nodes.size() == 1) return;
  if (its.kind == FaultKind::second_scheduler && !scenario.has_standby) return;
  const std::size_t targets = its.kind <= FaultKind::node_gone ? scenario.nodes.size() : scenario.has_standby ? 2 : 1;
  const Time eighth = scenario.timing.node_timeout / 8;
  for (std::size_t left = dice.log_between<std::size_t>(1, its.most); left > 0; --left) {
    const Time at{dice.between<std::int64_t>(1, scenario.faults_until.count() - 1)};
    const Time lasts{dice.log_between<std::int64_t>(std::max<std::int64_t>((its.shortest * eighth).count(), 1),
                                                    (its.longest * eighth).count())};
    const bool goes_back = its.kind == FaultKind::clock_jump && dice.chance(500);
    scenario.faults.push_back({.kind = its.kind,
                               .at = at,
                               .lasts = goes_back ? -lasts : lasts,
                               .target = static_cast<std::uint32_t>(dice.roll() % targets)});
  }
}

/// Whatever took the store's files took the agents too: only what they had on their disks tells that it is older.
void crash_all_with_the_store(Scenario& scenario) {
  const auto rolled_back = std::find_if(scenario.faults.begin(), scenario.faults.end(),
                                        [](const Fault& fault) { return fault.kind == FaultKind::store_rolled_back; });
  if (rolled_back == scenario.faults.end()) return;
  const Fault cause = *rolled_back;
  for (std::uint32_t i = 0; i < scenario.nodes.size(); ++i)
    scenario.faults.push_back({FaultKind::agent_crash, cause.at, cause.lasts / 8, i});
}

/// In three of four worlds that may have them, in fewer where one stands by: of two to six, two meet at a barrier, and
/// the others may die. None where a store may lose what it promised.
void draw_clients(Scenario& scenario) {
  Dice dice(scenario.seed, "sync clients");
  const bool may_lose = std::any_of(scenario.faults.begin(), scenario.faults.end(), [](const Fault& fault) {
    return fault.kind == FaultKind::store_rolled_back || fault.kind == FaultKind::store_foreign;
  });
  if (may_lose || dice.chance(scenario.has_standby ? 750 : 250)) return;
  const int count = dice.between(2, 6);
  const int rounds = dice.between(0, 5);
  for (int i = 0; i < count; ++i) {
    const bool meets = i < 2 && rounds > 0;
    ClientPlan plan{.starts_at = dice.between(Time{0}, scenario.faults_until / 2),
                    .steps = dice.between(4, 20) + (meets ? rounds : 0),
                    .rounds = meets ? rounds : 0};
    if (!meets && dice.chance(300))
      plan.dies_at = plan.starts_at + dice.between(Time{1}, 4 * scenario.timing.node_timeout);
    scenario.clients.push_back(plan);
  }
}

/// In half of the worlds.
void draw_drains(Scenario& scenario) {
  Dice dice(scenario.seed, "drains");
  if (dice.chance(500)) return;
  for (int left = dice.log_between(1, 6); left > 0; --left)
    scenario.drains.push_back(
        {.at = dice.between(Time{1}, scenario.faults_until - Time{1}),
         .lasts = Time{dice.log_between<std::int64_t>(1, 4 * scenario.timing.node_timeout.count())},
         .node = static_cast<std::uint32_t>(dice.roll() % scenario.nodes.size())});
}

}  // namespace

Time start_timeout(const Timing& timing) { return 6 * timing.node_timeout; }

Time longest_task(const Timing& timing) { return 20 * timing.heartbeat; }

Time longest_wait(const Scenario& scenario) {
  const Timing& timing = scenario.timing;
  const Time slowest_start = scenario.weather.worker_stops_permille > 0 ? start_timeout(timing) : Time{0};
  return longest_task(timing) +
         2 * (2 * timing.line_patience + timing.kill_grace + slowest_start + 4 * timing.node_timeout);
}

bool Scenario::stays(std::size_t node) const {
  return std::none_of(faults.begin(), faults.end(), [node](const Fault& fault) {
    return fault.kind == FaultKind::node_gone && fault.target == node;
  });
}

bool Scenario::is_quiet() const {
  const bool is_fair = weather.lost_permille == 0 && weather.doubled_permille == 0 && !weather.reorders &&
                       weather.worker_dies_permille == 0 && weather.worker_stops_permille == 0;
  // Where one stands by it takes over from one that is stopped, and an order that was not sent by then is lost.
  return is_fair && std::all_of(faults.begin(), faults.end(), [&](const Fault& fault) {
           return (fault.kind == FaultKind::scheduler_pause && !has_standby) || fault.kind == FaultKind::clock_jump;
         });
}

Scenario draw_scenario(std::uint64_t seed, const Wishes& wishes) {
  Dice dice(seed, "scenario");
  Scenario scenario{.seed = seed, .planted = wishes.planted};
  const bool is_real = dice.chance(500);
  const bool has_faults = !dice.chance(100);
  const auto fastest = static_cast<int>(Timing{}.node_timeout / shortest_timeout);
  scenario.timing = shrunk(is_real ? 1 : dice.log_between(2, fastest));
  scenario.weather = draw_weather(seed, scenario.timing, has_faults);
  scenario.most_lost_attempts = dice.between(2, 6);
  scenario.events_between_scans = is_real ? 1000 : dice.log_between<std::uint64_t>(1, 64);
  const Time timeout = scenario.timing.node_timeout;
  scenario.faults_until = is_real ? real_length : timeout * dice.between(2, 20);

  std::size_t nodes = dice.chance(800) ? dice.between<std::size_t>(3, 5) : dice.between<std::size_t>(1, 8);
  if (wishes.nodes > 0) nodes = wishes.nodes;
  scenario.has_standby = has_faults && dice.chance(400);
  scenario.scheduler_clock_permille = draw_clock(dice);
  for (std::size_t i = 0; i < nodes; ++i) scenario.nodes.push_back(draw_node(dice));
  draw_node_kinds(scenario);

  for (const auto& each : harmless_classes) draw_faults(scenario, each);
  if (has_faults) {
    for (const auto& each : fault_classes) draw_faults(scenario, each);
    if (dice.chance(800)) crash_all_with_the_store(scenario);
  }
  draw_clients(scenario);
  draw_drains(scenario);
  draw_workload(scenario, is_real ? 200 : 10, is_real ? 2000 : 500);
  draw_needs(scenario);
  draw_nesting(scenario);
  draw_contention(scenario);
  return scenario;
}

}  // namespace troupe::scheduler::sim
