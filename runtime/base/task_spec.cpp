#include "runtime/base/task_spec.h"

#include "runtime/base/check.h"

namespace troupe {

const CommandWork* command_of(const Work& work) {
  const auto* boxed = std::get_if<Boxed<CommandWork>>(&work);
  return boxed == nullptr ? nullptr : boxed->get();
}
CommandWork* command_of(Work& work) {
  auto* boxed = std::get_if<Boxed<CommandWork>>(&work);
  return boxed == nullptr ? nullptr : boxed->get();
}

const Boxed<RuntimeEnvironment>& environment_of(const Work& work) {
  static const Boxed<RuntimeEnvironment> none;
  if (const auto* function = std::get_if<FunctionWork>(&work)) return function->environment;
  if (const auto* actor = std::get_if<ActorWork>(&work)) return actor->environment;
  return none;
}

bool registers_name(const TaskSpec& spec) {
  const auto* actor = std::get_if<ActorWork>(&spec.work);
  return actor != nullptr && actor->registers_name;
}

std::size_t bytes_of(const TaskSpec& spec) {
  std::size_t bytes = 200 + spec.name.size() + 4 * spec.after.size() + 16 * spec.inputs.size();
  const auto add_all = [&bytes](const std::vector<Argument>& arguments) {
    for (const auto& argument : arguments)
      if (const auto* value = std::get_if<Bytes>(&argument)) bytes += value->size() + 10;
  };
  if (const auto* function = std::get_if<FunctionWork>(&spec.work)) add_all(function->arguments);
  if (const auto* actor = std::get_if<ActorWork>(&spec.work)) add_all(actor->arguments);
  if (const CommandWork* command = command_of(spec.work)) {
    for (const auto& word : command->argv) bytes += word.size() + 5;
    for (const auto& [name, value] : command->environment) bytes += name.size() + value.size() + 10;
    for (const auto& [name, input] : command->results) bytes += name.size() + 15;
    bytes += command->working_directory.size() + command->task_directory.size();
  }
  if (const auto& environment = environment_of(spec.work)) {
    bytes += environment->working_directory.size() + 10;
    for (const auto& [name, value] : environment->variables) bytes += name.size() + value.size() + 10;
  }
  for (const auto& name : spec.locks) bytes += name.size() + 5;
  for (const auto& need : spec.semaphores) bytes += need.name.size() + 10;
  return bytes;
}

const char* to_text(TaskState state) {
  switch (state) {
    case TaskState::waiting: return "waiting";
    case TaskState::ready: return "ready";
    case TaskState::running: return "running";
    case TaskState::done: return "done";
    case TaskState::failed: return "failed";
    case TaskState::cancelled: return "cancelled";
    case TaskState::skipped: return "skipped";
  }
  check_failed(__FILE__, __LINE__, "state", "a task state is one of the seven");
}

const char* to_text(AttemptEnd end) {
  switch (end) {
    case AttemptEnd::done: return "done";
    case AttemptEnd::failed: return "failed";
    case AttemptEnd::lost: return "lost";
    case AttemptEnd::cancelled: return "cancelled";
    case AttemptEnd::preempted: return "preempted";
  }
  check_failed(__FILE__, __LINE__, "end", "an attempt's end is one of the five");
}

}  // namespace troupe
