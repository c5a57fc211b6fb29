#include "runtime/worker/task_runner.h"

#include <utility>

#include "runtime/worker/values.h"

namespace troupe {
namespace {

/// What the function returns or throws becomes the attempt's report.
AttemptReport run_function(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options,
                           const std::function<void(bool)>& on_wait) {
  AttemptReport report{order.task, order.attempt};
  const auto fails = [&report](std::string why) {
    report.end = AttemptEnd::failed;
    report.cause.message = std::move(why);
  };
  const auto& work = std::get<FunctionWork>(order.work);
  const auto* function = catalog.function(work.function);
  if (function == nullptr) {
    fails("this program has no task named '" + work.function + "'");
    return report;
  }
  try {
    Context context(order, options.node, options.connect, &CancelledCalls::stop_token);
    context.tell_waits(on_wait);
    ObjectClient* const objects = options.objects.get();
    auto returned = (*function)(context, arguments_of(work.arguments, order.inputs, objects));
    report.result = result_of(std::move(returned), order.durable ? nullptr : objects, context);
  } catch (...) {
    fails(text_of_thrown());
    report.cause.exception = type_of_thrown();
  }
  return report;
}

}  // namespace

AttemptReport TaskRunner::run(const RunOrder& order, const std::function<void(bool)>& on_wait) {
  const Key key{order.task, order.attempt};
  begin_output(order);
  set_runs(key);
  AttemptReport made;
  {
    const CancelledCalls::Running own(cancelled_, key);
    made = run_function(order, catalog_, options_, on_wait);
  }
  set_runs({});
  if (made.end == AttemptEnd::failed) made.cause.message += output_.last_lines();
  end_output();
  return made;
}

void TaskRunner::heed_termination() {
  if (options_.termination == nullptr || !options_.termination->take()) return;
  const std::lock_guard lock(mutex_);
  ends_after_ = runs_ && cancelled_.ask_to_stop(*runs_);
  if (!ends_after_) Termination::end_process();
}

void TaskRunner::set_runs(std::optional<Key> key) {
  const std::lock_guard lock(mutex_);
  if (ends_after_) Termination::end_process();
  runs_ = key;
}

void TaskRunner::begin_output(const RunOrder& order) { begun_.note_running(output_.begin(order)); }

void TaskRunner::end_output() {
  output_.end();
  begun_.note_running({});
}

}  // namespace troupe
