#include "scheduler/simulation/world.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace troupe::scheduler::sim {
namespace {

constexpr ClusterId our_cluster{0x5ca1ab1e, 1};
constexpr ClusterId foreign_cluster{0xf0e1, 2};
constexpr std::uint64_t most_events = 2'000'000;

// From the last fault to the end of everything: what waits for a node, drivers' patience, and all the work with its
// delays, one task after the other.
Time longest_recovery(const Scenario& scenario) {
  Time longest = 100 * scenario.timing.node_timeout;
  for (const auto& driver : scenario.drivers)
    for (const auto& batch : driver.batches)
      for (std::size_t i = 0; i < batch.tasks.size(); ++i) {
        const TaskScript& script = batch.scripts[i];
        longest += 2 * script.duration * (script.failures + 1);
        if (batch.tasks[i].retry) longest += batch.tasks[i].retry->longest_delay * script.failures;
      }
  return longest;
}

/// Each share on a device of its own, as much of each as of the others.
bool is_as_needed(const Grant& grant, const Resources& needs, const NodeCapacity& node) {
  const bool has_labels = std::all_of(needs.labels.begin(), needs.labels.end(), [&](const auto& label) {
    return std::find(node.labels.begin(), node.labels.end(), label) != node.labels.end();
  });
  std::set<std::uint32_t> devices;
  Milli gpus = 0;
  for (const auto& share : grant.gpus) {
    if (!devices.insert(share.index).second || share.memory_bytes != needs.gpu_memory_bytes) return false;
    if (share.amount > 1000) return false;
    gpus += share.amount;
  }
  const auto fewest = static_cast<std::size_t>((needs.gpus + 999) / 1000);
  return has_labels && grant.cpus == needs.cpus && grant.memory_bytes == needs.memory_bytes && gpus == needs.gpus &&
         devices.size() == fewest;
}

}  // namespace

World::World(const Scenario& with, bool is_printing)
    : scenario(with),
      places(with),
      cluster(our_cluster),
      timeline(with.seed),
      trace(is_printing),
      network(with, timeline),
      store(our_cluster),
      sync_witness(witness) {
  witness.nothing_goes_wrong = scenario.is_quiet();
  for (const auto& driver : scenario.drivers)
    for (const auto& batch : driver.batches)
      for (std::size_t i = 0; i < batch.tasks.size(); ++i) {
        scripts[batch.tasks[i].id] = batch.scripts[i];
        needs[batch.tasks[i].id] = &batch.tasks[i].needs;
      }
  for (std::uint32_t i = 0; i < (scenario.has_standby ? 2 : 1); ++i)
    schedulers.push_back(std::make_unique<SchedulerHost>(*this, i));
  for (std::uint32_t i = 0; i < scenario.nodes.size(); ++i) nodes.push_back(std::make_unique<NodeHost>(*this, i));
  for (std::uint32_t i = 0; i < scenario.drivers.size(); ++i) drivers.push_back(std::make_unique<DriverHost>(*this, i));
  for (std::uint32_t i = 0; i < scenario.clients.size(); ++i)
    clients.push_back(std::make_unique<SyncClientHost>(*this, i));
  if (!scenario.drains.empty()) operator_host.emplace(*this);
}

DriverId World::driver_at(Place place) const {
  const Place first = places.driver(0);
  return place < first ? DriverId{} : DriverId{place - first + 1u};
}

bool World::is_gone(DriverId driver) const {
  const std::size_t number = driver.value - 1;
  if (number < drivers.size()) return drivers[number]->is_gone();
  const std::size_t client = number - drivers.size();
  return client < clients.size() ? clients[client]->is_gone() : operator_host->is_gone();
}

void World::starts(const RunOrder& order, const NodeCapacity& node) {
  if (!is_as_needed(order.grant, *needs[order.task], node))
    witness.breaks("4: " + text_of_attempt(order.task, order.attempt) + " is not given what it needs");
  driver_of(order.task).runs(order.task);
}

/// What is down when the faults stop comes back then, at the latest; only the scheduler may be stopped longer.
void World::plan(const Fault& fault) {
  const Time until = std::max(std::min(fault.at + fault.lasts, scenario.faults_until), fault.at + Time{1});
  const auto begin = [&](auto what) {
    timeline.at(fault.at, [this, what] {
      ++witness.counts.faults;
      what();
    });
  };
  const auto end = [&](auto what) { timeline.at(until, what); };
  const std::uint32_t target = fault.target;
  switch (fault.kind) {
    case FaultKind::agent_crash:
      begin([this, target] { nodes[target]->crash(); });
      return end([this, target] { nodes[target]->start(); });
    case FaultKind::node_cut:
      return begin([this, target, until] {
        network.mute(places.node(target), until);
        network.deafen(places.node(target), until);
      });
    case FaultKind::node_deaf: return begin([this, target, until] { network.deafen(places.node(target), until); });
    case FaultKind::node_mute: return begin([this, target, until] { network.mute(places.node(target), until); });
    case FaultKind::node_clog: return begin([this, target, until] { network.clog(places.node(target), until); });
    case FaultKind::node_gone: return begin([this, target] { nodes[target]->leave(); });
    case FaultKind::scheduler_crash:
      begin([this, target] { schedulers[target]->crash(); });
      return end([this, target] { schedulers[target]->start(); });
    case FaultKind::store_cut: return begin([this, target, until] { schedulers[target]->cut_from_store(until); });
    case FaultKind::store_crash: begin([this] { store.crash(); }); return end([this] { store.restart(); });
    case FaultKind::store_slow: return begin([this, until] { store_slow_until = std::max(store_slow_until, until); });
    case FaultKind::store_rolled_back:
      timeline.at(std::max(fault.at - fault.lasts, Time{0}), [this] { old_files_ = store.contents(); });
      begin([this] { replace_store(old_files_); });
      return end([this] { put_back_store(); });
    case FaultKind::store_foreign:
      begin([this] { replace_store({.age = {.cluster = foreign_cluster}}); });
      return end([this] { put_back_store(); });
    case FaultKind::second_scheduler: return begin([this, target] { schedulers[target]->take_over(); });
    case FaultKind::scheduler_pause:
      begin([this, target] { schedulers[target]->pause(); });
      return timeline.at(fault.at + fault.lasts, [this, target] { schedulers[target]->resume(); });
    case FaultKind::clock_jump: return begin([this, target, by = fault.lasts] { schedulers[target]->jump_clock(by); });
  }
}

/// Where one scheduler stands by none outlives it: two of them could have taken the same epoch, one on each of the two
/// files, and nothing would tell them apart.
void World::replace_store(StoreContents files) {
  if (store.is_replaced()) return;
  store.crash();
  store.replace(std::move(files));
  store.restart();
  if (scenario.has_standby) restart_schedulers();
}

/// As an operator does: with the schedulers stopped.
void World::put_back_store() {
  if (!store.is_replaced()) return;
  store.crash();
  store.put_back();
  store.restart();
  restart_schedulers();
}

void World::restart_schedulers() {
  for (const auto& scheduler : schedulers) {
    if (!scheduler->is_up()) continue;
    scheduler->crash();
    scheduler->start();
  }
}

void World::run() {
  for (const Fault& fault : scenario.faults) plan(fault);
  schedulers[0]->start();
  if (scenario.has_standby) timeline.after(scenario.timing.lease, [this] { schedulers[1]->start(); });
  Dice dice(scenario.seed, "starts");
  for (const auto& node : nodes)
    timeline.after(dice.between(Time{0}, scenario.timing.heartbeat), [host = node.get()] { host->start(); });
  for (const auto& driver : drivers) driver->start();
  for (const auto& client : clients) client->start();
  if (operator_host) operator_host->start();
  timeline.at(scenario.faults_until, [this] { look_whether_all_has_ended(); });

  const Time until = scenario.faults_until + longest_recovery(scenario);
  while (!is_over_ && witness.broken().empty() && timeline.advance(until))
    if (witness.counts.events > most_events) witness.breaks("15: a storm of events");
  if (is_over_ || !witness.broken().empty()) return;
  witness.breaks("15: not everything ends");
  if (trace.is_printing()) print_what_is_open();
}

void World::look_whether_all_has_ended() {
  if (has_settled()) {
    is_over_ = true;
    return check_the_end();
  }
  timeline.after(scenario.timing.heartbeat, [this] { look_whether_all_has_ended(); });
}

/// One whose epoch is over may be left, where the one that took it has gone again: it learns of it at its next commit.
const SchedulerHost* World::settled_scheduler() const {
  const SchedulerHost* active = nullptr;
  for (const auto& scheduler : schedulers) {
    if (scheduler->core() == nullptr) continue;
    if (active == nullptr || scheduler->has_the_epoch()) active = scheduler.get();
  }
  return active != nullptr && active->is_settled() ? active : nullptr;
}

/// Drivers are gone, durable tasks have ended, nodes and scheduler hold nothing.
bool World::has_settled() const {
  if (!std::all_of(drivers.begin(), drivers.end(), [](const auto& driver) { return driver->is_gone(); })) return false;
  if (!std::all_of(clients.begin(), clients.end(), [](const auto& client) { return client->is_gone(); })) return false;
  if (operator_host && !operator_host->is_gone()) return false;
  for (const auto& node : nodes)
    if (!node->is_gone() && (!node->is_up() || node->core()->attempts() > 0)) return false;
  const SchedulerHost* scheduler = settled_scheduler();
  if (scheduler == nullptr) return false;
  for (const auto& node : scheduler->core()->nodes())
    if (node.running > 0 || node.drains || node.alive == nodes[node.node.value - 1]->is_gone()) return false;
  for (const auto& job : scheduler->core()->jobs())
    if (!job.durable) return false;
  return std::all_of(store.contents().tasks.begin(), store.contents().tasks.end(),
                     [](const auto& each) { return is_final(each.second.progress.state); });
}

void World::check_the_end() {
  for (const auto& scheduler : schedulers) scheduler->scan();
  if (settled_scheduler()->core()->synchronisation().claims().size() != 0)
    witness.breaks("16: a claim is left that nobody holds");
  if (!clients.empty()) sync_witness.check_the_end(settled_scheduler()->number(), *settled_scheduler()->core());
  for (const auto& node : settled_scheduler()->core()->nodes())
    if (node.free_cpus != node.capacity.cpus) witness.breaks("16: a cpu is held by nobody");
}

void World::print_what_is_open() const {
  for (const auto& driver : drivers)
    if (!driver->is_gone()) driver->print_what_is_open();
  for (const auto& client : clients)
    if (!client->is_gone()) client->print_what_is_open();
  if (operator_host && !operator_host->is_gone()) operator_host->print_what_is_open();
  for (const auto& node : nodes)
    if (!node->is_gone() && (!node->is_up() || node->core()->attempts() > 0))
      std::printf("open: node %s\n", node->is_up() ? "with attempts" : "that is down");
  for (const auto& scheduler : schedulers) {
    scheduler->print_what_is_open();
    if (scheduler->core() == nullptr) continue;
    for (const auto& node : scheduler->core()->nodes())
      if (node.running > 0 || node.drains || node.alive == nodes[node.node.value - 1]->is_gone())
        std::printf("open: %s is %s%s and holds %zu\n", node.name.c_str(), node.alive ? "alive" : "dead",
                    node.drains ? ", drained" : "", node.running);
    for (const auto& job : scheduler->core()->jobs())
      if (!job.durable) std::printf("open: job %llu\n", static_cast<unsigned long long>(job.id.value));
    for (const auto& job : scheduler->core()->jobs())
      for (const auto& task : scheduler->core()->tasks_of(job.id))
        if (!is_final(task.progress.state))
          std::printf("open: %s is %s: %s\n", name_of(task.spec.id).c_str(), to_text(task.progress.state),
                      scheduler->core()->why_waiting(task.spec.id).text.c_str());
  }
}

}  // namespace troupe::scheduler::sim
