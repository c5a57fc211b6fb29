#include "scheduler/simulation/scenario.h"

#include <algorithm>

#include "scheduler/simulation/dice.h"
#include "scheduler/simulation/workload.h"

namespace troupe::scheduler::sim {
namespace {

constexpr Time real_length{600'000};
constexpr Time shortest_timeout{100};  // of a node, however fast all is: messages take some of it

Timing shrunk(int times) {
  Timing timing;
  const auto shrink = [&](Time& time) { time = std::max(time / times, Time{1}); };
  for (Time* each :
       {&timing.heartbeat, &timing.node_timeout, &timing.rejoin_grace, &timing.line_patience, &timing.ask_again,
        &timing.driver_timeout, &timing.idle_timeout, &timing.kill_grace, &timing.lease, &timing.store_patience})
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
  return weather;
}

/// Each kind with dice of its own.
void draw_faults(Scenario& scenario, FaultKind kind, std::size_t most, Time longest) {
  Dice dice(scenario.seed + 1000 * static_cast<std::uint64_t>(kind), "faults");
  if (!dice.chance(500)) return;
  const std::size_t targets = kind <= FaultKind::node_gone ? scenario.nodes.size() : scenario.has_standby ? 2 : 1;
  for (std::size_t left = dice.log_between<std::size_t>(1, most); left > 0; --left) {
    const Time at{dice.between<std::int64_t>(1, std::max<std::int64_t>(scenario.faults_until.count() - 1, 1))};
    const bool goes_back = kind == FaultKind::clock_jump && dice.chance(500);
    scenario.faults.push_back({.kind = kind,
                               .at = at,
                               .lasts = Time{dice.log_between<std::int64_t>(1, longest.count())} * (goes_back ? -1 : 1),
                               .target = static_cast<std::uint32_t>(dice.roll() % targets)});
  }
}

}  // namespace

bool Scenario::stays(std::size_t node) const {
  return std::none_of(faults.begin(), faults.end(), [node](const Fault& fault) {
    return fault.kind == FaultKind::node_gone && fault.target == node;
  });
}

bool Scenario::is_quiet() const {
  const bool is_fair = weather.lost_permille == 0 && weather.doubled_permille == 0 && !weather.reorders &&
                       weather.worker_dies_permille == 0;
  return is_fair && std::all_of(faults.begin(), faults.end(), [](const Fault& fault) {
           return fault.kind == FaultKind::scheduler_pause || fault.kind == FaultKind::clock_jump;
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

  draw_faults(scenario, FaultKind::scheduler_pause, 3, 3 * timeout);
  draw_faults(scenario, FaultKind::clock_jump, 3, Time{3'600'000});
  if (has_faults) {
    for (const FaultKind kind : {FaultKind::agent_crash, FaultKind::node_cut, FaultKind::node_deaf,
                                 FaultKind::node_mute, FaultKind::node_clog})
      draw_faults(scenario, kind, 8, 3 * timeout);
    if (scenario.nodes.size() > 1) draw_faults(scenario, FaultKind::node_gone, 1, Time{1});
    draw_faults(scenario, FaultKind::scheduler_crash, 6, timeout / 2);
    draw_faults(scenario, FaultKind::store_cut, 4, 3 * timeout);
    draw_faults(scenario, FaultKind::store_crash, 4, timeout);
    draw_faults(scenario, FaultKind::store_slow, 4, timeout);
    if (dice.chance(300)) draw_faults(scenario, FaultKind::store_rolled_back, 1, 3 * timeout);
    if (dice.chance(100)) draw_faults(scenario, FaultKind::store_foreign, 1, 3 * timeout);
    if (scenario.has_standby) draw_faults(scenario, FaultKind::second_scheduler, 3, timeout);
  }
  draw_workload(scenario, is_real ? 200 : 10, is_real ? 2000 : 500);
  return scenario;
}

}  // namespace troupe::scheduler::sim
