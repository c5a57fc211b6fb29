#include "runtime/api/graph_messages.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t most_message_bytes = 32u << 20;
constexpr std::size_t most_edges = 1u << 20;  // Of one task: what a reader takes of one list.

/// Tasks that are handed over together: one alone, or a gang.
struct Unit {
  std::vector<std::size_t> tasks;
  std::size_t bytes = 0;
  std::size_t open = 0;                 // Edges from tasks that are not handed over.
  std::vector<std::size_t> successors;  // Other units, one for each edge.
};

std::vector<Unit> units_of(const std::vector<TaskSpec>& tasks) {
  std::vector<Unit> units;
  std::map<std::uint32_t, std::size_t> gangs;
  std::map<TaskId, std::size_t> unit_of;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    std::size_t unit = units.size();
    if (tasks[i].gang) unit = gangs.try_emplace(tasks[i].gang->gang, unit).first->second;
    if (unit == units.size()) units.emplace_back();
    units[unit].tasks.push_back(i);
    units[unit].bytes += bytes_of(tasks[i]);
    unit_of.emplace(tasks[i].id, unit);
  }
  for (const TaskSpec& task : tasks) {
    const std::size_t unit = unit_of.at(task.id);
    for (const TaskId before : task.after) {
      const auto earlier = unit_of.find(before);
      if (earlier == unit_of.end()) continue;  // It is there already, or the scheduler says that it is not.
      units[earlier->second].successors.push_back(unit);
      ++units[unit].open;
    }
  }
  return units;
}

/// Each unit behind those before it; those that wait for each other, which the scheduler refuses, at the end.
std::vector<std::size_t> in_order(std::vector<Unit>& units) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < units.size(); ++i)
    if (units[i].open == 0) order.push_back(i);
  for (std::size_t next = 0; next < order.size(); ++next)
    for (const std::size_t successor : units[order[next]].successors)
      if (--units[successor].open == 0) order.push_back(successor);
  for (std::size_t i = 0; i < units.size(); ++i)
    if (units[i].open > 0) order.push_back(i);
  return order;
}

}  // namespace

Result<void> check_size(const std::vector<TaskSpec>& tasks) {
  std::size_t all = 0;
  for (const TaskSpec& task : tasks) {
    const std::string name = "task '" + task.name + "'";
    const std::size_t bytes = bytes_of(task);
    if (bytes > most_message_bytes)
      return bad_input(name + " has " + std::to_string(bytes) + " bytes of arguments and text; at most " +
                       std::to_string(most_message_bytes) + " can be handed over: put them into objects or files");
    if (task.after.size() > most_edges)
      return bad_input(name + " comes after " + std::to_string(task.after.size()) + " tasks; at most " +
                       std::to_string(most_edges) + " can be named: put a join between");
    all += bytes;
  }
  if (all <= most_message_bytes) return {};
  return bad_input(std::to_string(tasks.size()) + " tasks, from '" + tasks.front().name + "' on, have " +
                   std::to_string(all) + " bytes of arguments and text; at most " + std::to_string(most_message_bytes) +
                   " can be handed over at once");
}

std::vector<std::vector<TaskSpec>> in_messages(std::vector<TaskSpec> tasks) {
  std::vector<std::vector<TaskSpec>> messages(1);
  const std::size_t bytes = std::accumulate(tasks.begin(), tasks.end(), std::size_t{0},
                                            [](std::size_t sum, const TaskSpec& task) { return sum + bytes_of(task); });
  if (bytes <= most_message_bytes) {
    messages.front() = std::move(tasks);
    return messages;
  }
  std::vector<Unit> units = units_of(tasks);
  std::size_t filled = 0;
  for (const std::size_t next : in_order(units)) {
    const Unit& unit = units[next];
    if (filled > 0 && filled + unit.bytes > most_message_bytes) {
      messages.emplace_back();
      filled = 0;
    }
    filled += unit.bytes;
    for (const std::size_t task : unit.tasks) messages.back().push_back(std::move(tasks[task]));
  }
  return messages;
}

}  // namespace troupe
