#include "scheduler/simulation/bounded_wait.h"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::scheduler::sim {

BoundedWait::BoundedWait(Witness& witness, const Scenario& scenario, const StoredState& loaded)
    : witness_(witness),
      bound_(longest_wait(scenario)),
      interval_(4 * scenario.timing.heartbeat),
      longest_pause_(scenario.timing.node_timeout) {
  for (const auto& record : loaded.tasks) note(record.spec);
}

void BoundedWait::note(const TaskSpec& spec) {
  Entry& entry = tasks_[spec.id];
  if (entry.order == 0) entry.order = ++submits_;
  entry.priority = spec.priority;
  entry.is_actor = spec.is_actor();
}

/// One that was dropped comes with all that it owns anew.
void BoundedWait::note_welcome(const DriverJoined& joined, const Effects& effects) {
  for (const auto& effect : effects) {
    const auto* welcome = std::get_if<WelcomeDriver>(&effect);
    if (welcome == nullptr || std::exchange(since_[joined.driver], welcome->since) == welcome->since) continue;
    for (Entry& entry : tasks_.of(joined.job.id)) entry.order = 0;
  }
}

void BoundedWait::saw(Time now, const Event& event, const Effects& effects, const Scheduler& core) {
  const bool was_stopped = now - std::exchange(last_step_, now) > longest_pause_;
  if (was_stopped || std::holds_alternative<NodeJoined>(event) || std::holds_alternative<NodeLeft>(event) ||
      std::holds_alternative<DrainRequested>(event))
    begin_anew(now);
  if (const auto* joined = std::get_if<DriverJoined>(&event)) note_welcome(*joined, effects);
  if (const auto* submit = std::get_if<TasksSubmitted>(&event))
    for (const auto& spec : submit->tasks) note(spec);
  for (const auto& effect : effects)
    if (const auto* run = std::get_if<RunTask>(&effect)) check_start(now, *run);
  if (now >= next_look_) look(now, core);
}

void BoundedWait::begin_anew(Time now) {
  for (auto& [task, its] : hungry_) its.since = now;
}

void BoundedWait::look(Time now, const Scheduler& core) {
  next_look_ = now + interval_;
  std::vector<bool> alive;
  for (const auto& node : core.nodes()) alive.push_back(node.alive);
  if (std::exchange(alive_, alive) != alive) begin_anew(now);
  auto before = std::exchange(hungry_, {});
  for (auto& task : hungry_tasks(core)) {
    const auto known = before.find(task.task);
    const bool is_explained = known == before.end() || task.longest_held > bound_;
    hungry_[task.task] = {is_explained ? now : known->second.since, task.priority, std::move(task.nodes)};
  }
}

void BoundedWait::check_start(Time now, const RunTask& run) {
  Entry& entry = tasks_[run.task];
  if (!(entry.highest < run.attempt)) return;  // the order again
  entry.highest = run.attempt;
  std::erase_if(hungry_, [&](const auto& each) { return each.first.job == run.task.job; });
  const Entry started = entry;
  for (auto& [task, its] : hungry_) {
    if (started.is_actor || started.priority > its.priority || started.order < tasks_[task].order) {
      its.since = now;
    } else if (now - its.since > bound_ && std::find(its.nodes.begin(), its.nodes.end(), run.node) != its.nodes.end()) {
      witness_.breaks("15: " + name_of(task) + " of a job that holds nothing has waited " +
                      std::to_string((now - its.since).count()) + " ms while only later ones started; now " +
                      name_of(run.task) + " does");
    }
  }
}

}  // namespace troupe::scheduler::sim
