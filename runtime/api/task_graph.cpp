#include "runtime/api/task_graph.h"

#include <stdexcept>

#include "runtime/base/check.h"

namespace troupe {

TaskSpec TaskGraph::spec_for(const TaskOptions& options, const std::string& function) {
  TaskSpec spec = spec_of(options, function);
  if (options.deadline.count() != 0)
    throw std::invalid_argument("task '" + spec.name +
                                "' of a graph has a deadline, which its driver would keep and a "
                                "graph outlives: it may have a timeout, of each attempt");
  return spec;
}

InputRef TaskGraph::input_of(TaskSpec& spec, TaskId earlier) {
  come_after(spec, earlier);
  const auto known = std::find(spec.inputs.begin(), spec.inputs.end(), earlier);
  const auto place = static_cast<std::uint32_t>(known - spec.inputs.begin());
  if (known == spec.inputs.end()) spec.inputs.push_back(earlier);
  return {place};
}

void TaskGraph::come_after(TaskSpec& spec, TaskId earlier) {
  if (std::find(spec.after.begin(), spec.after.end(), earlier) == spec.after.end()) spec.after.push_back(earlier);
}

std::uint32_t TaskGraph::keep(TaskSpec spec) {
  const auto number = static_cast<std::uint32_t>(tasks_.size() + 1);
  for (const TaskId before : spec.after)
    TROUPE_CHECK(before.number >= 1 && before.number < number, "a task is handed results of tasks of its own graph");
  spec.id = {{}, number};
  tasks_.push_back(std::move(spec));
  return number;
}

std::string TaskGraph::to_text() const {
  std::string text;
  for (const TaskSpec& task : tasks_) {
    text += std::to_string(task.id.number) + ' ' + task.name;
    for (std::size_t i = 0; i < task.after.size(); ++i)
      text += (i == 0 ? " after " : ", ") + std::to_string(task.after[i].number);
    text += '\n';
  }
  return text;
}

}  // namespace troupe
