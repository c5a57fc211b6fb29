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

std::string flaw_of(const GangOptions& gang) {
  if (gang.stages.empty()) return {};
  const std::size_t stages = gang.stages.size();
  if (gang.policy == GangPolicy::data) return "a gang of equal replicas has no stages: its policy is model or mesh";
  if (gang.policy == GangPolicy::model && stages != gang.size)
    return "a chain of " + std::to_string(gang.size) + " members has " + std::to_string(stages) + " stages: one each";
  if (gang.size % stages != 0)
    return "a mesh of " + std::to_string(gang.size) + " members is no whole number of pipelines of " +
           std::to_string(stages) + " stages";
  return {};
}

}  // namespace troupe
