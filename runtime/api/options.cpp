#include "runtime/api/options.h"

namespace troupe {

TaskSpec spec_of(const TaskOptions& options, const std::string& function) {
  TaskSpec spec{.name = options.name.empty() ? function : options.name,
                .needs = options.needs,
                .priority = options.priority,
                .preemptible = options.preemptible,
                .spreads = options.spreads,
                .max_attempts = options.max_attempts,
                .timeout = options.timeout,
                .locks = options.locks,
                .semaphores = options.semaphores};
  if (options.retry_delay.count() != 0 || !options.retry_on_signals.empty())
    spec.retry = RetryRule{{}, options.retry_on_signals, options.retry_delay, options.longest_retry_delay};
  return spec;
}

}  // namespace troupe
