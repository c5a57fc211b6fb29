// What could start now, in line: single tasks by what they need, so that one answer serves all that need the same, and
// whole gangs. Kept as things change; nothing walks the tasks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "scheduler/core/task_table.h"

namespace troupe::scheduler {

/// The first of a line: one task, or a gang whose members are all ready.
struct Head {
  std::uint64_t order = 0;
  Slot slot = no_slot;  ///< The task, or the gang's first member.
};

class ReadyQueue {
 public:
  void add(const Task& task, Slot slot);
  void remove(const Task& task);
  void add_gang(std::uint64_t order, Slot first);
  void remove_gang(std::uint64_t order);

  /// One of each line of single tasks, and all gangs, in order.
  std::map<std::uint64_t, Head> heads() const;
  /// The first single task that needs just this.
  std::optional<Head> next_like(const Resources& needs) const;

  bool is_empty() const { return lines_.empty() && gangs_.empty(); }
  bool holds(const Task& task) const;
  bool holds_gang(std::uint64_t order) const { return gangs_.contains(order); }

 private:
  struct Before {
    bool operator()(const Resources& a, const Resources& b) const;
  };
  using Line = std::map<std::uint64_t, Slot>;
  std::map<Resources, Line, Before> lines_;
  std::map<std::uint64_t, Slot> gangs_;
};

}  // namespace troupe::scheduler
