#include "runtime/agent/processors.h"

#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <tuple>

namespace troupe {
namespace {

constexpr Milli whole = 1000;

void bind_process(pid_t process, const std::vector<int>& processors) {
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", gone))
    bind_thread(std::stoi(thread.path().filename().string()), processors);
}

}  // namespace

void bind_thread(pid_t thread, const std::vector<int>& processors) {
  if (processors.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors) CPU_SET(static_cast<std::size_t>(processor), &set);
  (void)::sched_setaffinity(thread, sizeof set, &set);  // It may have ended; and unbound it runs as well.
}

Processors::Processors(Milli cpus, std::uint64_t first) {
  cpu_set_t usable;
  if (::sched_getaffinity(0, sizeof usable, &usable) != 0 || cpus != whole * CPU_COUNT(&usable)) return;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(static_cast<std::size_t>(processor), &usable)) granted_[processor] = 0;
  first_ = first % granted_.size();
}

std::vector<int> Processors::choose(Milli cpus, const std::vector<int>& rather) const {
  const auto wanted = static_cast<std::size_t>(cpus / whole);
  if (wanted == 0 || wanted > granted_.size()) return {};
  std::vector<std::tuple<Milli, bool, std::size_t, int>> order;
  std::size_t place = granted_.size() - first_;
  for (const auto& [processor, granted] : granted_)
    order.emplace_back(granted, std::find(rather.begin(), rather.end(), processor) == rather.end(),
                       place++ % granted_.size(), processor);
  std::sort(order.begin(), order.end());
  std::vector<int> chosen;
  for (std::size_t i = 0; i < wanted; ++i) chosen.push_back(std::get<3>(order[i]));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

void Processors::hold(pid_t process, const std::vector<int>& chosen, Milli cpus) {
  if (chosen.empty()) return;
  const Bound& bound = bound_[process] = {chosen, cpus};
  count(bound, 1);
}

void Processors::take(pid_t process, Milli cpus) {
  if (granted_.empty()) return;
  const auto known = bound_.find(process);
  if (cpus < whole || (known != bound_.end() && known->second.cpus == cpus)) return;
  rest(process);
  const std::vector<int> former = known == bound_.end() ? std::vector<int>{} : known->second.processors;
  const std::vector<int> chosen = choose(cpus, former);
  if (chosen != former) bind_process(process, chosen);
  hold(process, chosen, cpus);
}

void Processors::rest(pid_t process) {
  const auto known = bound_.find(process);
  if (known == bound_.end() || known->second.cpus == 0) return;
  count(known->second, -1);
  known->second.cpus = 0;
}

void Processors::forget(pid_t process) {
  rest(process);
  bound_.erase(process);
}

/// Spread over its processors.
void Processors::count(const Bound& bound, int sign) {
  for (const int processor : bound.processors)
    granted_.at(processor) += sign * bound.cpus / static_cast<Milli>(bound.processors.size());
}

}  // namespace troupe
