// What must hold in a scheduler between any two events. The simulator asks after every one; a broken one is a bug of
// ours. What can only be seen from outside (a result is published once, real use of a node) the simulator's witness
// checks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/core/scheduler.h"

namespace troupe::scheduler {

/// The first broken invariant, by its number in the table below, with what breaks it; empty when all hold.
///
///   3  attempts only grow, at most the last is open, it is open just while its task runs, the bounds hold
///   4  what is free plus what is granted is the capacity, on each live node and each gpu; a dead one holds nothing
///   5  of a gang all members that are not final run, or none
///   15 each task that is not final has an owner: what it waits for, the line, its node, or the wait for its node; each
///      job is billed for just what it holds
///   16 each granted attempt is its task's current one, or is on its way out, or waits for its driver until a time
///
/// Cost: everything the scheduler knows.
std::string broken_invariant(const Scheduler& scheduler);

/// A task in line, of a job that holds nothing of the cluster.
struct HungryTask {
  TaskId task;
  std::int32_t priority = 0;
  std::vector<NodeId> nodes;  ///< That have room for it once all that ends by itself has ended.
  Time longest_held{0};  ///< For how long what ends by itself has held cpus there, at most; by the scheduler's clock.
};
/// Of each such job the first of each priority and need, gangs and tasks that ask for locks left out.
///
/// Cost: what runs, and the tasks of these jobs.
std::vector<HungryTask> hungry_tasks(const Scheduler& scheduler);

}  // namespace troupe::scheduler
