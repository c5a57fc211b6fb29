// A function of the catalog, run for one attempt of a task: what it returns or throws becomes the attempt's report.
#pragma once

#include "runtime/base/orders.h"
#include "runtime/worker/worker.h"

namespace troupe {

/// Requires: the order's work is a function, and all its inputs are there.
AttemptReport run_function(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options);

}  // namespace troupe
