// A function of the catalog, run for one attempt of a task: what it returns or throws becomes the attempt's report.
#pragma once

#include <functional>

#include "runtime/base/orders.h"
#include "runtime/worker/worker.h"

namespace troupe {

/// `on_wait` is told when the function waits for other work, and when it goes on.
///
/// Requires: the order's work is a function, and all its inputs are there.
AttemptReport run_function(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options,
                           const std::function<void(bool)>& on_wait);

}  // namespace troupe
