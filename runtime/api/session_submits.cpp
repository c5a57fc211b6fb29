// How a session's tasks and actors leave: together while the scheduler has not answered the last of them, each once its
// arguments are there or their tasks were sent, a gang by itself.
#include <algorithm>
#include <utility>

#include "runtime/api/session_core.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_tasks_of_a_submit = 256;
constexpr std::size_t full_submit_bytes = 256u << 10;  // Of arguments.

std::size_t bytes_in(const std::vector<Argument>& arguments) {
  std::size_t bytes = 0;
  for (const auto& argument : arguments)
    if (const auto* value = std::get_if<Bytes>(&argument)) bytes += value->size();
  return bytes;
}

}  // namespace

void SessionCore::submit_what_can_be_sent() {
  if (open_submit_) return;
  OpenSubmit submit{.message = {.job = job_}, .sent = Clock::now()};
  auto& tasks = submit.message.tasks;
  std::size_t bytes = 0;
  std::vector<TaskId> unit;
  for (auto next = unsent_.begin(); next != unsent_.end();) {
    unit.assign(1, *next);
    const auto gang = tasks_.at(*next).spec.gang;
    for (++next; gang && next != unsent_.end(); ++next) {
      const auto& other = tasks_.at(*next).spec.gang;
      if (!other || other->gang != gang->gang) break;
      unit.push_back(*next);
    }
    // By itself: in one step with others a scheduler would place it before those that came before it.
    if (!tasks.empty() && (gang || tasks.back().gang)) break;
    const std::size_t sent_before = tasks.size();
    bytes += add_unit(unit, tasks);
    if (tasks.size() == sent_before) continue;
    if (tasks.size() >= most_tasks_of_a_submit || bytes >= full_submit_bytes || tasks.front().id <= one_by_one_to_)
      break;
  }
  if (tasks.empty()) return;
  submit.message.request = ++last_request_;
  post(scheduler_, submit.message);
  open_submit_ = std::move(submit);
}

/// All of the unit, or nothing while one of it cannot be sent. Answers with the bytes of its arguments.
std::size_t SessionCore::add_unit(std::span<const TaskId> unit, std::vector<TaskSpec>& tasks) {
  const std::size_t before = tasks.size();
  std::size_t bytes = 0;
  for (const TaskId id : unit) {
    const auto task = tasks_.find(id);
    if (task != tasks_.end() && prepare(task->second, tasks.emplace_back(), bytes)) continue;
    tasks.resize(before);
    return 0;
  }
  if (bytes > most_inline_bytes) {
    tasks.resize(before);
    const std::string why = "the arguments of its gang have " + std::to_string(bytes) + " bytes together; at most " +
                            std::to_string(most_inline_bytes) + " can be handed over";
    for (const TaskId id : unit) fail_task(id, {Fault::bad_input, tasks_.at(id).spec.name, {}, 0, why});
    return 0;
  }
  for (std::size_t i = 0; i < unit.size(); ++i) {
    // Given again to a scheduler of a new epoch, a gang is what is left of it.
    if (auto& gang = tasks[before + i].gang; gang && gang->size != unit.size()) {
      gang->size = static_cast<std::uint32_t>(unit.size());
      gang->rank = static_cast<std::uint32_t>(i);
      if (gang->policy == GangPolicy::mesh) gang->stages = gang->size;  // No whole pipelines are left: one chain.
    }
    tasks_.at(unit[i]).sent = true;
    unsent_.erase(unit[i]);
  }
  return bytes;
}

bool SessionCore::prepare(PendingTask& task, TaskSpec& spec, std::size_t& bytes) {
  if (task.is_cancelled) {  // A scheduler of a new epoch would be given it once more.
    fail_task(task.spec.id, {Fault::cancelled, task.spec.name, {}, 0, "cancelled"});
    return false;
  }
  remake_lost(task.arguments);
  task.losses = losses_of(task.arguments);
  if (const Object* failed = first_failed(task.arguments)) {
    fail_task(task.spec.id, failure_of_input(task.spec.name, *failed));
    return false;
  }
  spec = task.spec;
  spec.near = node_near(task.arguments);
  std::vector<Argument> arguments;
  for (const auto& argument : task.arguments) {
    if (const Bytes* value = bytes_of(argument)) {
      arguments.emplace_back(*value);
      if (const auto* object = std::get_if<ObjectPtr>(&argument))
        spec.inputs_epoch = std::max(spec.inputs_epoch, (*object)->told_in_epoch);
      continue;
    }
    const Object& object = *std::get<ObjectPtr>(argument);
    if (!object.task()) return false;  // Only this driver will have it.
    const auto input = tasks_.find(*object.task());
    if (input == tasks_.end() || !input->second.sent) return false;
    const auto known = std::find(spec.inputs.begin(), spec.inputs.end(), *object.task());
    arguments.emplace_back(InputRef{static_cast<std::uint32_t>(known - spec.inputs.begin())});
    if (known == spec.inputs.end()) {
      spec.inputs.push_back(*object.task());
      spec.after.push_back(*object.task());
    }
  }
  const std::size_t own_bytes = bytes_in(arguments);
  if (own_bytes > most_inline_bytes) {
    fail_task(task.spec.id, {Fault::bad_input, task.spec.name, {}, 0, arguments_too_large(own_bytes)});
    return false;
  }
  bytes += own_bytes;
  if (auto* function = std::get_if<FunctionWork>(&spec.work)) function->arguments = std::move(arguments);
  if (auto* actor = std::get_if<ActorWork>(&spec.work)) actor->arguments = std::move(arguments);
  return true;
}

/// One of them is refused, and so all were: each is sent by itself.
void SessionCore::take_apart(const message::Submit& refused) {
  for (const TaskSpec& spec : refused.tasks) {
    const auto task = tasks_.find(spec.id);
    if (task == tasks_.end()) continue;
    if (task->second.is_cancelled) {
      fail_task(spec.id, {Fault::cancelled, spec.name, {}, 0, "cancelled"});
    } else {
      task->second.sent = false;
      unsent_.insert(spec.id);
    }
  }
  one_by_one_to_ = refused.tasks.back().id;
}

/// The same request: a scheduler that took it answers as before.
void SessionCore::submit_again(Clock::time_point now) {
  if (!open_submit_ || now - open_submit_->sent < options_.submit_patience) return;
  open_submit_->sent = now;
  post(scheduler_, open_submit_->message);
}

}  // namespace troupe
