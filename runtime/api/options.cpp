#include "runtime/api/options.h"

#include <set>

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
  const bool says_when =
      !options.retry_on_exit_codes.empty() || !options.retry_on_signals.empty() || !options.retry_on_exceptions.empty();
  if (says_when || options.retry_delay.count() != 0)
    spec.retry = RetryRule{options.retry_on_exit_codes, options.retry_on_signals, options.retry_delay,
                           options.longest_retry_delay, options.retry_on_exceptions};
  return spec;
}

std::string registered_name(const std::string& name_space, const std::string& name) {
  return name_space.empty() ? name : name_space + '/' + name;
}

ActorOptions actor_of(const StreamOptions& options) {
  return {.needs = options.needs,
          .max_restarts = options.max_restarts,
          .name = options.name,
          .priority = options.priority,
          .spreads = options.spreads,
          .environment = options.environment};
}

Boxed<RuntimeEnvironment> boxed(const RuntimeEnvironment& environment) {
  return environment == RuntimeEnvironment{} ? Boxed<RuntimeEnvironment>() : Boxed(environment);
}

std::string flaw_of(const RuntimeEnvironment& environment) {
  if (environment.niceness < 0 || environment.niceness > 19)
    return "niceness is " + std::to_string(environment.niceness) + ": expected 0 to 19";
  const std::string& folder = environment.working_directory;
  if (!folder.empty() && folder.front() != '/')
    return "working_directory is '" + folder + "': expected an absolute path";
  for (const auto& [name, value] : environment.variables)
    if (name.empty() || name.find('=') != std::string::npos || name.starts_with("TROUPE_"))
      return "there is no variable '" + name + "' to be set: expected a name without '=', not of TROUPE_*";
  return {};
}

std::string flaw_of(const ActorOptions& actor) {
  if (actor.registers_name && actor.name.empty()) return "an actor that others are to find has no name";
  if (!actor.name_space.empty() && !actor.registers_name)
    return "an actor has the namespace '" + actor.name_space + "' and registers no name in it";
  if (actor.name_space.find('/') != std::string::npos)
    return "the namespace is '" + actor.name_space + "': expected one without '/'";
  if (actor.max_restarts < -1)
    return "max_restarts is " + std::to_string(actor.max_restarts) + ": expected 0 or more, or -1: any number";
  if (actor.restart != RestartMode::none && actor.call_retries > 0)
    return "an actor whose state survives a restart is not called again by `call_retries`: its callers learn what is "
           "in "
           "the state, or (`logged`) nothing is lost";
  if (auto flaw = flaw_of(actor.environment); !flaw.empty()) return flaw;
  const bool is_concurrent = actor.concurrency != 1 || !actor.groups.empty();
  if (actor.restart != RestartMode::none && actor.shares_worker)
    return "an actor whose state survives a restart cannot share its worker: say one or the other";
  if (actor.restart != RestartMode::none && is_concurrent)
    return "an actor whose state survives a restart runs one call after another: say that, or concurrency";
  std::uint64_t threads = actor.concurrency;
  bool is_one_without = actor.concurrency == 0;
  std::set<std::string> grouped;
  for (const MethodGroup& group : actor.groups) {
    threads += group.threads;
    is_one_without = is_one_without || group.threads == 0;
    if (group.methods.empty()) return "a group of methods names none";
    for (const auto& method : group.methods)
      if (!grouped.insert(method).second) return "method '" + method + "' is in two groups";
  }
  if (is_one_without || threads > most_threads)
    return "concurrency is 0, or more than " + std::to_string(most_threads) + " with all groups: expected 1 to that";
  return {};
}

std::string flaw_of(const GangOptions& gang) {
  if (auto flaw = flaw_of(gang.each); !flaw.empty()) return flaw;
  if (gang.each.spreads) return "a gang's members are placed by its policy: `spreads` is for single actors";
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
