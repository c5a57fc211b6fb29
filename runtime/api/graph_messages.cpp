#include "runtime/api/graph_messages.h"

#include <cstddef>
#include <map>
#include <numeric>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t most_message_bytes = 32u << 20;

std::size_t bytes_of(const TaskSpec& task) {
  std::size_t bytes = 200 + task.name.size() + 4 * task.after.size() + 16 * task.inputs.size();
  if (const CommandWork* command = command_of(task.work)) {
    for (const auto& word : command->argv) bytes += word.size() + 5;
    for (const auto& [name, value] : command->environment) bytes += name.size() + value.size() + 10;
    for (const auto& [name, input] : command->results) bytes += name.size() + 15;
    bytes += command->working_directory.size() + command->task_directory.size();
  }
  if (const auto* function = std::get_if<FunctionWork>(&task.work))
    for (const auto& argument : function->arguments)
      if (const auto* value = std::get_if<Bytes>(&argument)) bytes += value->size() + 10;
  return bytes;
}

}  // namespace

std::vector<std::vector<TaskSpec>> in_messages(std::vector<TaskSpec> tasks) {
  const std::size_t bytes = std::accumulate(tasks.begin(), tasks.end(), std::size_t{0},
                                            [](std::size_t sum, const TaskSpec& task) { return sum + bytes_of(task); });
  std::vector<std::vector<TaskSpec>> messages(1);
  if (bytes <= most_message_bytes) {
    messages.front() = std::move(tasks);
    return messages;
  }
  std::map<TaskId, std::size_t> places;
  for (std::size_t i = 0; i < tasks.size(); ++i) places.emplace(tasks[i].id, i);
  std::vector<std::size_t> open(tasks.size());
  std::vector<std::vector<std::size_t>> successors(tasks.size());
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    open[i] = tasks[i].after.size();
    if (open[i] == 0) order.push_back(i);
    for (const TaskId before : tasks[i].after) successors[places.at(before)].push_back(i);
  }
  std::size_t filled = 0;
  for (std::size_t next = 0; next < order.size(); ++next) {
    const TaskSpec& task = tasks[order[next]];
    if (filled > 0 && filled + bytes_of(task) > most_message_bytes) {
      messages.emplace_back();
      filled = 0;
    }
    filled += bytes_of(task);
    messages.back().push_back(task);
    for (const std::size_t successor : successors[order[next]])
      if (--open[successor] == 0) order.push_back(successor);
  }
  return messages;
}

}  // namespace troupe
