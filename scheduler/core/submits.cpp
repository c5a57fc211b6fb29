#include <algorithm>
#include <utility>

#include "scheduler/core/admission.h"
#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_answers_kept = 1024;  // of each driver
constexpr std::size_t most_dropped_jobs_kept = 4096;

void remember(Driver& driver, std::uint64_t request, std::string refusal) {
  driver.answered.emplace(request, std::move(refusal));
  driver.answered_in_order.push_back(request);
  if (driver.answered_in_order.size() <= most_answers_kept) return;
  driver.answered.erase(driver.answered_in_order.front());
  driver.answered_in_order.pop_front();
}

}  // namespace

void Scheduler::State::on(const DriverJoined& joined) {
  if (joined.job.durable || !joined.job.id) return ignore("a driver's own job is not durable and has an id");
  Job* job = tasks.find_job(joined.job.id);
  if (job != nullptr && job->info.durable) return ignore("the driver's job has the id of a durable one");
  if (!drivers.contains(joined.driver) && drivers.size() >= settings.most_drivers)
    return ignore("there are " + std::to_string(drivers.size()) + " drivers, the most there may be");
  const auto [found, is_new] = drivers.try_emplace(joined.driver);
  Driver& driver = found->second;
  if (driver.own && driver.own != joined.job.id) return ignore("the driver joined before, with another job");

  driver.own = joined.job.id;
  if (is_new) driver.since = now;
  driver.heard = now;
  driver.watches.insert(joined.job.id);
  if (job == nullptr) {
    job = &add_job(joined.job);
    // By whom went before. What goes on is submitted again.
    std::vector<std::uint32_t> unsent = joined.unsent;
    std::sort(unsent.begin(), unsent.end());
    std::uint32_t next = 1;
    for (const std::uint32_t number : unsent) {
      if (number < next || number > joined.given) continue;
      if (number > next) job->seen.add(next, number - 1);
      next = number + 1;
      if (next == 0) break;
    }
    if (next != 0 && next <= joined.given) job->seen.add(next, joined.given);
  }
  job->watchers = {joined.driver};
  send(WelcomeDriver{joined.driver, driver.since});
  if (is_new) wake_by(now + std::min(settings.driver_timeout, longest_sleep()));
}

Job& Scheduler::State::add_job(const JobInfo& info) {
  Job& job = tasks.add_job(info);
  if (const auto before = dropped.find(info.id); before != dropped.end()) job.attempt_floor = before->second;
  if (info.durable) writes.push_back(SaveJob{info});
  return job;
}

void Scheduler::State::on(const DriverLeft& left) {
  const auto found = drivers.find(left.driver);
  if (found == drivers.end()) return ignore("the driver is not known");
  for (const JobId id : found->second.watches) {
    Job* job = tasks.find_job(id);
    if (job == nullptr || !job->is_watched_by(left.driver)) continue;  // it came back as another driver
    std::erase(job->watchers, left.driver);
    if (!job->info.durable && !has_planted(Planted::dead_drivers_tasks_go_on)) drop_job(*job);
  }
  sync.client_left(now, left.driver);
  drivers.erase(found);
}

void Scheduler::State::drop_silent_drivers() {
  if (now < drivers_heard_until) return;
  drivers_heard_until = now + settings.driver_timeout;
  std::vector<DriverId> silent;
  for (const auto& [id, driver] : drivers) {
    if (now - driver.heard >= settings.driver_timeout) {
      silent.push_back(id);
    } else {
      drivers_heard_until = std::min(drivers_heard_until, driver.heard + settings.driver_timeout);
    }
  }
  for (const DriverId id : silent) on(DriverLeft{id});
}

/// Nobody is left to be told: the attempts are stopped, their grants stay until the nodes have answered.
void Scheduler::State::drop_job(Job& job) {
  std::uint32_t highest = job.attempt_floor;
  for (const Slot slot : job.tasks.in_order()) {
    Task& task = tasks[slot];
    if (!task.progress.attempts.empty()) highest = std::max(highest, task.progress.attempts.back().id.number);
    if (task.is_running()) stop(task.attempt().node, {task.spec.id, task.attempt().id});
    if (task.progress.state == TaskState::ready) leave_ready(slot);
    unguard(task);
    end_delay(slot);
  }
  const JobId id = job.info.id;
  tasks.erase_job(id);
  sharing.erase(id);
  if (highest == 0) return;
  if (dropped.insert_or_assign(id, highest).second) dropped_in_order.push_back(id);
  if (dropped_in_order.size() <= most_dropped_jobs_kept) return;
  dropped.erase(dropped_in_order.front());
  dropped_in_order.pop_front();
}

void Scheduler::State::on(const TasksSubmitted& submitted) {
  const auto found = drivers.find(submitted.driver);
  if (found == drivers.end()) return ignore("the driver has not joined");
  Driver& driver = found->second;

  if (const auto before = driver.answered.find(submitted.request); before != driver.answered.end()) {
    if (before->second.empty()) tell_again(submitted.driver, submitted.tasks);
    return send(AnswerRequest{submitted.driver, submitted.request, before->second});
  }

  Submit submit{.job = submitted.job,
                .own_job = driver.own,
                .tasks = submitted.tasks,
                .from = submitted.from,
                .known = tasks,
                .cluster = cluster,
                .all_nodes_are_known = all_have_come(),
                .most_tasks = settings.most_tasks,
                .most_shapes = settings.most_shapes,
                .most_input_bytes = settings.most_input_bytes,
                .planted = settings.planted};
  std::string refusal = admit(submit);
  if (const Job* job = tasks.find_job(submitted.job.id); refusal.empty() && job != nullptr && job->info.durable &&
                                                         !job->is_watched_by(submitted.driver) &&
                                                         job->watchers.size() >= settings.most_watchers)
    refusal =
        "job '" + job->info.name + "' has " + std::to_string(job->watchers.size()) + " drivers, the most there may be";
  if (refusal.empty()) {
    Job* job = tasks.find_job(submitted.job.id);
    if (job == nullptr) job = &add_job(submitted.job);
    if (!job->is_watched_by(submitted.driver)) job->watchers.push_back(submitted.driver);
    driver.watches.insert(submitted.job.id);
    send(AnswerRequest{submitted.driver, submitted.request, {}});
    tell_again(submitted.driver, submitted.tasks);
    accept(*job, submitted.tasks);
  } else {
    send(AnswerRequest{submitted.driver, submitted.request, refusal});
  }
  remember(driver, submitted.request, std::move(refusal));
}

void Scheduler::State::accept(Job& job, const std::vector<TaskSpec>& specs) {
  std::vector<Slot> added;
  for (const auto& spec : specs) {
    if (tasks.find(spec.id) != no_slot) continue;
    reopen(job);
    if (job.info.durable) {
      writes.push_back(SaveTask{spec});
    } else if (!has_planted(Planted::ended_actor_waited_for)) {
      job.seen.add(spec.id.number);
    }
    added.push_back(tasks.add(job, spec, {}));
  }
  for (const Slot slot : added) tasks.link(slot);

  for (const Slot slot : added)
    if (tasks[slot].progress.state == TaskState::waiting) settle(slot);  // or the end of one before it decided on it
}

bool Scheduler::State::may_come(TaskId id) const {
  const auto job = tasks.jobs().find(id.job);
  return job != tasks.jobs().end() && !job->second.info.durable && !job->second.watchers.empty() &&
         !job->second.seen.contains(id.number) && !has_planted(Planted::unknown_actor_taken_for_ended);
}

void Scheduler::State::settle(Slot slot) {
  const Task& task = tasks[slot];
  const Task* broken = nullptr;
  for (const TaskId before : predecessors_of(task.spec)) {
    const Task& predecessor = tasks[tasks.find(before)];
    const bool is_broken = predecessor.is_final() && predecessor.progress.state != TaskState::done &&
                           predecessor.progress.branch != Branch::not_taken;
    if (is_broken && broken == nullptr) broken = &predecessor;
  }
  if (broken != nullptr) return finish(slot, TaskState::skipped, why_skipped(broken->spec, broken->progress));
  if (task.open_predecessors > 0) return may_be_given_behind(slot);
  if (auto fate = fate_of(slot)) return finish(std::move(*fate));
  make_ready(slot);
}

/// Where an actor takes calls; empty while it is not up.
std::string Scheduler::State::address_of(const Task& task) const {
  if (!task.is_up) return {};
  const Holding* holding = cluster.find(task.attempt().node)->holdings.find({task.spec.id, task.attempt().id});
  return holding != nullptr ? holding->address : std::string{};
}

/// For a driver that asks again: it may have missed what it was told.
void Scheduler::State::tell_again(DriverId driver, const std::vector<TaskSpec>& known) {
  for (const auto& spec : known) {
    const Slot slot = tasks.find(spec.id);
    if (slot == no_slot) continue;
    const Task& task = tasks[slot];
    if (task.is_final()) {
      TellTaskEnded told = end_of(task);
      told.driver = driver;
      send(std::move(told));
    }
    if (std::string address = address_of(task); !address.empty())
      send(TellActorUp{driver, task.spec.id, task.attempt().id, std::move(address), task.attempt().node});
  }
}

void Scheduler::State::on(const CancelRequested& cancel) {
  const Slot slot = tasks.find(cancel.task);
  if (slot == no_slot) {
    Job* job = tasks.find_job(cancel.task.job);
    if (job != nullptr && !job->info.durable && job->is_watched_by(cancel.driver)) job->seen.add(cancel.task.number);
    return send(AnswerRequest{cancel.driver, cancel.request, "task " + to_text(cancel.task) + " is not known"});
  }
  const Task& task = tasks[slot];
  const bool is_lost = has_planted(Planted::cancel_lost_in_race_with_dispatch) && task.is_running() &&
                       task.attempt().started_ms + 20 > now.count();
  if (!task.is_final() && !is_lost) finish(slot, TaskState::cancelled, "on request");
  send(AnswerRequest{cancel.driver, cancel.request, {}});
}

/// A copy that comes late is answered as the first one was, so that it undoes nothing.
void Scheduler::State::on(const DrainRequested& request) {
  const auto found = drivers.find(request.driver);
  if (found == drivers.end()) return ignore("the driver has not joined");
  const auto before = found->second.answered.find(request.request);
  const bool is_copy = before != found->second.answered.end();
  std::string refusal = is_copy ? before->second : drain(request.node, request.drain);
  send(AnswerRequest{request.driver, request.request, refusal});
  if (!is_copy) remember(found->second, request.request, std::move(refusal));
}

/// Why not; empty when it is so now.
std::string Scheduler::State::drain(NodeId id, bool drains) {
  Node* node = cluster.find(id);
  if (node == nullptr && !drained.contains(id)) return "node " + to_text(id) + " is not known";
  if (drained.contains(id) == drains) return {};
  if (drains && drained.size() >= settings.most_nodes)
    return "there are " + std::to_string(drained.size()) + " drained nodes, the most there may be";
  writes.push_back(SaveDrain{id, drains});
  if (drains) {
    drained.insert(id);
  } else {
    drained.erase(id);
  }
  if (node == nullptr) return {};
  withdraw(*node);
  cluster.set_drains(*node, drains);
  share_anew();
  placement_due = true;
  return {};
}

void Scheduler::State::on(const TasksReleased& released) {
  bool is_news = false;
  for (const TaskId id : released.tasks) {
    const Slot slot = tasks.find(id);
    if (slot == no_slot || tasks[slot].job->info.durable || !tasks[slot].job->is_watched_by(released.driver)) continue;
    is_news = is_news || !tasks[slot].released;
    tasks[slot].released = true;
    forget_if_released(slot);
  }
  if (!is_news) ignore("none of the released tasks is known");
}

}  // namespace troupe::scheduler
