#include "scheduler/core/ready_queue.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_dead_entries = 64;  // More than those that live, behind the head of a line.

}  // namespace

bool ReadyQueue::is_live(const Entry& entry) const {
  return tasks_.holds(entry.slot) && tasks_[entry.slot].order == entry.order && tasks_[entry.slot].in_line;
}

void ReadyQueue::Line::add(const Entry& entry) {
  if (first == in_order.size() || entry > in_order.back()) return in_order.push_back(entry);
  heap.push_back(entry);
  std::push_heap(heap.begin(), heap.end(), std::greater<>{});
}

bool ReadyQueue::Line::is_front_in_heap() const {
  return !heap.empty() && (first == in_order.size() || in_order[first] > heap.front());
}

const ReadyQueue::Entry& ReadyQueue::Line::front() const { return is_front_in_heap() ? heap.front() : in_order[first]; }

void ReadyQueue::Line::pop() {
  if (is_front_in_heap()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>{});
    heap.pop_back();
  } else if (2 * ++first > in_order.size()) {
    in_order.erase(in_order.begin(), in_order.begin() + static_cast<std::ptrdiff_t>(std::exchange(first, 0)));
  }
}

void ReadyQueue::find_head(Line& line) const {
  while (line.size() > line.live && !is_live(line.front())) line.pop();
  line.head = line.front();
  tasks_.prefetch(line.head.slot);
}

void ReadyQueue::drop_dead(Line& line) const {
  const auto is_dead = [this](const Entry& entry) { return !is_live(entry); };
  line.in_order.erase(line.in_order.begin(), line.in_order.begin() + static_cast<std::ptrdiff_t>(line.first));
  line.first = 0;
  std::erase_if(line.in_order, is_dead);
  std::erase_if(line.heap, is_dead);
  std::make_heap(line.heap.begin(), line.heap.end(), std::greater<>{});
}

void ReadyQueue::add(const Task& task, Slot slot) {
  Level& level = levels_[task.spec.priority];
  JobLines& job = level.jobs[task.job->info.id];
  if (job.lines.empty()) {
    level.turns.emplace(rank_of(*task.job, task.job->usage), &job);
    task.job->priorities.push_back(task.spec.priority);
  }
  if (!job.shapes.has(task.shape)) {
    job.lines.emplace(job.lines.begin() + static_cast<std::ptrdiff_t>(job.shapes.rank(task.shape)));
    job.shapes.set(task.shape);
    ++level.jobs_by_shape[task.shape];
    level.shapes.set(task.shape);
  }
  Line& line = job.line_of(task.shape);
  line.add({task.order, slot});
  line.head = line.front();
  ++line.live;
}

void ReadyQueue::remove(const Task& task) {
  const auto level = levels_.find(task.spec.priority);
  TROUPE_CHECK(level != levels_.end(), "a ready task stands in line");
  const auto found = level->second.jobs.find(task.job->info.id);
  TROUPE_CHECK(found != level->second.jobs.end(), "a ready task stands in its job's line");
  JobLines& job = found->second;
  TROUPE_CHECK(job.shapes.has(task.shape), "a ready task stands in its shape's line");
  Line& line = job.line_of(task.shape);
  if (--line.live > 0) {
    if (line.head.order == task.order) line.pop();
    if (line.size() > 2 * std::size_t{line.live} + most_dead_entries) drop_dead(line);
    return find_head(line);
  }

  job.lines.erase(job.lines.begin() + static_cast<std::ptrdiff_t>(job.shapes.rank(task.shape)));
  job.shapes.clear(task.shape);
  const auto count = level->second.jobs_by_shape.find(task.shape);
  if (--count->second == 0) {
    level->second.jobs_by_shape.erase(count);
    level->second.shapes.clear(task.shape);
  }
  if (!job.lines.empty()) return;
  level->second.turns.erase(rank_of(*task.job, task.job->usage));
  std::erase(task.job->priorities, task.spec.priority);
  level->second.jobs.erase(found);
  if (level->second.jobs.empty()) levels_.erase(level);
}

void ReadyQueue::remove_gang(std::int32_t priority, std::uint64_t order) {
  TROUPE_CHECK(gangs_.erase(GangRank{-std::int64_t{priority}, order}) == 1,
               "a gang whose members are ready stands in line");
}

void ReadyQueue::rank_anew(Job& job, const Usage& usage) {
  const JobRank before = rank_of(job, job.usage);
  for (const std::int32_t priority : job.priorities) {
    auto& turns = levels_.at(priority).turns;
    auto turn = turns.extract(before);
    turn.key() = rank_of(job, usage);
    turns.insert(std::move(turn));
  }
  job.usage = usage;
}

std::optional<Head> ReadyQueue::next(const Bits& open) const {
  for (const auto& [priority, level] : levels_) {
    if (!level.shapes.meets(open)) continue;
    for (const auto& [rank, job] : level.turns) {
      if (!job->shapes.meets(open)) continue;
      Entry first{.order = ~std::uint64_t{0}};
      job->shapes.for_each_in_both(open, [&, line = job](std::size_t shape) {
        const Entry& head = line->line_of(static_cast<ShapeIndex>(shape)).head;
        if (head.order < first.order) first = head;
      });
      return Head{priority, first.order, first.slot};
    }
  }
  return std::nullopt;
}

std::optional<Head> ReadyQueue::next_of(ShapeIndex shape) const {
  Bits only;
  only.set(shape);
  return next(only);
}

std::vector<Head> ReadyQueue::oldest_of_the_hungry(const Bits& wanted) const {
  std::vector<Head> all;
  for (const auto& [priority, level] : levels_) {
    std::map<std::size_t, Entry> oldest;
    for (const auto& [rank, job] : level.turns) {
      if (std::get<0>(rank) > 0) break;
      job->shapes.for_each_in_both(wanted, [&, line = job](std::size_t shape) {
        const Entry& head = line->line_of(static_cast<ShapeIndex>(shape)).head;
        if (const auto [known, is_new] = oldest.try_emplace(shape, head); !is_new && known->second > head)
          known->second = head;
      });
    }
    for (const auto& [shape, entry] : oldest) all.push_back({priority, entry.order, entry.slot});
  }
  return all;
}

bool ReadyQueue::holds(const Task& task, Slot slot) const {
  const auto level = levels_.find(task.spec.priority);
  if (level == levels_.end()) return false;
  const auto job = level->second.jobs.find(task.job->info.id);
  if (job == level->second.jobs.end()) return false;
  if (!job->second.shapes.has(task.shape)) return false;
  const Line& line = job->second.line_of(task.shape);
  const auto is_it = [&](const Entry& entry) { return entry.slot == slot && entry.order == task.order; };
  const auto begin = line.in_order.begin() + static_cast<std::ptrdiff_t>(line.first);
  const auto found = std::lower_bound(begin, line.in_order.end(), task.order,
                                      [](const Entry& entry, std::uint64_t order) { return entry.order < order; });
  return (found != line.in_order.end() && is_it(*found)) || std::any_of(line.heap.begin(), line.heap.end(), is_it);
}

}  // namespace troupe::scheduler
