// What scheduler and agents say to each other about attempts, as plain values: the order to run one, what a node says
// it runs, and how one ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/rare_vector.h"
#include "runtime/base/task_spec.h"

namespace troupe {

/// The end of another attempt on the same node that an order waits for.
struct Awaited {
  TaskId task;
  AttemptId attempt;
  std::uint32_t input = no_input;  ///< Its result takes this place in `RunOrder::inputs`.
  static constexpr std::uint32_t no_input = ~std::uint32_t{0};
  friend bool operator==(const Awaited&, const Awaited&) = default;
};

/// Gives one attempt to one node. Idempotent: the same (task, attempt) given twice runs once.
struct RunOrder {
  TaskId task;
  AttemptId attempt;
  std::string name;
  std::string program;  ///< The driver's binary, which the agent starts again in the worker role; not for commands.
  Work work;
  std::vector<Bytes> inputs;  ///< Results of `TaskSpec::inputs`, in their order.
  Grant grant;
  std::chrono::milliseconds timeout{0};
  Boxed<GangHint> gang;
  bool ahead = false;          ///< Given before there is room: it waits at the node behind what runs there.
  RareVector<Awaited> awaits;  ///< All of these must be done before it begins.
  std::uint64_t token = 0;     ///< Of the locks that the task's spec asks for; 0: it asks for none.
  bool durable = false;        ///< Its result is to outlive this node, and so travels inside its report.
  friend bool operator==(const RunOrder&, const RunOrder&) = default;
};

/// What has become of the cpus that an attempt was granted.
enum class GrantedCpus : std::uint8_t {
  held,
  lent,  ///< It waits for other work: they are free.
  owed,  ///< It has gone on, and they have not come free again yet.
};

/// An attempt that a node has been given and has not yet been acknowledged for.
struct RunningAttempt {
  TaskId task;
  AttemptId attempt;
  Grant grant;
  std::string address;   ///< Where an actor takes calls; empty for tasks and for actors that are not up yet.
  bool awaited = false;  ///< Was given before all that it comes after had ended: who knows nothing of those stops it.
  GrantedCpus cpus = GrantedCpus::held;
  friend bool operator==(const RunningAttempt&, const RunningAttempt&) = default;
};

/// How an attempt ended, as its node saw it. Sent again until it is acknowledged.
struct AttemptReport {
  TaskId task;
  AttemptId attempt;
  AttemptEnd end = AttemptEnd::done;
  Bytes result;  ///< When done.
  Cause cause;   ///< When not.
  friend bool operator==(const AttemptReport&, const AttemptReport&) = default;
};

/// What one driver, or one submitted graph, owns.
struct JobInfo {
  JobId id;
  std::string name;      ///< A graph's name; a driver's program name otherwise.
  std::string program;   ///< See RunOrder::program.
  bool durable = false;  ///< Kept in the store and outlives its driver.
  friend bool operator==(const JobInfo&, const JobInfo&) = default;
};

}  // namespace troupe
