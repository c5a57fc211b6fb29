// Tasks that are ready but for a lock or a semaphore, each filed under one that it lacks: only what frees that one
// concerns it, however many others wait.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "scheduler/core/task_table.h"
#include "scheduler/sync/synchronisation.h"

namespace troupe::scheduler {

class LockWaiters {
 public:
  using Name = Synchronisation::PermitName;

  void add(std::uint64_t order, Slot slot, Name lacks) {
    names_.emplace(slot, lacks);
    lines_[std::move(lacks)].emplace(order, slot);
  }
  /// What it lacked; nothing: it is not here.
  std::optional<Name> remove(std::uint64_t order, Slot slot) {
    auto found = names_.extract(slot);
    if (found.empty()) return std::nullopt;
    const auto line = lines_.find(found.mapped());
    line->second.erase({order, slot});
    if (line->second.empty()) lines_.erase(line);
    return std::move(found.mapped());
  }
  bool has(Slot slot) const { return names_.contains(slot); }
  /// Who has waited longest for it.
  std::optional<std::pair<std::uint64_t, Slot>> first_of(const Name& name) const {
    const auto line = lines_.find(name);
    if (line == lines_.end()) return std::nullopt;
    return *line->second.begin();
  }
  /// Of those behind this one.
  std::optional<std::pair<std::uint64_t, Slot>> first_of(const Name& name,
                                                         std::pair<std::uint64_t, Slot> behind) const {
    const auto line = lines_.find(name);
    if (line == lines_.end()) return std::nullopt;
    const auto next = line->second.upper_bound(behind);
    return next == line->second.end() ? std::nullopt : std::optional(*next);
  }
  std::set<Name> names() const {
    std::set<Name> all;
    for (const auto& [name, line] : lines_) all.insert(name);
    return all;
  }

 private:
  std::map<Name, std::set<std::pair<std::uint64_t, Slot>>> lines_;  // By order; none is empty.
  std::map<Slot, Name> names_;
};

}  // namespace troupe::scheduler
