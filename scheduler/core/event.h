// What can happen to the scheduler: the only way anything gets into its core. Every event is legal in every state.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/orders.h"
#include "runtime/base/resources.h"
#include "runtime/base/synchronisation.h"
#include "runtime/base/task_spec.h"

namespace troupe::scheduler {

/// Milliseconds since 1970 as the shell tells them; never goes back within one scheduler.
using Time = std::chrono::milliseconds;

/// An agent (re)introduced itself. `running` is all it has been given and not been acknowledged for.
struct NodeJoined {
  NodeId node;
  std::uint64_t incarnation = 0;  ///< Grows with each start of the agent.
  std::string name;
  NodeCapacity capacity;
  std::vector<RunningAttempt> running;
};

/// A heartbeat: orders that are missing from `running` were lost on their way and are given again.
struct NodeHeard {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::vector<RunningAttempt> running;
  bool is_early = false;  ///< So soon after another that orders may still be on their way.
};

/// An agent said goodbye, or its process is known to be dead.
struct NodeLeft {
  NodeId node;
  std::uint64_t incarnation = 0;
};

/// A driver connected, or gave a sign of life; it may be one that was here before.
struct DriverJoined {
  DriverId driver;
  JobInfo job;                        ///< Its own job, never durable.
  std::uint32_t given = 0;            ///< The numbers that it has given to tasks of that job: 1 to this.
  std::vector<std::uint32_t> unsent;  ///< Of these, actors that it has not submitted yet.
};

/// A driver said goodbye or is known to be dead, as one that is silent for too long is taken to be: what it owns is
/// cancelled and forgotten; durable work goes on.
struct DriverLeft {
  DriverId driver;
};

/// Accepts all of `tasks` or none. The same tasks again (same ids) are answered the same way and change nothing.
struct TasksSubmitted {
  DriverId driver;
  std::uint64_t request = 0;
  JobInfo job;  ///< The driver's own, or a durable one.
  std::vector<TaskSpec> tasks;
  TaskId from;  ///< A task of the job that adds them: only while it runs. None: nobody but the driver does.
};

/// An actor is up and takes calls at `address`.
struct ActorStarted {
  NodeId node;
  std::uint64_t incarnation = 0;
  TaskId task;
  AttemptId attempt;
  std::string address;
};

struct AttemptEnded {
  NodeId node;
  std::uint64_t incarnation = 0;
  AttemptReport report;
};

/// Ends a task, or an actor, and skips what hangs on it.
struct CancelRequested {
  DriverId driver;
  std::uint64_t request = 0;
  TaskId task;
};

/// The driver has no more use for these results.
struct TasksReleased {
  DriverId driver;
  std::vector<TaskId> tasks;
};

/// A driver's requests to locks, semaphores, barriers and queues; those that it made before change nothing.
struct SyncRequested {
  DriverId driver;
  std::uint32_t epoch = 0;  ///< Of the scheduler that it was meant for. To another the driver says it in other words.
  TaskId task;              ///< The attempt on whose behalf; none: the driver's own.
  AttemptId attempt;
  std::uint64_t confirmed_below = 0;  ///< The answers to requests with lower numbers have arrived.
  std::vector<sync::Request> requests;
};

/// No new work for the node, or (`drain` is false) again some.
struct DrainRequested {
  DriverId driver;
  std::uint64_t request = 0;
  NodeId node;
  bool drain = true;
};

struct Tick {};

using Event = std::variant<NodeJoined, NodeHeard, NodeLeft, DriverJoined, DriverLeft, TasksSubmitted, ActorStarted,
                           AttemptEnded, CancelRequested, TasksReleased, SyncRequested, DrainRequested, Tick>;

}  // namespace troupe::scheduler
