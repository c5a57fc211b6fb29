// The scheduler as a value: events and the time go in, effects come out. No I/O, no clock, no thread, no randomness, so
// the same events give the same effects, bit for bit.
//
// Invariants: see invariants.h; they are checked by the simulator after every event.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/planted.h"
#include "runtime/base/wait_reason.h"
#include "scheduler/core/effect.h"
#include "scheduler/core/event.h"
#include "scheduler/core/record.h"
#include "scheduler/sync/synchronisation.h"

namespace troupe::scheduler {

struct Settings {
  Time node_timeout{5000};  ///< A node silent for longer is dead: its attempts are lost.
  /// A durable graph is compacted so long after its end: what is left of it are its counts and times.
  Time keep_finished = std::chrono::hours(7 * 24);
  std::size_t most_summaries = 10'000;  ///< Beyond it the oldest are dropped.
  Time driver_timeout{5000};            ///< A driver silent for longer has left.
  /// Attempts lost in a row (worker or node died under the task) after which it fails.
  std::int32_t most_lost_attempts = 3;
  /// An attempt that was lost after running so long is none of these: what takes down its worker does so earlier.
  Time long_run = std::chrono::minutes(1);
  std::size_t most_input_bytes = 32u << 20;  ///< Of a task, with its arguments; more fails: they travel in one order.
  std::size_t most_tasks = 1'000'000;        ///< Beyond it a submit is refused.
  std::size_t most_nodes = 10'000;           ///< Beyond it a join is ignored.
  std::size_t most_drivers = 10'000;         ///< Beyond it a join is ignored.
  /// After a restart nothing is placed for this long, so that nodes and drivers, which come back in any order, meet and
  /// what still runs is adopted. More than a heartbeat.
  Time rejoin_grace{700};
  /// For a request that has waited this long nodes are kept: others no longer pass it there, and what is
  /// preemptible and of lower priority makes room.
  Time line_patience{1000};
  /// An attempt that has run this much longer than its time-out, which its node keeps, is stopped from here.
  Time timeout_grace{15'000};
  std::size_t most_cached_results = 10'000;  ///< Beyond it the one that was used longest ago goes.
  std::size_t most_cached_bytes = 64u << 20;
  std::size_t most_watchers = 64;         ///< Drivers that are told of one job; beyond it a submit is refused.
  std::size_t most_attempts_kept = 2000;  ///< In one task's record.
  std::size_t most_shapes = 4096;         ///< Different needs that tasks have; beyond it a submit is refused.
  /// Where a job's tasks take no longer, on average, nodes are given some ahead: four times as long.
  Time quick{5};
  SyncSettings sync{};
  Planted planted = Planted::none;  ///< For tests of the simulator only.
};

struct HungryTask;  // invariants.h

class Scheduler {
 public:
  /// Goes on from what the store holds; a new cluster's is empty but for its id and epoch.
  Scheduler(Settings settings, StoredState stored, Time now);
  ~Scheduler();
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) noexcept;

  /// An attempt whose end is about to be taken.
  struct EndingAttempt {
    NodeId node;
    TaskId task;
    AttemptId attempt;
  };
  /// A hint, which changes nothing: asks for the memory that these ends need while others of them are taken.
  void prefetch(std::span<const EndingAttempt> ending) const;

  /// Takes one event at the time `now`. Total: late, doubled and unknown events give Ignored.
  Effects step(Time now, const Event& event);

  /// What RunTask sends; nullopt when the attempt is not the current one any more.
  std::optional<RunOrder> order(TaskId task, AttemptId attempt) const;

  // Questions, for listings and for the simulator.
  struct NodeView {
    NodeId node;
    std::string name;
    NodeCapacity capacity;
    Milli free_cpus = 0;
    Milli free_gpus = 0;
    std::int64_t free_memory_bytes = 0;
    bool alive = false;
    bool drains = false;
    std::size_t running = 0;
  };
  std::vector<NodeView> nodes() const;
  /// Tasks that are ready and need the same, or gangs whose members do: how many wait, and the first in line with its
  /// reason.
  struct WaitingView {
    Resources needs;
    std::uint32_t gang = 0;  ///< Members; 0: single tasks.
    std::uint64_t waiting = 0;
    TaskId first;
    std::string name;  ///< Of the first.
    std::string why;
  };
  /// At most so many; single tasks first. Cost: the nodes for each, and the members of all gangs in line.
  std::vector<WaitingView> waiting(std::size_t most) const;
  std::vector<JobInfo> jobs() const;
  struct JobView {
    JobInfo job;
    Time since{};                       ///< Of a driver's own: when the driver was taken in.
    std::size_t drivers = 0;            ///< That are told of its tasks.
    std::vector<std::uint64_t> states;  ///< How many tasks are in each TaskState, joins not counted.
    std::uint64_t actors = 0;           ///< Among them.
  };
  /// Those with higher ids than `behind`, in their order, at most so many.
  std::vector<JobView> jobs(JobId behind, std::size_t most) const;
  /// How much there is of everything.
  struct Sizes {
    std::size_t tasks = 0;
    std::size_t jobs = 0;
    std::size_t drivers = 0;
    std::size_t claims = 0;
  };
  Sizes sizes() const;
  std::size_t most_tasks() const;
  /// One task, until the next step.
  struct TaskView {
    const TaskSpec& spec;
    const TaskProgress& progress;
    bool is_up = false;  ///< An actor that takes calls.
  };
  /// Tasks of one job in order of their numbers: those with number `first` and higher ones, at most so many.
  std::vector<TaskView> tasks_of(JobId job, std::uint32_t first = 0, std::size_t most = SIZE_MAX) const;
  std::optional<TaskView> task(TaskId id) const;
  const JobInfo& job_of(const TaskView& task) const;
  /// Those that hold something on the node.
  std::vector<TaskView> tasks_on(NodeId node) const;
  /// What it comes after, as far as it is known: those first that have not ended, at most so many.
  std::vector<TaskView> before(TaskId task, std::size_t most) const;
  struct ActorView {
    TaskState state = TaskState::waiting;
    AttemptId attempt;
    std::string address;  ///< Where it takes calls; empty while it is not up.
    std::string reason;   ///< Why it has ended.
    NodeId node;          ///< Of that attempt.
  };
  /// One that is not known has ended, unless its driver may still be on its way back after a restart.
  ActorView actor(TaskId task) const;
  struct NamedActorView {
    TaskId task;  ///< {}: there is none.
    RestartMode restart = RestartMode::none;
    bool is_sure = true;  ///< Else its driver may not have come back yet.
  };
  NamedActorView find_actor(const std::string& name) const;
  /// What a task waits for that has not begun. Cost: the nodes.
  WaitReason why_waiting(TaskId task) const;
  /// Of the task, or of the driver's job, that holds a lock; empty where it is not known.
  std::string name_of_holder(const Holder& holder) const;
  /// Locks, semaphores, barriers, queues: who waits and who holds.
  const Synchronisation& synchronisation() const;

  /// See invariants.h.
  friend std::string broken_invariant(const Scheduler& scheduler);
  friend std::vector<HungryTask> hungry_tasks(const Scheduler& scheduler);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe::scheduler
