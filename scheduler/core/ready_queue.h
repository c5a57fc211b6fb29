// What could start now, and whose turn it is: higher priority first; of the jobs with work of that priority the one
// that holds the least of the cluster (max-min fairness over the dominant resource. Source: Ghodsi et al., "Dominant
// Resource Fairness", NSDI 2011), then the one served longest ago; of its tasks the one submitted first. Gangs stand in
// a line of their own, by priority and age. Kept as things change; nothing walks the tasks.
//
// Invariant: the head of each line is a task that is ready.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "scheduler/core/bits.h"
#include "scheduler/core/task_table.h"

namespace troupe::scheduler {

/// The first of a line: one task, or a gang whose members are all ready.
struct Head {
  std::int32_t priority = 0;
  std::uint64_t order = 0;
  Slot slot = no_slot;  ///< The task, or one of the gang's members.
};

class ReadyQueue {
 public:
  explicit ReadyQueue(const TaskTable& tasks) : tasks_(tasks) {}

  /// Requires: the task is ready, without a gang, and says that it is in line.
  void add(const Task& task, Slot slot);
  /// Requires: it no longer says that it is in line.
  void remove(const Task& task);
  void add_gang(const Head& gang) { gangs_.emplace(GangRank{-std::int64_t{gang.priority}, gang.order}, gang); }
  void remove_gang(std::int32_t priority, std::uint64_t order);
  /// Its share, or when it was served, is about to be `usage`.
  void rank_anew(Job& job, const Usage& usage);

  /// The task whose turn it is, among those whose shape is in `open`.
  std::optional<Head> next(const Bits& open) const;
  /// The first in line of those that need this.
  std::optional<Head> next_of(ShapeIndex shape) const;
  /// Of those whose shape is in `wanted`, by priority and shape, the task that was submitted first among the jobs that
  /// hold nothing. Cost: those jobs, and their shapes.
  std::vector<Head> oldest_of_the_hungry(const Bits& wanted) const;

  using GangRank = std::tuple<std::int64_t, std::uint64_t>;  // highest priority first, then age
  const std::map<GangRank, Head>& gangs() const { return gangs_; }
  bool holds_gang(std::int32_t priority, std::uint64_t order) const {
    return gangs_.contains(GangRank{-std::int64_t{priority}, order});
  }
  bool is_empty() const { return levels_.empty() && gangs_.empty(); }
  /// Whether it stands in line. Cost: log its line, and those of it that came out of order.
  bool holds(const Task& task, Slot slot) const;

 private:
  struct Entry {
    std::uint64_t order = 0;
    Slot slot = no_slot;
    friend bool operator>(const Entry& a, const Entry& b) { return a.order > b.order; }
  };
  /// By order, with entries of tasks that have left the line, but for its head.
  struct Line {
    Entry head;
    std::uint32_t live = 0;
    std::size_t first = 0;        ///< In `in_order`; those before it are gone.
    std::vector<Entry> in_order;  ///< Most come so: the next stands beside the last.
    std::vector<Entry> heap;      ///< Those that came behind one of a higher order.

    void add(const Entry& entry);
    const Entry& front() const;
    void pop();
    std::size_t size() const { return in_order.size() - first + heap.size(); }

   private:
    bool is_front_in_heap() const;
  };
  struct JobLines {
    Bits shapes;
    std::vector<Line> lines;  // one for each of the shapes, in their order
    Line& line_of(ShapeIndex shape) { return lines[shapes.rank(shape)]; }
    const Line& line_of(ShapeIndex shape) const { return lines[shapes.rank(shape)]; }
  };
  using JobRank = std::tuple<std::uint64_t, std::uint64_t, JobId>;  // share, served
  struct Level {
    std::map<JobId, JobLines> jobs;
    std::map<JobRank, const JobLines*> turns;
    std::map<ShapeIndex, std::uint32_t> jobs_by_shape;
    Bits shapes;
  };
  static JobRank rank_of(const Job& job, const Usage& usage) { return {usage.share, usage.served, job.info.id}; }
  bool is_live(const Entry& entry) const;
  void find_head(Line& line) const;
  void drop_dead(Line& line) const;

  const TaskTable& tasks_;
  std::map<std::int32_t, Level, std::greater<>> levels_;
  std::map<GangRank, Head> gangs_;
};

}  // namespace troupe::scheduler
