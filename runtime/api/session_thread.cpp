// The half of a session that its own thread runs: what arrives, what may be sent, and what ends.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "runtime/api/carried.h"
#include "runtime/api/session_core.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_unsent_told = 1000;           // Actors, to a scheduler that may not know this driver.
constexpr std::size_t most_looked_at = 10'000;           // For them.
constexpr std::chrono::milliseconds longest_absence{2};  // Of those that wait for one thing after the other, and talk.

Fault fault_of(TaskState state) { return state == TaskState::cancelled ? Fault::cancelled : Fault::task_failed; }

bool is_readable(int descriptor) {
  pollfd polled{descriptor, POLLIN, 0};
  return descriptor >= 0 && ::poll(&polled, 1, 0) > 0;
}

}  // namespace

void SessionCore::run() {
  std::unique_lock lock(mutex_);
  if (lifeline_ >= 0) transport_->watch(lifeline_, false);
  if (bell_) transport_->watch(bell_->descriptor(), false);
  for (bool goes_on = true; goes_on;) {
    wait_for_turn(lock);
    is_talking_ = true;
    goes_on = turn(lock, Clock::time_point::max());
    leave_turn();
  }
}

/// The session's thread leaves the talking to those that talk while they wait, and for a moment after they have.
void SessionCore::wait_for_turn(std::unique_lock<std::mutex>& lock) {
  for (bool is_long = false; is_talking_ || talkers_ > 0 || (!is_thread_called_ && parked_ == 0 && !stopping_);) {
    if (!is_talking_ && talkers_ == 0 && Clock::now() >= left_at_ + longest_absence) return;
    is_thread_asleep_ = is_long;
    if (is_long) {
      turn_is_free_.wait(lock);
    } else {
      turn_is_free_.wait_for(lock, longest_absence);
    }
    is_thread_asleep_ = false;
    is_long = is_talking_;
  }
}

/// A waiting thread talks itself: what it waits for reaches it without a second thread.
bool SessionCore::talk_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& are_there,
                             Clock::time_point deadline) {
  bool has_talked = false;
  ++talkers_;
  if (is_talking_) transport_->wake();
  while (!are_there() && Clock::now() < deadline) {
    if (is_talking_) {
      changed_.wait_until(lock, deadline, [&] { return are_there() || !is_talking_; });
      continue;
    }
    is_talking_ = has_talked = true;
    while (!are_there() && Clock::now() < deadline) turn(lock, deadline);
    leave_turn();
  }
  --talkers_;
  if (has_talked) left_at_ = Clock::now();
  // What others wait for is not for this thread to bring.
  const bool have_others_questions = !answers_.empty() || !cancels_.empty() || are_questions_open();
  is_thread_called_ = is_thread_called_ || parked_ > 1 || have_others_questions || sync_.is_waiting();
  if (is_thread_called_) turn_is_free_.notify_one();
  return are_there();
}

/// Of a thread that talked: another that waits may be the next.
void SessionCore::leave_turn() {
  is_talking_ = false;
  if (talkers_ > 0) changed_.notify_all();
  if (is_thread_asleep_) turn_is_free_.notify_one();
}

/// What may be sent leaves before the caller goes on; what has to wait for an answer is left to the session's thread.
void SessionCore::send_now(std::unique_lock<std::mutex>& lock) {
  if (is_talking_ || Clock::now() >= left_at_ + longest_absence) return wake();
  is_talking_ = true;
  pump();
  auto out = outbox_.take();
  lock.unlock();
  for (auto& [to, frame] : out) transport_->send(to, std::move(frame));
  lock.lock();
  leave_turn();
  if (unsent_.empty()) return;
  is_thread_called_ = true;
  turn_is_free_.notify_one();
}

/// Whoever talks looks at what there is to do.
void SessionCore::wake() {
  is_thread_called_ = true;
  transport_->wake();
  turn_is_free_.notify_one();
}

/// One turn of talking, by the thread that has set is_talking_. False: the session has said goodbye.
bool SessionCore::turn(std::unique_lock<std::mutex>& lock, Clock::time_point limit) {
  const auto deadline = deadlines_.empty() ? Clock::time_point::max() : deadlines_.begin()->first;
  const auto until = std::min({limit, next_hello_, sync_.next_deadline(), look_at_, replace_at_, ask_due_, deadline});
  lock.unlock();
  const auto arrived = transport_->receive(until);
  lock.lock();
  is_thread_called_ = false;
  for (const auto& delivery : arrived) take(delivery);
  const auto now = Clock::now();
  if (now >= next_hello_) {
    // It was stopped, or starved: what the scheduler has said meanwhile is yet to be read.
    if (now - next_hello_ > options_.heartbeat) last_heard_ = now;
    const bool is_new_link = follow_scheduler();
    say_hello();
    if (is_new_link && welcomed_) say_all_again();
    if (options_.objects) options_.objects->look_after();
    submit_again(now);
    next_hello_ = now + (welcomed_ ? options_.heartbeat : std::min(options_.heartbeat, std::chrono::milliseconds(20)));
    if (lost_.empty() && welcomed_ && now - last_heard_ > options_.lost_after)
      fail_everything("the scheduler has been silent for " + std::to_string(options_.lost_after.count()) + " ms");
  }
  look_at_deadlines(now);
  look_after_lifeline();
  look_after_links();
  ask_due_ = ask_for_borrowed(now);
  pump();
  look_at_ = look_at_rings(now);
  send_sync(now);
  const bool is_last = stopping_;
  if (is_last) post(scheduler_, message::DriverBye{});
  auto out = outbox_.take();
  if (std::exchange(has_news_, false)) changed_.notify_all();
  if (out.empty()) return !is_last;
  lock.unlock();
  for (auto& [to, frame] : out) transport_->send(to, std::move(frame));
  lock.lock();
  return !is_last;
}

/// A scheduler that was stopped, or cut from the store, holds its connections while another has taken over. Says
/// whether there is a new link. Where the old one had found the new scheduler by itself, what that said over it is
/// lost.
bool SessionCore::follow_scheduler() {
  if (!options_.active_scheduler) return false;
  std::string active = options_.active_scheduler();
  if (active == connected_to_) return false;
  const auto scheduler = transport_->connect(options_.scheduler_address);
  if (!scheduler) return false;
  transport_->disconnect(scheduler_);
  scheduler_ = *scheduler;
  connected_to_ = std::move(active);
  return true;
}

/// The cluster says why it ends, in a line, or just ends.
void SessionCore::look_after_lifeline() {
  if (!lost_.empty() || !is_readable(lifeline_)) return;
  transport_->unwatch(lifeline_);
  char text[512];
  const auto size = ::recv(lifeline_, text, sizeof text, MSG_DONTWAIT);
  std::string why(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  why = why.substr(0, why.find('\n'));
  fail_everything(why.empty() ? "the local cluster has ended" : why);
}

void SessionCore::take(const Delivery& delivery) {
  auto letters = decode(delivery.frame);
  if (!letters || letters->envelope.cluster != options_.cluster) return;
  const bool is_schedulers = delivery.from == scheduler_;
  if (is_schedulers) {
    if (letters->envelope.epoch < epoch_) return;
    last_heard_ = Clock::now();
  }
  for (auto& message : letters->messages) {
    const auto* welcome = std::get_if<message::DriverWelcome>(&message);
    if (welcome != nullptr && is_schedulers) on_welcome(letters->envelope.epoch, welcome->since);
    on(message);
  }
}

void SessionCore::on(message::Message& message) {
  if (const auto* answer = std::get_if<message::Answer>(&message)) on_answer(*answer);
  if (auto* ended = std::get_if<message::TaskEnded>(&message)) on_ended(*ended);
  if (const auto* up = std::get_if<message::ActorUp>(&message)) on_actor_up(*up);
  if (const auto* down = std::get_if<message::ActorDown>(&message)) on_actor_down(*down);
  if (auto* answer = std::get_if<message::CallAnswer>(&message)) on_call_answer(*answer);
  if (auto* answers = std::get_if<message::Synchronised>(&message)) sync_.take(std::move(answers->answers));
  take_answer(message);
}

void SessionCore::on_welcome(std::uint32_t epoch, std::uint64_t since) {
  if (welcomed_ && epoch == epoch_ && since == since_) return;
  // A scheduler of a new epoch, or one that dropped this driver, knows nothing of what it owns, nor that it waits for
  // the end of durable tasks.
  const std::uint32_t epoch_before = std::exchange(epoch_, epoch);
  since_ = since;
  welcomed_ = true;
  if (epoch_before != 0) {
    sync_.start_over();
    say_all_again();
  }
  changed_.notify_all();
}

/// It answers again what it has answered before, and tells again what has become of the tasks.
void SessionCore::say_all_again() {
  open_submit_.reset();
  for (auto& [id, task] : tasks_) {
    task.sent = false;
    unsent_.insert(id);
  }
  for (const auto& submit : handed_in_) post(scheduler_, submit);
  ask_again();
  for (const auto& [request, task] : cancels_) post(scheduler_, message::Cancel{request, task});
}

void SessionCore::on_answer(const message::Answer& answer) {
  const auto open = answers_.find(answer.request);
  if (open != answers_.end()) {
    open->second = answer.refusal;
    if (!answer.refusal.empty()) forget_submit(answer.request);
    changed_.notify_all();
    return;
  }
  if (!open_submit_ || open_submit_->message.request != answer.request) return;
  const OpenSubmit submit = std::move(*open_submit_);
  open_submit_.reset();
  if (answer.refusal.empty()) return;
  const auto& tasks = submit.message.tasks;
  if (tasks.size() > 1 && !tasks.front().gang) return take_apart(submit.message);
  for (const TaskSpec& spec : tasks) {
    if (const auto refused = tasks_.find(spec.id); refused != tasks_.end()) refused->second.sent = false;
    fail_task(spec.id, {Fault::refused, spec.name, {}, 0, answer.refusal});
  }
}

void SessionCore::on_ended(message::TaskEnded& ended) {
  std::variant<std::monostate, Bytes, Failure> outcome;
  if (ended.state == TaskState::done) {
    outcome = std::move(ended.result);
  } else {
    Failure failure{fault_of(ended.state), {}, {}, 0, std::move(ended.cause)};
    if (!ended.attempts.empty()) {
      failure.node = ended.attempts.back().node;
      Cause& cause = ended.attempts.back().cause;
      if (cause.message.starts_with(failure.cause)) failure.cause = std::move(cause.message);  // What it printed, too.
      failure.attempt = ended.attempts.back().id.number;
      failure.exit_code = cause.exit_code;
      failure.signal = cause.signal;
      failure.exception = std::move(cause.exception);
    }
    outcome = std::move(failure);
  }
  const auto watched = watched_.find(ended.task);
  if (watched != watched_.end()) {
    if (const auto object = watched->second.lock()) {
      if (auto* failure = std::get_if<Failure>(&outcome)) failure->task = object->name();
      finish(object, std::move(outcome));
    }
    watched_.erase(watched);
    const auto next = watched_.lower_bound({ended.task.job, 0});
    if (next == watched_.end() || next->first.job != ended.task.job)
      std::erase_if(handed_in_, [&](const auto& submit) { return submit.job.id == ended.task.job; });
    return;
  }
  const auto found = tasks_.find(ended.task);
  if (found == tasks_.end()) {
    const auto actor = actors_.find(ended.task);
    if (actor == actors_.end() || !actor->second->is_borrowed) return;
    const auto* failure = std::get_if<Failure>(&outcome);
    return end_actor(*actor->second, Fault::peer_lost, "the actor has ended" + (failure ? ": " + failure->cause : ""));
  }
  if (auto* failure = std::get_if<Failure>(&outcome)) {
    if (failure->fault == Fault::task_failed && run_again_for_lost(ended.task)) return;
    failure->task = found->second.spec.name;
    fail_task(ended.task, *failure);
    return;
  }
  const auto object = found->second.result.lock();
  const Bytes& bytes = std::get<Bytes>(outcome);
  const bool is_elsewhere = lies_elsewhere(bytes);
  if (object && is_elsewhere) {
    object->recipe = recipe_of(std::move(found->second.spec), found->second.arguments);
    if (!ended.attempts.empty()) object->lies_on = ended.attempts.back().node;
  }
  // The store keeps it for whoever takes it over; where nobody wants it any more, that is at once let go.
  if (!object && is_elsewhere) let_go(Bytes(bytes));
  unsent_.erase(ended.task);  // A scheduler that is reached anew may be about to be given it again.
  tasks_.erase(found);
  if (object) finish(object, std::move(outcome));
}

void SessionCore::post(PeerId to, const message::Message& message) {
  outbox_.post(to, {options_.cluster, epoch_, driver_.value}, message);
}

void SessionCore::ask_to_cancel(TaskId task) { post(scheduler_, message::Cancel{++last_request_, task}); }

void SessionCore::say_hello() {
  message::DriverHello hello{driver_, job_, welcomed_ ? last_task_ : 0, {}};
  std::size_t looked_at = 0;
  for (auto next = unsent_.begin(); hello.given > 0 && next != unsent_.end(); ++next) {
    if (++looked_at > most_looked_at || hello.unsent.size() == most_unsent_told) break;
    if (tasks_.at(*next).actor) hello.unsent.push_back(next->number);
  }
  post(scheduler_, hello);
}

void SessionCore::finish(const ObjectPtr& object, std::variant<std::monostate, Bytes, Failure> outcome) {
  if (object->is_ready()) {  // Its deadline was over: what lies in a store for it is let go.
    auto* late = std::get_if<Bytes>(&outcome);
    if (late == nullptr) return;
    if (!object->comes_in_items) return let_go(std::move(*late));
    Object again({}, std::nullopt);
    again.outcome = std::move(outcome);
    return take_items(again);
  }
  object->outcome = std::move(outcome);
  object->told_in_epoch = epoch_;
  take_in(*object, options_.objects.get(), true);
  if (!object->parts.empty()) finish_parts(*object);
  if (object->comes_in_items) take_items(*object);
  is_settled(*object);
}

void SessionCore::pump() {
  if (!welcomed_ || !lost_.empty()) return;
  submit_what_can_be_sent();
  std::vector<TaskId> finished;
  message::Release of_no_use;
  if (waiting_calls_ > 0)
    for (auto& [id, actor] : actors_) pump(*actor);
  for (const TaskId id : released_) {
    const auto actor = actors_.find(id);
    if (actor == actors_.end() || (actor->second->waiting.empty() && actor->second->in_flight.empty()))
      finished.push_back(id);
  }
  for (const TaskId id : finished) {
    released_.erase(id);
    const auto actor = actors_.extract(id);
    const bool is_own = id.job == job_.id;
    if (is_own) of_no_use.tasks.push_back(id);
    if (actor.empty()) continue;
    if (is_own) ask_to_cancel(id);
    leave_link(*actor.mapped());
    if (!actor.mapped()->ended) actor.mapped()->end = {Fault::cancelled, "this driver let go of it"};
    tell_monitor(*actor.mapped());
    tasks_.erase(id);
    unsent_.erase(id);
  }
  if (!of_no_use.tasks.empty()) post(scheduler_, of_no_use);
  send_dropped();
}

void SessionCore::fail_task(TaskId id, Failure failure) {
  auto task = tasks_.extract(id);
  unsent_.erase(id);
  if (task.empty()) return;
  if (const auto object = task.mapped().result.lock()) finish(object, failure);
  const auto actor = task.mapped().actor;
  if (!actor) return;
  if (!task.mapped().sent) ask_to_cancel(id);  // Which would wait for it, where another has its handle.
  end_actor(*actor, failure.fault, failure.cause);
  actors_.erase(id);
}

void SessionCore::send_sync(Clock::time_point now) {
  if (!welcomed_) return;
  for (auto frame = sync_.next_frame(now); !frame.requests.empty(); frame = sync_.next_frame(now))
    post(scheduler_,
         message::Synchronise{options_.task, options_.attempt, frame.confirmed_below, std::move(frame.requests)});
}

void SessionCore::fail_everything(const std::string& cause) {
  lost_ = cause;
  sync_.fail(cause);
  std::vector<TaskId> ids;
  for (const auto& [id, task] : tasks_) ids.push_back(id);
  for (const TaskId id : ids) fail_task(id, {Fault::unavailable, tasks_.at(id).spec.name, {}, 0, cause});
  for (auto& [id, actor] : actors_) end_actor(*actor, Fault::unavailable, cause);
  actors_.clear();
  for (auto& [id, weak] : std::exchange(watched_, {}))
    if (const auto object = weak.lock()) finish(object, Failure{Fault::unavailable, object->name(), {}, 0, cause});
  changed_.notify_all();
}

void SessionCore::send_dropped() {
  std::vector<TaskId> dropped;
  {
    const std::lock_guard lock(dropped_->mutex);
    dropped = std::exchange(dropped_->tasks, {});
  }
  std::vector<TaskId> ended;
  std::vector<TaskId> running;
  for (const TaskId id : dropped) (tasks_.contains(id) ? running : ended).push_back(id);
  if (!ended.empty()) post(scheduler_, message::Release{std::move(ended)});
  const std::lock_guard lock(dropped_->mutex);
  dropped_->tasks.insert(dropped_->tasks.end(), running.begin(), running.end());
}

}  // namespace troupe
