#include "runtime/api/session_core.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>
#include <utility>

#include "runtime/api/begun_work.h"
#include "runtime/api/deadline.h"
#include "runtime/api/graph_messages.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

Boxed<RestartRule> rule_of(const ActorOptions& options) {
  if (options.restart == RestartMode::none) return {};
  std::string folder = options.state_folder.empty() ? "" : std::filesystem::absolute(options.state_folder).string();
  return RestartRule{options.restart, std::move(folder), options.checkpoint_calls, options.checkpoint_interval};
}

Boxed<Concurrency> concurrency_of(const ActorOptions& options) {
  if (options.concurrency == 1 && options.groups.empty()) return {};
  return Concurrency{options.concurrency, options.groups};
}

std::int32_t attempts_of(std::int32_t max_restarts) {
  constexpr auto most = std::numeric_limits<std::int32_t>::max();
  return max_restarts == -1 || max_restarts == most ? most : max_restarts + 1;
}

TaskSpec spec_of(const ActorOptions& options, TaskId id, std::string name, std::string type) {
  Boxed<RetryRule> retry;
  if (options.restart_delay.count() != 0)
    retry = RetryRule{.delay = options.restart_delay, .longest_delay = options.longest_restart_delay};
  return {.id = id,
          .name = std::move(name),
          .work = ActorWork{.type = std::move(type),
                            .arguments = {},
                            .shares_worker = options.shares_worker,
                            .restart = rule_of(options),
                            .concurrency = concurrency_of(options),
                            .environment = boxed(options.environment),
                            .registers_name = options.registers_name},
          .needs = options.needs,
          .priority = options.priority,
          .spreads = options.spreads,
          .max_attempts = attempts_of(options.max_restarts),
          .retry = std::move(retry)};
}

/// As a member of the gang.
void take_place(TaskSpec& spec, const GangOptions& gang, std::uint32_t number, std::uint32_t rank) {
  GangHint& hint = spec.gang.emplace(GangHint{number, gang.size, rank, gang.policy});
  if (gang.stages.empty()) return;
  const StageOptions& stage = gang.stages[rank % gang.stages.size()];
  spec.needs = stage.needs;
  hint.bytes_to_next = stage.bytes_to_next;
  if (gang.policy == GangPolicy::mesh) hint.stages = static_cast<std::uint32_t>(gang.stages.size());
}

}  // namespace

std::string describe(const Failure& failure) {
  std::string text = "'" + failure.task + "'";
  if (failure.node) text += " on node " + to_text(failure.node);
  if (failure.attempt > 0) text += ", attempt " + std::to_string(failure.attempt);
  const bool says_so = failure.fault != Fault::cancelled || failure.cause.find("cancelled") != failure.cause.npos;
  return text + (says_so ? ": " : " was cancelled: ") + failure.cause;
}

SessionCore::SessionCore(SessionOptions options, std::unique_ptr<Transport> transport)
    : options_(std::move(options)),
      lifeline_(options_.lifeline < 0 ? -1 : ::fcntl(options_.lifeline, F_DUPFD_CLOEXEC, 0)),
      transport_(std::move(transport)),
      last_heard_(Clock::now()) {
  driver_ = DriverId{random_id()};
  job_ = {JobId{random_id()}, options_.name, options_.program, false};
  if (auto bell = Bell::make()) bell_.emplace(std::move(*bell));
}

SessionCore::~SessionCore() {
  stop();
  if (lifeline_ >= 0) ::close(lifeline_);
}

Result<void> SessionCore::start(std::chrono::milliseconds limit) {
  if (options_.active_scheduler) connected_to_ = options_.active_scheduler();
  const auto scheduler = transport_->connect(options_.scheduler_address);
  if (!scheduler) return scheduler.error();
  scheduler_ = *scheduler;
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, deadline_after(limit), [&] { return welcomed_; }))
    return Error{Fault::timed_out, "no scheduler answers at " + options_.scheduler_address + " within " +
                                       std::to_string(limit.count()) + " ms"};
  return {};
}

void SessionCore::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) return;
    stopping_ = true;
  }
  wake();
  thread_.join();
  const std::lock_guard lock(mutex_);
  fail_everything("the session was closed");
}

// --- what the user's threads call ------------------------------------------------------------------------------------

ObjectPtr SessionCore::make_object(std::string name, std::optional<TaskId> task) {
  auto object = std::make_shared<Object>(std::move(name), task);
  if (task) {
    object->when_dropped = [dropped = dropped_, id = *task] {
      const std::lock_guard lock(dropped->mutex);
      dropped->tasks.push_back(id);
    };
  }
  return object;
}

TaskId SessionCore::next_task() { return {job_.id, ++last_task_}; }

ObjectPtr SessionCore::submit(const TaskOptions& options, RawWork work) {
  work.arguments = take_arguments(std::move(work.arguments));
  std::unique_lock lock(mutex_);
  const TaskId id = next_task();
  PendingTask task;
  task.spec = spec_of(options, work.name);
  task.spec.id = id;
  task.spec.work = FunctionWork{std::move(work.function), {}, boxed(options.environment)};
  task.arguments = std::move(work.arguments);
  auto object = make_object(task.spec.name, id);
  task.result = object;
  set_deadline(object, options.deadline);
  if (const std::string flaw = flaw_of(options.environment); !flaw.empty()) {
    object->outcome = Failure{Fault::bad_input, task.spec.name, {}, 0, flaw};
    return object;
  }
  if (!lost_.empty()) {
    object->outcome = Failure{Fault::unavailable, task.spec.name, {}, 0, lost_};
    return object;
  }
  tasks_.emplace_hint(tasks_.end(), id, std::move(task));
  unsent_.insert(unsent_.end(), id);
  if (!open_submit_) send_now(lock);  // Otherwise it waits for the answer.
  if (lock) lock.unlock();
  note_begun(object);
  return object;
}

/// Requires: the mutex is not held.
void SessionCore::note_begun(const ObjectPtr& object) {
  if (BegunWork* const own = BegunWork::own())
    if (const auto self = weak_from_this().lock()) own->add(self, object);
}

Fault ActorLine::fault_of_calls() const {
  const bool is_more_than_lost =
      end.fault == Fault::unavailable || end.fault == Fault::unsupported || end.fault == Fault::corrupt;
  return is_more_than_lost ? end.fault : Fault::peer_lost;
}

bool ActorLine::is_full() const {
  if (max_pending_calls == 0 || waiting.size() + in_flight.size() < max_pending_calls) return false;
  const auto open = std::count_if(in_flight.begin(), in_flight.end(), std::mem_fn(&CallInFlight::is_open));
  return waiting.size() + static_cast<std::size_t>(open) >= max_pending_calls;
}

std::vector<std::shared_ptr<ActorLine>> SessionCore::spawn(const ActorOptions& options, const GangOptions* gang,
                                                           std::vector<RawWork> works) {
  for (auto& work : works) work.arguments = take_arguments(std::move(work.arguments));
  const std::string flaw = gang != nullptr ? flaw_of(*gang) : flaw_of(options);
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<ActorLine>> lines;
  const std::uint32_t gang_number = last_task_ + 1;
  for (auto& work : works) {
    const TaskId id = next_task();
    auto line = std::make_shared<ActorLine>();
    line->task = id;
    std::string name = options.name.empty() ? work.name : registered_name(options.name_space, options.name);
    if (gang != nullptr) name += '[' + std::to_string(lines.size()) + ']';
    line->name = std::make_shared<const std::string>(std::move(name));
    line->restart = options.restart;
    line->call_retries = options.call_retries;
    line->max_pending_calls = options.max_pending_calls;
    PendingTask task;
    task.spec = spec_of(options, id, *line->name, std::move(work.function));
    if (gang != nullptr) take_place(task.spec, *gang, gang_number, static_cast<std::uint32_t>(lines.size()));
    task.arguments = std::move(work.arguments);
    task.actor = line;
    if (!lost_.empty()) {
      line->ended = true;
      line->end = {Fault::unavailable, lost_};
      ask_to_cancel(id);
    } else if (!flaw.empty()) {
      line->ended = true;
      line->end = {Fault::unsupported, flaw};
      ask_to_cancel(id);
    } else {
      actors_.emplace(id, line);
      tasks_.emplace(id, std::move(task));
      unsent_.insert(id);
    }
    lines.push_back(std::move(line));
  }
  wake();
  return lines;
}

Result<std::shared_ptr<ActorLine>> SessionCore::spawn_detached(const ActorOptions& options, RawWork work,
                                                               std::chrono::milliseconds limit) {
  if (const std::string flaw = flaw_of(options); !flaw.empty()) return bad_input(flaw);
  const std::string name = options.name.empty() ? work.name : registered_name(options.name_space, options.name);
  const JobInfo job{JobId{random_id()}, name, options_.program, true};
  TaskSpec spec = spec_of(options, {job.id, 1}, job.name, work.function);
  for (const auto& argument : work.arguments) {
    const auto* value = std::get_if<Bytes>(&argument);
    if (value == nullptr) return bad_input("an actor that belongs to no driver is made with values, not with refs");
    std::get<ActorWork>(spec.work).arguments.emplace_back(*value);
  }
  if (auto taken = submit_job(job, {std::move(spec)}, limit); !taken) return taken.error();
  auto line = attach({job.id, 1}, job.name, options.restart);
  const std::lock_guard lock(mutex_);  // Another thread may have found it by its name.
  line->call_retries = options.call_retries;
  line->max_pending_calls = options.max_pending_calls;
  return line;
}

Result<void> SessionCore::submit_job(const JobInfo& job, std::vector<TaskSpec> tasks, std::chrono::milliseconds limit,
                                     TaskId from) {
  if (auto good = check_size(tasks); !good) return good;
  std::unique_lock lock(mutex_);
  const std::uint64_t request = ++last_request_;
  answers_[request] = std::nullopt;
  handed_in_.push_back({request, job, std::move(tasks), from});
  post(scheduler_, handed_in_.back());
  auto taken = wait_for_answer(lock, request, limit);
  const auto first_watched = watched_.lower_bound({job.id, 0});
  const bool is_watched = first_watched != watched_.end() && first_watched->first.job == job.id;
  if (!taken || !is_watched) forget_submit(request);
  return taken;
}

/// Its driver was told that it is not taken, or waits for nothing of it: no scheduler that is started anew may be given
/// it.
void SessionCore::forget_submit(std::uint64_t request) {
  std::erase_if(handed_in_, [&](const auto& submit) { return submit.request == request; });
}

Result<void> SessionCore::submit_graph(const JobInfo& job, std::vector<TaskSpec> tasks,
                                       std::chrono::milliseconds limit) {
  for (auto& message : in_messages(std::move(tasks))) {
    auto taken = submit_job(job, std::move(message), limit);
    if (taken) continue;
    const std::lock_guard lock(mutex_);
    std::erase_if(handed_in_, [&](const auto& submit) { return submit.job.id == job.id; });
    return taken;
  }
  return {};
}

Result<SubmittedGraph> SessionCore::submit_graph(const TaskGraph& graph, std::chrono::milliseconds limit) {
  const JobInfo job{JobId{random_id()}, graph.name(), options_.program, true};
  std::vector<TaskSpec> tasks = graph.tasks();
  std::vector<ObjectPtr> ends;
  for (const TaskSpec& task : tasks)
    if (const auto& environment = environment_of(task.work))
      if (const std::string flaw = flaw_of(*environment); !flaw.empty())
        return bad_input("task '" + task.name + "': " + flaw);
  for (TaskSpec& task : tasks) {
    task.id.job = job.id;
    for (TaskId& before : task.after) before.job = job.id;
    for (TaskId& input : task.inputs) input.job = job.id;
    ends.push_back(watch_task(task.id, task.name));  // Now: a task may end before the answer is here.
  }
  if (auto taken = submit_graph(job, std::move(tasks), limit); !taken) {
    const std::lock_guard lock(mutex_);
    std::erase_if(watched_, [&](const auto& watched) { return watched.first.job == job.id; });
    return taken.error();
  }
  return SubmittedGraph(shared_from_this(), job.id, std::move(ends));
}

Result<void> SessionCore::drain(NodeId node, bool drain, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const std::uint64_t request = ++last_request_;
  answers_[request] = std::nullopt;
  post(scheduler_, message::Drain{request, node, drain});
  return wait_for_answer(lock, request, limit);
}

Result<void> SessionCore::wait_for_answer(std::unique_lock<std::mutex>& lock, std::uint64_t request,
                                          std::chrono::milliseconds limit) {
  wake();
  const bool answered =
      changed_.wait_until(lock, deadline_after(limit), [&] { return answers_[request] || !lost_.empty(); });
  const auto answer = std::exchange(answers_[request], {});
  answers_.erase(request);
  if (!lost_.empty()) return Error{Fault::unavailable, lost_};
  if (!answered) return Error{Fault::timed_out, "the scheduler did not answer"};
  if (!answer->empty()) return Error{Fault::refused, *answer};
  return {};
}

ObjectPtr SessionCore::watch_task(TaskId task, std::string name) {
  const std::lock_guard lock(mutex_);
  auto object = std::make_shared<Object>(std::move(name), task);
  watched_[task] = object;
  return object;
}

bool SessionCore::has_ended(const ActorLine& actor) const {
  const std::lock_guard lock(mutex_);
  return actor.ended;
}

Result<void> SessionCore::end_actor(TaskId actor, std::chrono::milliseconds limit) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto own = tasks_.find(actor); own != tasks_.end()) {
      cancel_task(actor);
      wake();
      return {};
    }
  }
  return cancel_all({&actor, 1}, limit);
}

Result<void> SessionCore::cancel_all(std::span<const TaskId> tasks, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  std::vector<std::uint64_t> requests;
  for (const TaskId task : tasks) {
    requests.push_back(++last_request_);
    answers_[last_request_] = std::nullopt;
    cancels_[last_request_] = task;
    post(scheduler_, message::Cancel{last_request_, task});
  }
  wake();
  const auto is_answered = [this](std::uint64_t request) { return answers_.at(request).has_value(); };
  const bool all = changed_.wait_until(lock, deadline_after(limit), [&] {
    return !lost_.empty() || std::all_of(requests.begin(), requests.end(), is_answered);
  });
  std::string refusal;
  for (const std::uint64_t request : requests) {
    const auto answer = answers_.extract(request);
    cancels_.erase(request);
    if (answer.mapped() && refusal.empty()) refusal = *answer.mapped();
  }
  if (!lost_.empty()) return Error{Fault::unavailable, lost_};
  if (!all) return Error{Fault::timed_out, "the scheduler did not answer every cancel"};
  if (!refusal.empty()) return Error{Fault::refused, refusal};
  return {};
}

void SessionCore::cancel(const ObjectPtr& object) {
  const std::lock_guard lock(mutex_);
  if (object->is_ready()) return;
  const ObjectPtr& whole = object->whole ? object->whole : object;
  if (whole->task()) cancel_task(*whole->task());
  if (whole->called()) cancel_call(whole);
}

void SessionCore::cancel(TaskId task) {
  const std::lock_guard lock(mutex_);
  cancel_task(task);
}

void SessionCore::set_deadline(const ObjectPtr& object, std::chrono::milliseconds deadline) {
  if (deadline.count() <= 0 || deadline > longest_wait) return;
  if (deadlines_.size() >= most_deadlines_) {
    std::erase_if(deadlines_, [this](const auto& each) {
      const Deadline& deadline = each.second;
      const auto waiting = deadline.object.lock();
      return waiting ? waiting->is_ready() : !deadline.task || !tasks_.contains(*deadline.task);
    });
    most_deadlines_ = std::max(most_deadlines_, 2 * deadlines_.size());
  }
  const auto at = Clock::now() + deadline;
  const bool is_first = deadlines_.empty() || at < deadlines_.begin()->first;
  deadlines_.emplace(at, Deadline{object, object->task(), deadline});
  if (is_first) wake();
}

/// By whoever talks. Where it is over nobody waits any longer, whatever becomes of the task or the call.
void SessionCore::look_at_deadlines(Clock::time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Deadline over = deadlines_.extract(deadlines_.begin()).mapped();
    const ObjectPtr object = over.object.lock();
    if (!object && over.task && tasks_.contains(*over.task)) cancel_task(*over.task);
    if (!object || object->is_ready()) continue;
    finish(object, Failure{Fault::timed_out,
                           object->name(),
                           {},
                           0,
                           "its deadline of " + std::to_string(over.length.count()) + " ms is over"});
    if (object->task()) cancel_task(*object->task());
    if (object->called()) cancel_call(object);
  }
}

void SessionCore::cancel_task(TaskId task) {
  const auto actor = actors_.find(task);
  const bool has_link = actor != actors_.end() && actor->second->link != nullptr;  // Which is whoever talks' to leave.
  if (unsent_.contains(task) && !has_link) {
    fail_task(task, {Fault::cancelled, tasks_.at(task).spec.name, {}, 0, "cancelled"});
  } else {
    if (const auto found = tasks_.find(task); found != tasks_.end()) found->second.is_cancelled = true;
    ask_to_cancel(task);
  }
  wake();
}

std::vector<bool> SessionCore::are_ready(std::span<const ObjectPtr> objects) const {
  const std::lock_guard lock(mutex_);
  std::vector<bool> ready;
  for (const auto& object : objects) ready.push_back(object->is_ready());
  return ready;
}

std::optional<Failure> SessionCore::first_failure(std::span<const ObjectPtr> objects) const {
  const std::lock_guard lock(mutex_);
  for (const auto& object : objects)
    if (const auto* failure = std::get_if<Failure>(&object->outcome)) return *failure;
  return std::nullopt;
}

}  // namespace troupe
