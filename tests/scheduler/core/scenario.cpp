#include "tests/scheduler/core/scenario.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "scheduler/core/invariants.h"

namespace troupe::scheduler {

Scenario::Scenario(Settings settings) : settings_(settings) {
  store_.epoch = 1;
  scheduler_ = std::make_unique<Scheduler>(settings_, store_, now_);
  driver_joins();
  transcript_.clear();
}

Scenario& Scenario::at(Time now) {
  while (wake_ && *wake_ <= now) {
    now_ = std::max(now_, *wake_);
    wake_.reset();
    step(Tick{});
  }
  now_ = now;
  return *this;
}

Scenario& Scenario::joins(const std::string& node, NodeCapacity capacity) {
  const NodeId id{nodes_.size() + 1};
  node_names_[id] = node;
  nodes_[node] = {.node = id, .incarnation = 1, .name = node, .capacity = std::move(capacity)};
  step(nodes_[node]);
  return *this;
}

Scenario& Scenario::restarts_agent(const std::string& node) {
  ++nodes_.at(node).incarnation;
  running_on_[node].clear();
  return joins_again(node);
}

Scenario& Scenario::joins_again(const std::string& node) {
  NodeJoined joined = nodes_.at(node);
  joined.running = running_on(node);
  step(joined);
  return *this;
}

Scenario& Scenario::hears(const std::string& node, bool is_early) {
  step(NodeHeard{node_of(node), nodes_.at(node).incarnation, running_on(node), is_early});
  return *this;
}

Scenario& Scenario::leaves(const std::string& node) {
  step(NodeLeft{node_of(node), nodes_.at(node).incarnation});
  return *this;
}

Scenario& Scenario::loses(const std::string& node, const std::string& attempt) {
  REQUIRE(running_on_[node].erase(attempt) == 1);
  return *this;
}

AttemptEnded Scenario::ended(const std::string& node, const std::string& attempt, AttemptReport report) const {
  std::tie(report.task, report.attempt) = attempts_.at(attempt);
  return {node_of(node), nodes_.at(node).incarnation, std::move(report)};
}

Scenario& Scenario::finishes(const std::string& node, const std::string& attempt, const std::string& result) {
  step(ended(node, attempt, {.end = AttemptEnd::done, .result = result}));
  return *this;
}

Scenario& Scenario::fails(const std::string& node, const std::string& attempt, Cause cause) {
  step(ended(node, attempt, {.end = AttemptEnd::failed, .cause = std::move(cause)}));
  return *this;
}

Scenario& Scenario::stops(const std::string& node, const std::string& attempt) {
  step(ended(node, attempt, {.end = AttemptEnd::cancelled, .cause = {.message = "it was told to stop"}}));
  return *this;
}

Scenario& Scenario::has_actor_up(const std::string& node, const std::string& attempt) {
  const auto [task, id] = attempts_.at(attempt);
  running_on_[node][attempt].address = "ipc://" + attempt;
  step(ActorStarted{node_of(node), nodes_.at(node).incarnation, task, id, "ipc://" + attempt});
  return *this;
}

Scenario& Scenario::waits(const std::string& node, const std::string& attempt, bool waits) {
  running_on_[node].at(attempt).cpus = waits ? GrantedCpus::lent : GrantedCpus::owed;
  return hears(node);
}

Scenario& Scenario::driver_joins() {
  step(DriverJoined{{1}, own_job});
  return *this;
}

Scenario& Scenario::as_driver(std::uint64_t number) {
  driver_ = {number};
  if (number != 1) step(DriverJoined{driver_, own_job_of(number)});
  return *this;
}

JobInfo Scenario::own_job_of(std::uint64_t driver) {
  if (driver == 1) return own_job;
  return {.id = {1000 + driver}, .name = "own", .program = "/bin/own"};
}

Scenario& Scenario::from(const std::string& task) {
  from_ = task.empty() ? TaskId{} : id_of(task);
  return *this;
}

Scenario& Scenario::drains(const std::string& node, bool drain) {
  step(DrainRequested{driver_, next_request_++, node_of(node), drain});
  return *this;
}

Scenario& Scenario::driver_leaves() {
  step(DriverLeft{{1}});
  return *this;
}

TaskSpec Scenario::spec_of(const std::string& name, const TaskWish& wish) {
  if (!task_ids_.contains(name)) {
    const auto number = static_cast<std::uint32_t>(task_ids_.size() + 1);
    task_ids_[name] = {job_.id, number};
    task_names_[task_ids_[name]] = name;
  }
  TaskSpec spec{.id = task_ids_[name],
                .name = name,
                .work = FunctionWork{wish.work, {}},
                .needs = wish.needs,
                .cache = wish.cache,
                .max_attempts = wish.max_attempts,
                .timeout = wish.timeout,
                .gang = wish.gang,
                .retry = wish.retry,
                .locks = wish.locks,
                .semaphores = wish.semaphores};
  spec.priority = wish.priority;
  spec.preemptible = wish.preemptible;
  spec.spreads = wish.spreads;
  if (!wish.near.empty()) spec.near = node_of(wish.near);
  if (wish.is_actor) spec.work = ActorWork{"A", {}};
  if (wish.is_join) spec.work = JoinWork{};
  if (wish.is_join && wish.needs == Resources{}) spec.needs = {.cpus = 0};
  for (const auto& before : wish.after) spec.after.push_back(id_of(before));
  for (const auto& input : wish.inputs) {
    spec.after.push_back(id_of(input));
    spec.inputs.push_back(id_of(input));
  }
  if (!wish.when.empty()) {
    Condition& when = spec.when.emplace(Condition{.text = wish.when});
    for (std::uint32_t i = 0; i < wish.inputs.size(); ++i) when.results.emplace_back(wish.inputs[i], i);
  }
  if (!wish.repeat.empty()) spec.repeat = Repeat{{.text = wish.repeat, .results = {{name, 0}}}, wish.at_most};
  return spec;
}

Scenario& Scenario::submits(const std::string& task, TaskWish wish) { return submits_all({{task, std::move(wish)}}); }

Scenario& Scenario::submits_all(const std::vector<std::pair<std::string, TaskWish>>& tasks) {
  for (const auto& [name, wish] : tasks) (void)spec_of(name, {});  // names first: they may refer to each other
  last_submit_ = {.driver = driver_, .request = next_request_++, .job = job_, .tasks = {}, .from = from_};
  for (const auto& [name, wish] : tasks) last_submit_.tasks.push_back(spec_of(name, wish));
  step(last_submit_);
  return *this;
}

Scenario& Scenario::submits_again(bool as_new_request) {
  if (as_new_request) last_submit_.request = next_request_++;
  step(last_submit_);
  return *this;
}

Scenario& Scenario::cancels(const std::string& task) {
  step(CancelRequested{driver_, next_request_++, id_of(task)});
  return *this;
}

Scenario& Scenario::releases(const std::string& task) {
  step(TasksReleased{{1}, {id_of(task)}});
  return *this;
}

Scenario& Scenario::asks(sync::Operation operation, const std::string& attempt) {
  return asks_at_once({std::move(operation)}, attempt);
}

Scenario& Scenario::asks_at_once(const std::vector<sync::Operation>& operations, const std::string& attempt) {
  SyncRequested requested{.driver = driver_, .epoch = store_.epoch, .task = {}, .attempt = {}, .requests = {}};
  for (const auto& operation : operations) requested.requests.push_back({next_sync_++, operation});
  if (!attempt.empty()) std::tie(requested.task, requested.attempt) = attempts_.at(attempt);
  step(requested);
  return *this;
}

Scenario& Scenario::as_own_job() {
  job_ = own_job_of(driver_.value);
  return *this;
}

Scenario& Scenario::as_durable_job() {
  job_ = graph_job;
  return *this;
}

Scenario& Scenario::watched_by(CoreWatch watch) {
  watch_ = std::move(watch);
  is_watched_ = watch_.opened == nullptr;
  return *this;
}

Scenario& Scenario::restarts_scheduler(Time books) {
  ++store_.epoch;
  is_watched_ = watch_.opened != nullptr;
  if (is_watched_) watch_.opened(settings_, store_, now_);
  scheduler_ = std::make_unique<Scheduler>(settings_, store_, now_);
  wake_.reset();
  transcript_ +=
      std::to_string(now_.count()) + " the scheduler starts again, epoch " + std::to_string(store_.epoch) + '\n';
  now_ += books;
  step(Tick{});
  return *this;
}

Effects Scenario::step(const Event& event) {
  Effects effects = scheduler_->step(now_, event);
  if (is_watched_) watch_.stepped(now_, event, effects);
  std::string text;
  for (const auto& effect : effects) {
    fold(effect);
    if (const auto* wake = std::get_if<WakeAt>(&effect)) wake_ = wake->at;
    if (!std::holds_alternative<WakeAt>(effect)) text += (text.empty() ? "" : "; ") + describe(effect, *this);
  }
  if (!text.empty() || !std::holds_alternative<Tick>(event))
    transcript_ +=
        std::to_string(now_.count()) + ' ' + describe(event, *this) + " → " + (text.empty() ? "nothing" : text) + '\n';
  INFO(transcript_);
  REQUIRE(broken_invariant(*scheduler_) == "");
  return effects;
}

/// What the store and the nodes know after the effect has reached them.
void Scenario::fold(const Effect& effect) {
  const auto record_of = [this](TaskId id) {
    return std::find_if(store_.tasks.begin(), store_.tasks.end(), [&](const auto& r) { return r.spec.id == id; });
  };
  if (const auto* job = std::get_if<SaveJob>(&effect)) store_.jobs.push_back(job->job);
  if (const auto* task = std::get_if<SaveTask>(&effect)) store_.tasks.push_back({*task->spec, {}});
  if (const auto* progress = std::get_if<SaveProgress>(&effect))
    record_of(progress->task)->progress = progress->progress;
  if (const auto* compact = std::get_if<SaveSummary>(&effect)) {
    std::erase_if(store_.jobs, [&](const JobInfo& job) { return job.id == compact->summary.job.id; });
    std::erase_if(store_.tasks, [&](const TaskRecord& task) { return task.spec.id.job == compact->summary.job.id; });
    store_.summaries.push_back(compact->summary);
  }
  if (const auto* queue = std::get_if<SaveQueue>(&effect)) apply(*queue, store_.queues);
  if (const auto* message = std::get_if<SaveMessage>(&effect)) apply(*message, store_.queues);
  if (const auto* saved = std::get_if<SaveCached>(&effect)) store_.cached.push_back(saved->cached);
  if (const auto* dropped = std::get_if<DropCached>(&effect))
    std::erase_if(store_.cached, [&](const auto& each) { return each.key == dropped->key; });
  if (const auto* drain = std::get_if<SaveDrain>(&effect)) {
    std::erase(store_.drained, drain->node);
    if (drain->drains) store_.drained.push_back(drain->node);
  }
  if (const auto* run = std::get_if<RunTask>(&effect)) {
    const auto order = scheduler_->order(run->task, run->attempt);
    REQUIRE(order.has_value());
    const std::string text = describe(run->task, run->attempt, *this);
    attempts_[text] = {run->task, run->attempt};
    running_on_[of(run->node)][text] = {run->task, run->attempt, order->grant, {}, !order->awaits.empty()};
  }
  if (const auto* done = std::get_if<AcknowledgeReport>(&effect))
    running_on_[of(done->node)].erase(describe(done->task, done->attempt, *this));
}

std::string Scenario::transcript() { return '\n' + std::exchange(transcript_, {}); }

std::string Scenario::of(TaskId id) const {
  const auto found = task_names_.find(id);
  return found == task_names_.end() ? to_text(id) : found->second;
}

TaskId Scenario::id_of(const std::string& task) const { return task_ids_.at(task); }
NodeId Scenario::node_of(const std::string& node) const { return nodes_.at(node).node; }

std::vector<RunningAttempt> Scenario::running_on(const std::string& node) const {
  std::vector<RunningAttempt> list;
  const auto found = running_on_.find(node);
  if (found == running_on_.end()) return list;
  for (const auto& [text, running] : found->second) list.push_back(running);
  return list;
}

std::string Scenario::state_of(const std::string& task) const {
  for (const auto& record : scheduler_->tasks_of(id_of(task).job))
    if (record.spec.name == task) return to_text(record.progress.state);
  return "unknown";
}

std::string Scenario::reason_of(const std::string& task) const {
  for (const auto& record : scheduler_->tasks_of(id_of(task).job))
    if (record.spec.name == task)
      return is_final(record.progress.state) ? record.progress.reason : scheduler_->why_waiting(record.spec.id).text;
  return "unknown";
}

std::size_t Scenario::tasks_known() const {
  std::size_t count = 0;
  for (const auto& job : scheduler_->jobs()) count += scheduler_->tasks_of(job.id).size();
  return count;
}

Milli Scenario::free_cpus(const std::string& node) const {
  for (const auto& view : scheduler_->nodes())
    if (view.node == node_of(node)) return view.free_cpus;
  return -1;
}

}  // namespace troupe::scheduler
