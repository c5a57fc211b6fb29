// A scenario come to life: schedulers with their store, nodes, drivers and the network between them, all in one thread
// on a virtual clock.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "scheduler/simulation/driver_host.h"
#include "scheduler/simulation/network.h"
#include "scheduler/simulation/node_host.h"
#include "scheduler/simulation/operator_host.h"
#include "scheduler/simulation/scenario.h"
#include "scheduler/simulation/scheduler_host.h"
#include "scheduler/simulation/store_model.h"
#include "scheduler/simulation/sync_client.h"
#include "scheduler/simulation/sync_witness.h"
#include "scheduler/simulation/task_book.h"
#include "scheduler/simulation/timeline.h"
#include "scheduler/simulation/trace.h"
#include "scheduler/simulation/witness.h"

namespace troupe::scheduler::sim {

struct World {
  World(const Scenario& scenario, bool is_printing);
  World(const World&) = delete;

  /// Faults first; then they stop, and everything must end.
  void run();

  /// No id when no driver is there.
  DriverId driver_at(Place place) const;
  bool is_gone(DriverId driver) const;
  /// A node of that capacity starts an attempt.
  void starts(const RunOrder& order, const NodeCapacity& node);
  /// Its own job and its graph have two ids that follow each other.
  DriverHost& driver_of(TaskId task) const { return *drivers[(task.job.value - 1) / 2]; }
  /// Whoever waits for the task's end learns of it.
  bool is_known_to_have_ended(TaskId task) const { return driver_of(task).knows_end_of(task); }
  bool has_faults() const { return timeline.now() < scenario.faults_until; }

  const Scenario& scenario;
  const Places places;
  const ClusterId cluster;
  Timeline timeline;
  Trace trace;
  Witness witness;
  Network network;
  StoreModel store;
  Time store_slow_until{0};
  TaskBook<TaskScript> scripts;
  TaskBook<const Resources*> needs;
  std::vector<std::unique_ptr<SchedulerHost>> schedulers;
  std::vector<std::unique_ptr<NodeHost>> nodes;
  std::vector<std::unique_ptr<DriverHost>> drivers;
  SyncWitness sync_witness;
  std::vector<std::unique_ptr<SyncClientHost>> clients;
  std::optional<OperatorHost> operator_host;  ///< Where nodes are drained.

 private:
  void plan(const Fault& fault);
  void replace_store(StoreContents files);
  void put_back_store();
  void restart_schedulers();
  void look_whether_all_has_ended();
  const SchedulerHost* settled_scheduler() const;
  bool has_settled() const;
  void check_the_end();
  void print_what_is_open() const;

  bool is_over_ = false;
  StoreContents old_files_;  // of the store, for when it is rolled back
};

}  // namespace troupe::scheduler::sim
