// What is known of jobs and their tasks: specs, progress, edges, gangs, shapes. It keeps the books and decides nothing.
//
// Invariants: a task is known by its id and by a slot that stays the same until it is forgotten. An edge is counted at
// both ends: `open_predecessors` are those not final yet, `open_dependents` those not final yet.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/prefetch.h"
#include "scheduler/core/event.h"
#include "scheduler/core/number_set.h"
#include "scheduler/core/record.h"
#include "scheduler/core/shapes.h"
#include "scheduler/core/slots_by_number.h"

namespace troupe::scheduler {

/// Tasks that start together. `open` members are not final yet, `ready` ones have all they wait for.
struct Gang {
  GangPolicy policy = GangPolicy::data;
  std::vector<Slot> members;  ///< By rank; no_slot once forgotten.
  std::uint32_t stages = 1;   ///< See GangHint.
  std::uint32_t open = 0;
  std::uint32_t ready = 0;
  std::uint64_t order = ~std::uint64_t{0};  ///< Of its first member in line.
  std::int32_t priority = 0;                ///< The highest of its members'.
  bool is_ending = false;                   ///< One has ended otherwise than well: all do.
};

inline constexpr ShapeIndex no_shape = ~ShapeIndex{0};

/// Of how many attempts a job's mean duration tells, about.
inline constexpr std::int64_t duration_weight = 8;

/// What a job's attempts hold, and by that its turn: who holds least goes first, then who was served longest ago.
struct Usage {
  Milli cpus = 0;
  Milli gpus = 0;
  std::int64_t memory_mib = 0;
  std::uint64_t share = 0;   ///< Of the cluster, of what it holds most of; in 2^-20.
  std::uint64_t served = 0;  ///< Grows with each start of one of its tasks.
};

/// How many tasks are in each TaskState.
using StateCounts = std::array<std::uint32_t, 7>;

struct Job {
  JobInfo info;
  std::vector<DriverId> watchers;  ///< Who is told; of a driver's own job at most that driver.
  SlotsByNumber tasks;
  NumberSet seen;  ///< Of a driver's own job: what was accepted, or given up before it came. The others may come yet.
  StateCounts states{};  ///< Of its tasks; joins are not counted.
  std::uint32_t actors = 0;
  std::map<std::uint32_t, Gang> gangs;
  std::uint32_t attempt_floor = 0;  ///< Attempts of its tasks count on from here.
  std::uint64_t serial = 0;         ///< Never used twice, unlike its id: it may be dropped and come back.
  Usage usage;
  std::vector<std::int32_t> priorities;      ///< Of its single tasks in line, each once.
  Time duration_sum{100 * duration_weight};  ///< Of as many attempts: slow, until it has shown otherwise.

  bool is_watched_by(DriverId driver) const {
    return std::find(watchers.begin(), watchers.end(), driver) != watchers.end();
  }
};

struct Task {
  TaskSpec spec;
  TaskProgress progress;
  Job* job = nullptr;
  std::uint64_t order = 0;  ///< Place in line: earlier submitted, earlier placed.
  Time ready_since{};
  std::uint32_t open_predecessors = 0;
  std::uint32_t open_dependents = 0;
  RareVector<Slot> dependents;  ///< To be told when this one is final; empty afterwards.
  ShapeIndex shape = no_shape;  ///< A join has none: no node is asked for it.
  bool is_up = false;           ///< An actor that takes calls.
  bool in_line = false;         ///< A single task that is ready; of a gang, the gang stands in line.
  bool released = false;        ///< Its driver has no more use for it.
  bool dirty = false;           ///< Changed in this step.
  bool after_untaken = false;   ///< Some branch before it was not taken.

  bool is_final() const { return troupe::is_final(progress.state); }
  bool is_running() const { return progress.state == TaskState::running; }
  /// Requires: is_running().
  const AttemptRecord& attempt() const { return progress.attempts.back(); }
};

class TaskTable {
 public:
  Job* find_job(JobId id);
  /// Requires: no such job.
  Job& add_job(JobInfo info);
  /// Forgets a job with all its tasks.
  void erase_job(JobId id);

  /// no_slot when there is none.
  Slot find(TaskId id) const;
  /// Requires: no such task.
  Slot add(Job& job, TaskSpec spec, TaskProgress progress);
  /// Ties a task to its predecessors and its gang. Requires: all of them were added.
  void link(Slot slot);

  void set_state(Task& task, TaskState state);

  /// The actor that is found by this name; none has it: no_slot.
  Slot find_actor(const std::string& name) const;
  /// It has ended: another may have its name.
  void give_up_name(const Task& task);

  /// Whether nothing refers to it any more: it is final, and so is every task before and after it.
  bool can_be_forgotten(Slot slot) const;
  void forget(Slot slot);

  Task& operator[](Slot slot) { return pages_[slot / page_size][slot % page_size]; }
  const Task& operator[](Slot slot) const { return pages_[slot / page_size][slot % page_size]; }
  bool holds(Slot slot) const { return slot < used_ && (*this)[slot].job != nullptr; }
  /// Asks for the memory of a task that is needed soon: it is many cache lines, and mostly in none of the caches.
  void prefetch(Slot slot) const {
    if (slot < used_) troupe::prefetch(&(*this)[slot], sizeof(Task));
  }
  /// Requires: the task has a gang.
  Gang& gang_of(const Task& task) { return task.job->gangs.at(task.spec.gang->gang); }
  const Gang& gang_of(const Task& task) const { return task.job->gangs.at(task.spec.gang->gang); }

  std::size_t size() const { return used_ - free_.size(); }
  const std::map<JobId, Job>& jobs() const { return jobs_; }
  ShapeTable shapes;

 private:
  void free(Slot slot);
  static std::uint32_t& count_of(Task& task) { return task.job->states[static_cast<std::size_t>(task.progress.state)]; }

  std::map<JobId, Job> jobs_;
  static constexpr std::size_t page_size = 256;
  std::vector<std::unique_ptr<Task[]>> pages_;  // by slot; a free one has no job
  std::size_t used_ = 0;                        // slots that were ever given
  std::vector<Slot> free_;
  std::map<std::string, Slot> actors_by_name_;
  std::uint64_t next_order_ = 1;
  std::uint64_t jobs_added_ = 0;
};

/// The predecessors, each once, in order of id.
std::vector<TaskId> predecessors_of(const TaskSpec& spec);

/// `task 'a'`, or `task 17` where it has no name.
std::string name_of(const TaskSpec& spec);

}  // namespace troupe::scheduler
