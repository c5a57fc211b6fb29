#include "scheduler/core/ready_queue.h"

#include <tuple>

#include "runtime/base/check.h"

namespace troupe::scheduler {

bool ReadyQueue::Before::operator()(const Resources& a, const Resources& b) const {
  return std::tie(a.cpus, a.gpus, a.memory_bytes, a.gpu_memory_bytes, a.named, a.labels) <
         std::tie(b.cpus, b.gpus, b.memory_bytes, b.gpu_memory_bytes, b.named, b.labels);
}

void ReadyQueue::add(const Task& task, Slot slot) { lines_[task.spec.needs].emplace(task.order, slot); }

void ReadyQueue::remove(const Task& task) {
  const auto line = lines_.find(task.spec.needs);
  TROUPE_CHECK(line != lines_.end() && line->second.erase(task.order) == 1, "a ready task stands in line");
  if (line->second.empty()) lines_.erase(line);
}

void ReadyQueue::add_gang(std::uint64_t order, Slot first) { gangs_.emplace(order, first); }

void ReadyQueue::remove_gang(std::uint64_t order) {
  TROUPE_CHECK(gangs_.erase(order) == 1, "a gang whose members are ready stands in line");
}

std::map<std::uint64_t, Head> ReadyQueue::heads() const {
  std::map<std::uint64_t, Head> heads;
  for (const auto& [needs, line] : lines_)
    heads.emplace(line.begin()->first, Head{line.begin()->first, line.begin()->second});
  for (const auto& [order, slot] : gangs_) heads.emplace(order, Head{order, slot});
  return heads;
}

std::optional<Head> ReadyQueue::next_like(const Resources& needs) const {
  const auto line = lines_.find(needs);
  if (line == lines_.end()) return std::nullopt;
  return Head{line->second.begin()->first, line->second.begin()->second};
}

bool ReadyQueue::holds(const Task& task) const {
  const auto line = lines_.find(task.spec.needs);
  return line != lines_.end() && line->second.contains(task.order);
}

}  // namespace troupe::scheduler
