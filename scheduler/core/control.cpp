// What a graph decides by itself: whether a branch is taken, whether a loop goes round again, whether a result is known
// already, and that a join is done. Each decision is written before anything that follows from it.
#include <algorithm>
#include <utility>

#include "scheduler/core/admission.h"
#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

std::string quoted(const Condition& condition) { return "its condition `" + condition.text + "`"; }

}  // namespace

std::optional<Ending> Scheduler::State::fate_of(Slot slot) {
  Task& task = tasks[slot];
  if (task.after_untaken) {
    if (const Task* untaken = hangs_on(task))
      return Ending{slot, TaskState::skipped, why_skipped(untaken->spec, untaken->progress), true};
  }
  if (task.spec.is_join()) return Ending{slot, TaskState::done, {}};
  if (std::string why = too_much_input(task); !why.empty()) return Ending{slot, TaskState::failed, std::move(why)};
  if (auto fate = fate_by_condition(slot)) return fate;
  if (!task.spec.cache) return std::nullopt;
  const Bytes* known = cache.find(cache_key_of(task));
  if (known == nullptr) return std::nullopt;
  task.progress.result = *known;
  task.progress.cached = true;
  return Ending{slot, TaskState::done, {}};
}

/// The branch that was not taken on which a task hangs: all before it are such, or it would be handed its result.
const Task* Scheduler::State::hangs_on(const Task& task) const {
  const Task* untaken = nullptr;
  bool is_reached = false;
  for (const TaskId before : predecessors_of(task.spec)) {
    const Task& predecessor = tasks[tasks.find(before)];
    if (predecessor.progress.branch != Branch::not_taken) {
      is_reached = true;
      continue;
    }
    const auto& inputs = task.spec.inputs;
    if (std::find(inputs.begin(), inputs.end(), before) != inputs.end()) return &predecessor;
    if (untaken == nullptr) untaken = &predecessor;
  }
  return is_reached ? nullptr : untaken;
}

std::optional<Ending> Scheduler::State::fate_by_condition(Slot slot) {
  Task& task = tasks[slot];
  if (!task.spec.when) return std::nullopt;
  const auto decision = evaluate(*task.spec.when, inputs_of(task));
  if (!decision)
    return Ending{slot, TaskState::failed, quoted(*task.spec.when) + " cannot be decided: " + decision.error().message};
  if (!decision->holds) {
    const std::string because = decision->because.empty() ? "" : ": " + decision->because;
    return Ending{slot, TaskState::skipped, quoted(*task.spec.when) + " is false" + because, true};
  }
  task.progress.branch = Branch::taken;
  touch(slot);
  return std::nullopt;
}

Result<bool> Scheduler::State::repeats(const Task& task, const Bytes& result) const {
  if (!task.spec.repeat || task.progress.iteration + 1 >= task.spec.repeat->at_most) return false;
  const Condition& condition = task.spec.repeat->condition;
  const std::string_view own = result;
  const auto decision = evaluate(condition, {&own, 1});
  if (!decision) return Error{Fault::bad_input, quoted(condition) + " cannot be decided: " + decision.error().message};
  return decision->holds;
}

std::vector<std::string_view> Scheduler::State::inputs_of(const Task& task) const {
  std::vector<std::string_view> results;
  for (const TaskId input : task.spec.inputs) results.emplace_back(tasks[tasks.find(input)].progress.result);
  return results;
}

std::string Scheduler::State::cache_key_of(const Task& task) const {
  return cache_key(task.spec, task.job->info.program, inputs_of(task));
}

void Scheduler::State::publish_to_cache(const Task& task) {
  if (!task.spec.cache) return;
  CachedResult result{cache_key_of(task), task.progress.result, now.count()};
  const CacheLimits limits{settings.most_cached_results, settings.most_cached_bytes};
  auto added = cache.add(result, limits);
  for (auto& key : added.dropped) writes.push_back(DropCached{std::move(key)});
  if (added.is_new) writes.push_back(SaveCached{std::move(result)});
}

}  // namespace troupe::scheduler
