#include "runtime/worker/run_function.h"

#include <utility>

#include "runtime/worker/values.h"

namespace troupe {

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
    Context context(order, options.connect);
    context.tell_waits(on_wait);
    ObjectClient* const objects = options.objects.get();
    auto returned = (*function)(context, arguments_of(work.arguments, order.inputs, objects));
    report.result = result_of(std::move(returned), order.durable ? nullptr : objects, context);
  } catch (...) {
    fails(text_of_thrown());
  }
  return report;
}

}  // namespace troupe
