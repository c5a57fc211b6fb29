// One seed's world: a scheduler with its store, nodes, drivers and the network between them, all in one thread on a
// virtual clock. The processes are the real cores; their shells here are toys that keep the protocol.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/simulation/knobs.h"
#include "scheduler/simulation/network.h"
#include "scheduler/simulation/store_model.h"
#include "scheduler/simulation/timeline.h"
#include "scheduler/simulation/witness.h"
#include "scheduler/simulation/workload.h"

namespace troupe::scheduler::sim {

class SchedulerHost;
class NodeHost;
class DriverHost;
class SyncClientHost;
class SyncWitness;

struct World {
  World(std::uint64_t seed, Planted planted);
  ~World();

  /// Faults first; then they stop, and everything must end.
  void run();

  std::uint64_t seed;
  Knobs knobs;
  Workload workload;
  Timeline timeline;
  Network network;
  StoreModel store;
  Witness witness;
  Dice dice;  // of faults
  std::unique_ptr<SchedulerHost> scheduler;
  std::map<NodeId, std::unique_ptr<NodeHost>> nodes;
  std::map<DriverId, std::unique_ptr<DriverHost>> drivers;
  std::unique_ptr<SyncWitness> sync_witness;
  std::map<DriverId, std::unique_ptr<SyncClientHost>> sync_clients;

  bool has_faults() const { return timeline.now() < knobs.faults_until; }

 private:
  void plan_faults();
  void draw_sync_clients();
  bool has_settled() const;
  void check_the_end();
};

/// What one seed came to.
struct Outcome {
  std::string broken;  ///< The invariant; empty: all held.
  Time at{};
  std::uint64_t hash = 0;
  Counts counts;
  std::uint64_t grants = 0;    ///< Of locks, semaphores, messages.
  std::uint64_t messages = 0;  ///< Acknowledged ones.
};

Outcome simulate(std::uint64_t seed, Planted planted = Planted::none, bool is_printing = false);

}  // namespace troupe::scheduler::sim
