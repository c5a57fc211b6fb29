#include "scheduler/core/scheduler.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t usual_effects = 4;

// Of those before a task, by whoever asks for a few of them.
constexpr std::ptrdiff_t most_looked_at = 4096;

// Coarser than the clock, so that many leases that end one after the other make few ticks.
constexpr Time lease_granularity{10};

Scheduler::TaskView view_of(const Task& task) { return {task.spec, task.progress, task.is_up}; }

SyncSettings sync_settings(const Settings& settings) {
  SyncSettings sync = settings.sync;
  sync.planted = settings.planted;
  return sync;
}

}  // namespace

Scheduler::State::State(Settings given, StoredState stored, Time at)
    : settings(given),
      epoch(stored.epoch),
      now(at),
      made_at(at),
      cluster(given.planted),
      sync(sync_settings(given), stored.epoch, stored.queues, at) {
  count_from_now();
  load(std::move(stored));
}

/// What those who come back are given.
void Scheduler::State::count_from_now() {
  started = now;
  placing_from = epoch > 1 ? now + settings.rejoin_grace : now;
  awaited_until = now + settings.node_timeout;
  guarded_from = epoch > 1 ? now + settings.timeout_grace : now;
  sync.count_from(now);
}

Effects Scheduler::State::step(Time at, const Event& event) {
  now = std::max(now, at);
  // The books of a million tasks take longer to make than the shortest of these times, and nobody is heard meanwhile.
  if (!std::exchange(is_under_way, true)) count_from_now();
  sends.reserve(usual_effects);
  give_grace_if_late();
  std::visit([this](const auto& each) { on(each); }, event);
  start_delayed();
  stop_overdue();
  take_from_sync();
  (void)wake_lock_waiters();
  place_ready();
  keep_nodes_for_the_patient();
  place_ready();
  give_ahead();
  give_awaiting();
  if (sync.is_turn_of_tasks()) {
    sync.end_turns_of_tasks();
    take_from_sync();
  }
  if (wake_lock_waiters() || sync.is_turn_of_tasks()) wake_by(now + Time{1});
  if (!ready.is_empty()) wake_by(std::max(next_sweep, placing_from));
  if (std::holds_alternative<Tick>(event) || !wake) {
    wake = next_timer();
    if (wake) send(WakeAt{*wake});
  }
  return effects_of_step();
}

/// A scheduler that comes far later than it asked to be woken was stopped itself: silence proves nothing. It asks
/// often, so that no stop that is long enough to make a node look dead goes unnoticed.
void Scheduler::State::give_grace_if_late() {
  if (!wake || now - *wake <= longest_sleep() || has_planted(Planted::own_lateness_taken_for_silence)) return;
  wake.reset();
  for (auto& [id, node] : cluster.nodes()) {
    if (!node.alive) continue;
    node.heard = now;
    for (auto& [key, holding] : node.holdings)
      if (holding->kind == Holding::Kind::orphan) holding->until = now + settings.node_timeout;
  }
  for (auto& [id, driver] : drivers) driver.heard = now;
  if (!awaited.empty()) awaited_until = now + settings.node_timeout;
  sync.spare_until(now + settings.sync.grace);
  guarded_from = now + settings.timeout_grace;  // the reports may be waiting to be read
}

/// All of them are looked at only when the one that was heard least of late may have been silent for too long.
void Scheduler::State::lose_silent_nodes() {
  if (now < nodes_heard_until) return;
  nodes_heard_until = now + settings.node_timeout;
  for (auto& [id, node] : cluster.nodes()) {
    if (!node.alive) continue;
    if (now - node.heard >= settings.node_timeout) {
      node_is_dead(node,
                   "node '" + node.name + "' was silent for " + std::to_string((now - node.heard).count()) + " ms");
    } else {
      nodes_heard_until = std::min(nodes_heard_until, node.heard + settings.node_timeout);
    }
  }
  forget_dead_nodes();
}

void Scheduler::State::on(const Tick&) {
  lose_silent_nodes();
  drop_silent_drivers();
  compact_finished();
  sync.tick(now);
  take_back_ahead();

  const auto orphans = cluster.orphans();
  for (const auto& orphan : orphans) {
    Node& node = *cluster.find(orphan.node);
    const AttemptKey key{orphan.task, orphan.attempt};
    if (now >= node.holdings.at(key).until && !has_planted(Planted::orphans_never_stopped)) stop(node.id, key);
  }

  if (!awaited.empty() && now >= awaited_until && !has_planted(Planted::adoption_timer_not_armed)) {
    const auto overdue = std::exchange(awaited, {});
    for (const auto& [node, attempts] : overdue) lose_attempts(attempts, "its node did not come back");
  }
}

std::optional<Time> Scheduler::State::next_timer() const {
  std::optional<Time> next;
  const auto also = [&](Time at) { next = next ? std::min(*next, at) : at; };
  // Whoever was heard since they were last looked at is still in these times.
  const auto by = [this](Time heard_until) {
    return std::min(std::max(heard_until, now + Time{1}), now + longest_sleep());
  };
  if (cluster.alive_nodes() > 0) also(by(nodes_heard_until));
  for (const NodeId id : cluster.have_ahead())
    if (const auto end = ahead_ends(cluster.nodes().at(id))) also(std::max(*end, now + Time{1}));
  if (const auto next_round = next_compaction()) also(*next_round);
  if (!drivers.empty()) also(by(drivers_heard_until));
  for (const auto& orphan : cluster.orphans())
    also(cluster.nodes().at(orphan.node).holdings.at({orphan.task, orphan.attempt}).until);
  if (!awaited.empty()) also(awaited_until);
  if (const auto end = sync.next_timer()) also(std::max(*end, now) + lease_granularity);
  if (!ready.is_empty()) also(std::max(next_sweep, placing_from));
  // What stood in line after everybody had been placed, or has not heard yet that its lock is free.
  if (placement_due && !ready.is_empty()) also(std::max(now + Time{1}, placing_from));
  if (!freed_locks.empty() || sync.is_turn_of_tasks()) also(now + Time{1});
  if (!delayed.empty()) also(delayed.begin()->first);
  if (!guards.empty()) also(std::max(guards.begin()->first, guarded_from));
  if (gangs_gained && !ready.gangs().empty()) also(std::max(next_gang_round, placing_from));
  return next;
}

/// Asks for a Tick at `at` unless an earlier one was asked for.
void Scheduler::State::wake_by(Time at) {
  if (wake && *wake <= at && *wake > now) return;
  if (wake && *wake <= now) at = now + Time{1};  // Its tick is due: asking for a later one must not lose it.
  wake = at;
  send(WakeAt{at});
}

/// Writes first: what is sent goes out after them. A durable task that changed is saved once, as it is now.
Effects Scheduler::State::effects_of_step() {
  const bool by_address = has_planted(Planted::ties_broken_by_address);
  std::sort(dirty.begin(), dirty.end(), [this, by_address](Slot a, Slot b) {
    return by_address ? std::less<>()(&tasks[a], &tasks[b]) : tasks[a].spec.id < tasks[b].spec.id;
  });
  for (const Slot slot : dirty) {
    Task& task = tasks[slot];
    task.dirty = false;
    writes.push_back(SaveProgress{task.spec.id, task.progress});
    if (task.is_final()) count_end(task);
  }
  dirty.clear();
  if (writes.empty()) return std::exchange(sends, {});
  Effects effects = std::exchange(writes, {});
  effects.insert(effects.end(), std::make_move_iterator(sends.begin()), std::make_move_iterator(sends.end()));
  sends.clear();
  return effects;
}

Scheduler::Scheduler(Settings settings, StoredState stored, Time now)
    : state_(std::make_unique<State>(settings, std::move(stored), now)) {}
Scheduler::~Scheduler() = default;
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;

const Synchronisation& Scheduler::synchronisation() const { return state_->sync; }

Effects Scheduler::step(Time now, const Event& event) { return state_->step(now, event); }

void Scheduler::prefetch(std::span<const EndingAttempt> ending) const { state_->prefetch(ending); }

std::vector<Scheduler::NodeView> Scheduler::nodes() const {
  std::vector<NodeView> views;
  for (const auto& [id, node] : state_->cluster.nodes()) {
    views.push_back({.node = id,
                     .name = node.name,
                     .capacity = node.ledger.capacity(),
                     .free_cpus = node.ledger.free_cpus(),
                     .free_gpus = node.ledger.free_gpus(),
                     .free_memory_bytes = node.ledger.free_memory_bytes(),
                     .alive = node.alive,
                     .drains = node.drains,
                     .running = node.holdings.size()});
  }
  return views;
}

std::vector<Scheduler::WaitingView> Scheduler::waiting(std::size_t most) const {
  const TaskTable& tasks = state_->tasks;
  const auto view_of = [&](Slot first, std::uint32_t gang, std::uint64_t waiting) {
    const TaskSpec& spec = tasks[first].spec;
    return WaitingView{spec.needs, gang,      waiting,
                       spec.id,    spec.name, state_->why_waiting(first, State::Detail::brief).text};
  };
  std::vector<WaitingView> gangs;
  std::map<std::pair<ShapeIndex, std::uint32_t>, std::size_t> places;  // in it, by the first member's shape
  std::map<ShapeIndex, std::uint64_t> in_gangs;
  for (const auto& [rank, head] : state_->ready.gangs()) {
    const auto members = state_->members_of(head.slot);
    for (const Slot member : members) ++in_gangs[tasks[member].shape];
    const std::uint32_t size = tasks[head.slot].spec.gang->size;
    const auto [found, is_new] = places.try_emplace({tasks[members.front()].shape, size}, gangs.size());
    if (!is_new) {
      if (found->second < most) ++gangs[found->second].waiting;
    } else if (gangs.size() < most) {
      gangs.push_back(view_of(members.front(), size, 1));
    }
  }
  std::vector<WaitingView> views;
  tasks.shapes.waiting().for_each([&](std::size_t shape) {
    const auto index = static_cast<ShapeIndex>(shape);
    const auto head = views.size() < most ? state_->ready.next_of(index) : std::nullopt;
    if (head) views.push_back(view_of(head->slot, 0, tasks.shapes[index].waiting - in_gangs[index]));
  });
  gangs.resize(std::min(gangs.size(), most - views.size()));
  std::move(gangs.begin(), gangs.end(), std::back_inserter(views));
  return views;
}

std::vector<JobInfo> Scheduler::jobs() const {
  std::vector<JobInfo> infos;
  for (const auto& [id, job] : state_->tasks.jobs()) infos.push_back(job.info);
  return infos;
}

std::vector<Scheduler::JobView> Scheduler::jobs(JobId behind, std::size_t most) const {
  std::vector<JobView> views;
  const auto& jobs = state_->tasks.jobs();
  for (auto each = jobs.upper_bound(behind); each != jobs.end() && views.size() < most; ++each) {
    const Job& job = each->second;
    JobView& view = views.emplace_back(JobView{.job = job.info,
                                               .drivers = job.watchers.size(),
                                               .states = {job.states.begin(), job.states.end()},
                                               .actors = job.actors});
    const auto driver =
        job.info.durable || job.watchers.empty() ? state_->drivers.end() : state_->drivers.find(job.watchers.front());
    if (driver != state_->drivers.end()) view.since = driver->second.since;
  }
  return views;
}

Scheduler::Sizes Scheduler::sizes() const {
  return {state_->tasks.size(), state_->tasks.jobs().size(), state_->drivers.size(), state_->sync.claims().size()};
}

std::size_t Scheduler::most_tasks() const { return state_->settings.most_tasks; }

std::vector<Scheduler::TaskView> Scheduler::tasks_of(JobId id, std::uint32_t first, std::size_t most) const {
  std::vector<TaskView> views;
  const auto job = state_->tasks.jobs().find(id);
  if (job == state_->tasks.jobs().end()) return views;
  for (const Slot slot : job->second.tasks.in_order(first, most)) views.push_back(view_of(state_->tasks[slot]));
  return views;
}

std::optional<Scheduler::TaskView> Scheduler::task(TaskId id) const {
  const Slot slot = state_->tasks.find(id);
  if (slot == no_slot) return std::nullopt;
  return view_of(state_->tasks[slot]);
}

const JobInfo& Scheduler::job_of(const TaskView& task) const { return state_->tasks.jobs().at(task.spec.id.job).info; }

std::vector<Scheduler::TaskView> Scheduler::tasks_on(NodeId id) const {
  std::vector<TaskView> views;
  const Node* node = state_->cluster.find(id);
  if (node == nullptr) return views;
  for (const auto& [key, holding] : node->holdings)
    if (const Slot slot = state_->slot_of(key, *holding); slot != no_slot)
      views.push_back(view_of(state_->tasks[slot]));
  return views;
}

std::vector<Scheduler::TaskView> Scheduler::before(TaskId id, std::size_t most) const {
  std::vector<TaskView> views;
  const auto task = this->task(id);
  if (!task) return views;
  const auto& after = task->spec.after;
  std::vector<TaskId> some(after.begin(), after.begin() + std::min(std::ssize(after), most_looked_at));
  std::sort(some.begin(), some.end());
  some.erase(std::unique(some.begin(), some.end()), some.end());
  for (const bool are_final : {false, true})
    for (const TaskId before : some) {
      if (views.size() == most) return views;
      const auto view = this->task(before);
      if (view && is_final(view->progress.state) == are_final) views.push_back(*view);
    }
  return views;
}

Scheduler::ActorView Scheduler::actor(TaskId id) const {
  const Slot slot = state_->tasks.find(id);
  if (slot == no_slot) {
    const bool has_gone = state_->all_have_come() && !state_->may_come(id);
    return {has_gone ? TaskState::cancelled : TaskState::waiting, {}, {}, "its driver has left or let go"};
  }
  const Task& task = state_->tasks[slot];
  if (!task.spec.is_actor()) return {TaskState::cancelled, {}, {}, "'" + task.spec.name + "' is no actor"};
  if (task.progress.attempts.empty()) return {task.progress.state, {}, {}, task.progress.reason};
  const AttemptRecord& last = task.progress.attempts.back();
  return {task.progress.state, last.id, state_->address_of(task), task.progress.reason, last.node};
}

Scheduler::NamedActorView Scheduler::find_actor(const std::string& name) const {
  const Slot slot = state_->tasks.find_actor(name);
  if (slot == no_slot) return {.task = {}, .is_sure = state_->all_have_come()};
  const TaskSpec& spec = state_->tasks[slot].spec;
  const auto& restart = std::get<ActorWork>(spec.work).restart;
  return {spec.id, restart ? restart->mode : RestartMode::none};
}

WaitReason Scheduler::why_waiting(TaskId id) const {
  const Slot slot = state_->tasks.find(id);
  return slot == no_slot ? WaitReason{} : state_->why_waiting(slot, State::Detail::exact);
}

std::string Scheduler::name_of_holder(const Holder& holder) const { return state_->name_of_holder(holder); }

std::optional<RunOrder> Scheduler::order(TaskId task, AttemptId attempt) const {
  return state_->order_for(task, attempt);
}

}  // namespace troupe::scheduler
