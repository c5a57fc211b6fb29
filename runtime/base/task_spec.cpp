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
