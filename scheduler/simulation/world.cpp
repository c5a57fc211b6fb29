#include "scheduler/simulation/world.h"

#include "scheduler/simulation/hosts.h"
#include "scheduler/simulation/sync_client.h"
#include "scheduler/simulation/sync_witness.h"

namespace troupe::scheduler::sim {
namespace {

constexpr Time longest_recovery{60'000};  // from the last fault to the end of everything
constexpr std::uint64_t most_events = 400'000;

Settings draw_settings(std::uint64_t seed, Planted planted) {
  Dice dice(seed, "settings");
  return {.node_timeout = Time{dice.between(400, 1000)},
          .most_lost_attempts = dice.between(2, 6),
          .rejoin_grace = Time{dice.between(150, 300)},
          .line_patience = Time{dice.between(0, 500)},
          .sync = {.grace = Time{dice.between(600, 1000)}},
          .planted = planted};
}

}  // namespace

World::World(std::uint64_t with_seed, Planted planted)
    : seed(with_seed),
      knobs(draw_knobs(seed)),
      workload(draw_workload(seed, knobs)),
      timeline(seed),
      network(seed, knobs, timeline),
      dice(seed, "faults"),
      scheduler(std::make_unique<SchedulerHost>(*this, draw_settings(seed, planted))),
      sync_witness(std::make_unique<SyncWitness>()) {
  for (std::size_t i = 0; i < workload.nodes.size(); ++i)
    nodes[{i + 1}] = std::make_unique<NodeHost>(*this, NodeId{i + 1}, workload.nodes[i]);
  for (std::size_t i = 0; i < workload.drivers.size(); ++i)
    drivers[{i + 1}] = std::make_unique<DriverHost>(*this, DriverId{i + 1}, workload.drivers[i]);
}

World::~World() = default;

/// In half of the worlds: of two to six, two meet at a barrier, and the others may die.
void World::draw_sync_clients() {
  Dice draws(seed, "sync clients");
  sync_witness->is_quiet = knobs.is_quiet();
  if (draws.chance(500)) return;
  const auto count = draws.between<std::uint64_t>(2, 6);
  const int rounds = draws.between(0, 5);
  for (std::uint64_t i = 1; i <= count; ++i) {
    const DriverId id{100 + i};
    const bool meets = i <= 2 && rounds > 0;
    auto& client = sync_clients[id] =
        std::make_unique<SyncClientHost>(*this, id, draws.between(4, 20) + (meets ? rounds : 0), meets ? rounds : 0);
    timeline.after(Time{draws.between(0, 300)}, [host = client.get()] { host->start(); });
    if (!meets && draws.chance(300))
      timeline.at(Time{draws.between(300, 3000)}, [host = client.get()] { host->die(); });
  }
}

void World::plan_faults() {
  for (std::size_t i = 0; i < knobs.scheduler_pauses; ++i) {
    const Time at{dice.between(100, 2000)};
    timeline.at(at, [this] { scheduler->pause(); });
    timeline.at(at + Time{dice.between(1, 3000)}, [this] { scheduler->resume(); });
  }
  if (knobs.is_quiet()) return;

  const auto some_time = [this] { return Time{dice.between<std::int64_t>(50, knobs.faults_until.count() - 1)}; };
  const auto some_node = [this] { return nodes.at(NodeId{dice.between<std::uint64_t>(1, nodes.size())}).get(); };
  // What is down when the faults stop comes back then, at the latest.
  const auto comes_back = [this](Time at) { return std::min(at + Time{dice.between(1, 1500)}, knobs.faults_until); };

  for (std::size_t i = 0; i < knobs.agent_crashes; ++i) {
    NodeHost* node = some_node();
    const Time at = some_time();
    timeline.at(at, [node] {
      if (node->is_up()) node->crash();
    });
    timeline.at(comes_back(at), [node] {
      if (!node->is_up()) node->start();
    });
  }
  for (std::size_t i = 0; i < knobs.node_silences; ++i) {
    NodeHost* node = some_node();
    const Time at = some_time();
    timeline.at(at, [this, node, until = comes_back(at)] { network.cut(place_of(node->id()), until); });
  }
  for (std::size_t i = 0; i < knobs.scheduler_crashes; ++i) {
    const Time at = some_time();
    timeline.at(at, [this] {
      if (scheduler->is_up()) scheduler->crash();
    });
    timeline.at(std::min(at + Time{dice.between(1, 400)}, knobs.faults_until), [this] {
      if (!scheduler->is_up()) scheduler->start();
    });
  }
}

void World::run() {
  plan_faults();
  scheduler->start();
  for (auto& [id, node] : nodes)
    timeline.after(Time{dice.between(0, 50)}, [host = node.get()] {
      if (!host->is_up()) host->start();
    });
  for (auto& [id, driver] : drivers) driver->start();
  draw_sync_clients();

  const Time until = knobs.faults_until + Time{4000} + longest_recovery;
  while (witness.broken().empty() && timeline.advance(until)) {
    if (!sync_witness->broken().empty()) return witness.breaks(sync_witness->broken());
    if (witness.counts().events > most_events) return witness.breaks("15: a storm of events");
    if (timeline.now() > knobs.faults_until + Time{2000} && has_settled()) return check_the_end();
  }
  if (!witness.broken().empty()) return;
  witness.breaks("15: not everything ends");
  if (!witness.is_printing) return;
  for (const auto& job : scheduler->core()->jobs())
    for (const auto& task : scheduler->core()->tasks_of(job.id))
      witness.trace(to_text(task.spec.id) + ' ' + to_text(task.progress.state) + ' ' + task.progress.reason);
}

/// Drivers are gone, durable tasks have ended, nodes and scheduler hold nothing.
bool World::has_settled() const {
  for (const auto& [id, driver] : drivers)
    if (!driver->is_gone()) return false;
  for (const auto& [id, client] : sync_clients)
    if (!client->is_gone()) return false;
  if (!scheduler->is_up() || !scheduler->is_idle()) return false;
  for (const auto& [id, node] : nodes)
    if (!node->is_up() || node->core()->attempts() > 0) return false;
  for (const auto& node : scheduler->core()->nodes())
    if (node.running > 0 || !node.alive) return false;
  for (const auto& job : scheduler->core()->jobs()) {
    if (!job.durable) return false;
    for (const auto& task : scheduler->core()->tasks_of(job.id))
      if (!is_final(task.progress.state)) return false;
  }
  return true;
}

void World::check_the_end() {
  sync_witness->check_the_end(*scheduler->core());
  if (!sync_witness->broken().empty()) witness.breaks(sync_witness->broken());
  for (const auto& node : scheduler->core()->nodes())
    if (node.free_cpus != node.capacity.cpus) witness.breaks("16: a cpu is held by nobody");
  for (const auto& [id, record] : store.tasks())
    if (!is_final(record.progress.state)) witness.breaks("13: an ended task is not ended in the store");
  if (knobs.is_quiet()) {
    for (const auto& [id, record] : store.tasks())
      for (const auto& attempt : record.progress.attempts)
        if (attempt.end == AttemptEnd::lost) witness.breaks("Q: an attempt is lost where nothing goes wrong");
  }
}

Outcome simulate(std::uint64_t seed, Planted planted, bool is_printing) {
  World world(seed, planted);
  world.witness.is_printing = is_printing;
  world.run();
  return {.broken = world.witness.broken(),
          .at = world.timeline.now(),
          .hash = world.witness.hash(),
          .counts = world.witness.counts(),
          .grants = world.sync_witness->grants(),
          .messages = world.sync_witness->messages()};
}

}  // namespace troupe::scheduler::sim
