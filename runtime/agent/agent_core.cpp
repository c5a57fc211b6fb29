#include "runtime/agent/agent_core.h"

#include <algorithm>
#include <tuple>

namespace troupe {
namespace {

bool is_command(const RunOrder& order) { return command_of(order.work) != nullptr; }
bool is_actor(const RunOrder& order) { return std::holds_alternative<ActorWork>(order.work); }
bool shares_worker(const RunOrder& order) { return is_actor(order) && std::get<ActorWork>(order.work).shares_worker; }

}  // namespace

using namespace agent;

AgentCore::AgentCore(AgentSettings settings, Time now)
    : settings_(std::move(settings)),
      empty_(settings_.capacity),
      ledger_(empty_),
      now_(now),
      next_beat_(now),
      seen_(settings_.planted == Planted::seen_store_forgotten_at_restart ? StoreAge{settings_.seen.cluster}
                                                                          : settings_.seen),
      remembered_(seen_) {}

Effects& AgentCore::step(Time now, Event event) {
  now_ = std::max(now_, now);
  effects_.clear();
  std::visit([this](auto& each) { on(each); }, event);
  take_held_reports();
  if (std::holds_alternative<Tick>(event) || !wake_) {
    wake_ = next_timer();
    emit(WakeAt{*wake_});
  } else if (new_timer_ && *new_timer_ < *wake_) {
    wake_ = new_timer_;
    emit(WakeAt{*wake_});
  }
  new_timer_.reset();
  return effects_;
}

bool AgentCore::is_refused(const StoreAge& store) {
  if (auto refusal = refuse_older("the scheduler's store", store, seen_, settings_.planted)) {
    ignore(std::move(refusal->message));
    return settings_.planted != Planted::older_epoch_obeyed;
  }
  seen_ = store;
  is_heard_ = true;
  // A new epoch is remembered before anything is done in it; commits at the next beat: a disk is slow.
  if (seen_.epoch != remembered_.epoch) remember();
  return false;
}

void AgentCore::remember() {
  if (seen_ != remembered_) emit(RememberStore{seen_});
  remembered_ = seen_;
}

// --- what the scheduler says ----------------------------------------------------------------------------------------

void AgentCore::on(OrderArrived& arrived) {
  if (is_refused(arrived.store)) return;
  const Key key{arrived.order.task, arrived.order.attempt};
  const auto known = attempts_.find(key);
  if (known != attempts_.end()) {
    if (known->second.phase == Attempt::Phase::ended) return emit(SendReport{known->second.report});
    if (settings_.planted == Planted::copied_order_starts_a_second && is_command(known->second.order))
      return emit(StartCommand{known->second.order});
    return ignore("the order came before");
  }
  Attempt& attempt = attempts_[key];
  attempt.order = std::move(arrived.order);
  // Mostly a late copy, and then the report is dropped; but a scheduler that took an old list for what runs now, and
  // waits for this attempt, must learn that it never ends.
  if (acknowledged_.contains(key) && settings_.planted != Planted::ended_attempts_forgotten)
    return end(key, attempt, {.end = AttemptEnd::lost, .cause = {.message = "the attempt has ended here before"}});
  if (!empty_.fits_exactly(attempt.order.grant)) {
    return end(key, attempt,
               {.end = AttemptEnd::lost, .cause = {.message = "this node does not have what was granted"}});
  }
  if (attempt.awaits()) return take_awaiting(key, attempt);
  attempt.queued_at = now_;
  (attempt.order.ahead ? ahead_ : queue_).push_back(key);
  start_what_fits();
}

void AgentCore::on(const StopArrived& arrived) {
  if (is_refused(arrived.store)) return;
  const Key key{arrived.task, arrived.attempt};
  const auto known = attempts_.find(key);
  const AttemptReport cancelled{.end = AttemptEnd::cancelled, .cause = {.message = "it was told to stop"}};
  if (known == attempts_.end()) {
    if (settings_.planted == Planted::stop_before_its_order_forgotten) return ignore("no such attempt runs");
    Attempt& refused = attempts_[key];
    refused.order.task = arrived.task;
    refused.order.attempt = arrived.attempt;
    return end(key, refused, cancelled);
  }
  if (known->second.phase == Attempt::Phase::ended) return emit(SendReport{known->second.report});
  if (known->second.verdict) return ignore("the attempt is ending");
  end_early(key, known->second, cancelled);
}

void AgentCore::on(const ReportAcknowledged& acknowledged) {
  if (is_refused(acknowledged.store)) return;
  const Key key{acknowledged.task, acknowledged.attempt};
  const auto known = attempts_.find(key);
  if (known == attempts_.end() || known->second.phase != Attempt::Phase::ended)
    return ignore("there is no such report");
  attempts_.erase(known);
  if (acknowledged_.insert(key).second) acknowledged_in_order_.push_back(key);
  if (acknowledged_in_order_.size() <= settings_.most_ended_attempts) return;
  acknowledged_.erase(acknowledged_in_order_.front());
  acknowledged_in_order_.pop_front();
}

void AgentCore::on(const Welcomed& welcomed) {
  if (is_refused(welcomed.store)) return;
  is_welcome_ = true;
  send_reports();
}

void AgentCore::on(const HeartbeatTaken& taken) { (void)is_refused(taken.store); }

void AgentCore::on(const AskedToJoin& asked) {
  if (is_refused(asked.store)) return;
  is_welcome_ = false;
  emit(SendJoin{running()});
}

// --- what happens on this node --------------------------------------------------------------------------------------

void AgentCore::on(const WorkerReady& ready) {
  const auto found = workers_.find(ready.worker);
  if (found == workers_.end() || found->second.phase == Worker::Phase::dying)
    return ignore("no worker of that number lives");
  found->second.heard = now_;
  if (found->second.phase != Worker::Phase::starting) return;
  for (const Key& key : found->second.attempts) hand_over(ready.worker, found->second, attempts_.at(key));
}

void AgentCore::on(const WorkerExited& exited) {
  const auto found = workers_.find(exited.worker);
  if (found == workers_.end()) return ignore("there is no worker of that number");
  if (found->second.is_shared) {
    const Worker worker = std::move(found->second);
    workers_.erase(found);
    return shared_worker_exits(worker, exited);
  }
  std::deque<Key> attempts = std::move(found->second.attempts);
  const Cause cause = found->second.cause_of(exited);
  const bool was_ended = found->second.was_ended();
  const std::uint64_t begun = exited.begun - std::min(exited.begun, found->second.ended);
  workers_.erase(found);
  held_.erase(exited.worker);
  if (attempts.empty()) return;
  // The last that it began is what it died under, unless it was made to end. What it had done before, and not yet told,
  // runs again, uncounted: however often others take its worker down, it did no wrong.
  std::deque<Key> never_begun;
  for (; attempts.size() > std::max<std::uint64_t>(begun, 1); attempts.pop_back())
    never_begun.push_front(attempts.back());
  put_back(never_begun, "the worker ended that it was given to");
  for (; !attempts.empty(); attempts.pop_front()) {
    const bool is_its_doing = attempts.size() == 1 && !was_ended && !attempts_.at(attempts.front()).awaits();
    const AttemptReport why{.end = is_its_doing ? AttemptEnd::failed : AttemptEnd::preempted,
                            .cause = is_its_doing ? cause : Cause{.message = "its report was lost with its worker"}};
    Attempt& attempt = attempts_.at(attempts.front());
    end(attempts.front(), attempt, attempt.verdict.value_or(why));
  }
}

void AgentCore::on(ReportArrived& arrived) {
  if (!held_.contains(arrived.worker) && !is_early(arrived)) return take_report(arrived);
  auto& held = held_[arrived.worker];
  if (held.size() == settings_.most_given_to_worker) return ignore("the worker reports more than it was given");
  held.push_back(std::move(arrived));
}

void AgentCore::take_report(ReportArrived& arrived) {
  const Key key{arrived.report.task, arrived.report.attempt};
  Attempt* attempt = attempt_of(arrived.worker, key);
  if (attempt == nullptr) return ignore("the worker does not run that attempt");
  if (workers_.at(arrived.worker).is_shared) {
    leave(key, *attempt);
    return end(key, *attempt, attempt->verdict.value_or(arrived.report));
  }
  if (attempt->phase != Attempt::Phase::running) return ignore("the worker does not run that attempt");
  // What an actor leaves behind in its process is not known: the process goes with it.
  if (is_actor(attempt->order)) return end_early(key, *attempt, arrived.report);
  Worker& worker = workers_.at(arrived.worker);
  worker.attempts.pop_front();
  worker.waits = false;
  ++worker.ended;
  if (!worker.attempts.empty()) {
    go_on(worker, key, *attempt);
  } else if (worker.phase == Worker::Phase::busy) {
    worker.phase = Worker::Phase::idle;
    worker.idle_since = now_;
    timer_at(now_ + settings_.idle_timeout);
  }
  // It was taken back in time, or has had a result that does not count.
  const bool is_void = attempt->verdict && (arrived.report.end == AttemptEnd::cancelled || attempt->awaits());
  attempt->passed_to.resize(std::min(arrived.passed, attempt->passed_to.size()));
  end(key, *attempt, is_void ? std::move(*attempt->verdict) : std::move(arrived.report));
  retire_idle_workers();
}

void AgentCore::on(const ActorUp& up) {
  Attempt* attempt = attempt_of(up.worker, {up.task, up.attempt});
  if (attempt == nullptr || attempt->phase != Attempt::Phase::running)
    return ignore("the worker does not run that actor");
  attempt->address = up.address;
  emit(SendActorStarted{up.task, up.attempt, up.address});
}

void AgentCore::on(const CommandExited& exited) {
  const Key key{exited.report.task, exited.report.attempt};
  const auto known = attempts_.find(key);
  if (known == attempts_.end() || !known->second.has_process() || !is_command(known->second.order))
    return ignore("no such command runs");
  end(key, known->second, known->second.verdict.value_or(exited.report));
}

void AgentCore::on(const Tick&) {
  for (auto& [key, attempt] : attempts_) {
    if (attempt.phase != Attempt::Phase::running || !attempt.timeout_at || now_ < *attempt.timeout_at) continue;
    const std::string text = "timed out after " + std::to_string(attempt.order.timeout.count()) + " ms";
    end_early(key, attempt,
              attempt.verdict.value_or(AttemptReport{.end = AttemptEnd::failed, .cause = {.message = text}}));
  }
  kill_overdue();
  retire_idle_workers();
  if (now_ >= early_beat_) {
    early_beat_ = Time::max();
    if (is_welcome_ && now_ < next_beat_) emit(SendHeartbeat{running(), true});
  }
  if (now_ < next_beat_) return;
  end_silent_workers();
  give_up_waiting();
  give_back_what_found_no_room();
  next_beat_ = now_ + settings_.heartbeat_interval;
  remember();
  if (is_welcome_) {
    emit(SendHeartbeat{running()});
    // One that is stopped has them already, for when it goes on.
    if (std::exchange(is_heard_, false)) send_reports();
  } else {
    emit(SendJoin{running()});
  }
}

// --- moves ----------------------------------------------------------------------------------------------------------

/// In order of arrival: a large one is not passed for ever by small ones.
void AgentCore::start_what_fits() {
  if (!take_what_is_owed()) return start_what_needs_no_cpus();
  while (!queue_.empty()) {
    const Key key = queue_.front();
    Attempt& attempt = attempts_.at(key);
    if (!ledger_.take_exactly(attempt.order.grant)) return;
    queue_.pop_front();
    start(key, attempt);
  }
  start_ahead();
  line_up_awaiting();
}

void AgentCore::start_ahead() {
  while (!ahead_.empty()) {
    const Key key = ahead_.front();
    Attempt& attempt = attempts_.at(key);
    if (ledger_.take_exactly(attempt.order.grant)) {
      ahead_.pop_front();
      start(key, attempt);
    } else if (line_up(key, attempt)) {
      ahead_.pop_front();
    } else {
      return;
    }
  }
}

/// Gives it to a worker that is busy with something of the same grant, the one with the shortest line.
bool AgentCore::line_up(Key key, Attempt& attempt) {
  if (is_command(attempt.order) || is_actor(attempt.order)) return false;
  std::pair<const WorkerNumber, Worker>* shortest = nullptr;
  for (auto& each : workers_) {
    const bool is_longer = shortest != nullptr && each.second.attempts.size() >= shortest->second.attempts.size();
    const bool is_full = each.second.attempts.size() >= settings_.most_given_to_worker;
    if (!is_longer && !is_full && may_line_up(each.second, attempt)) shortest = &each;
  }
  if (shortest == nullptr) return false;
  give_to(shortest->first, shortest->second, key, attempt);
  return true;
}

/// The worker has begun the next of its attempts: it takes over the grant of the one that has ended.
void AgentCore::go_on(Worker& worker, Key ended_key, Attempt& ended) {
  Attempt& next = attempts_.at(worker.attempts.front());
  ledger_.give_back(ended.booked());
  ended.phase = Attempt::Phase::given;
  // What was owed to the one is owed to the other, in its place.
  next.cpus = std::exchange(ended.cpus, GrantedCpus::held);
  std::replace(owed_.begin(), owed_.end(), ended_key, worker.attempts.front());
  TROUPE_CHECK(ledger_.take_exactly(next.booked()), "what lines up in a worker needs what ran before it");
  next.phase = Attempt::Phase::running;
  wait_or_run(worker, next);
  // What was to be taken back, and was not, gets its time to say so.
  if (next.verdict) next.timeout_at = timer_at(now_ + settings_.kill_grace);
}

/// What a worker never began waits for room again, in front of what came later.
void AgentCore::put_back(const std::deque<Key>& keys, const char* why) {
  for (auto each = keys.rbegin(); each != keys.rend(); ++each) {
    Attempt& attempt = attempts_.at(*each);
    attempt.phase = Attempt::Phase::queued;
    attempt.worker = 0;
    attempt.passed_to.clear();
    if (attempt.verdict) {
      end(*each, attempt, *attempt.verdict);
    } else if (attempt.was_given_early) {
      end(*each, attempt, {.end = AttemptEnd::preempted, .cause = {.message = why}});
    } else {
      ahead_.push_front(*each);
    }
  }
}

void AgentCore::start(Key key, Attempt& attempt) {
  if (is_command(attempt.order)) {
    attempt.phase = Attempt::Phase::running;
    begins(attempt);
    return emit(StartCommand{attempt.order});
  }
  if (shares_worker(attempt.order)) return share(key, attempt);
  for (auto& [number, worker] : workers_) {
    if (worker.phase != Worker::Phase::idle || !worker.serves(attempt.order)) continue;
    return begin_in(number, worker, key, attempt);
  }
  start_worker(key, attempt);
}

/// Of an idle worker.
void AgentCore::begin_in(WorkerNumber number, Worker& worker, Key key, Attempt& attempt) {
  worker.attempts = {key};
  attempt.worker = number;
  hand_over(number, worker, attempt);
}

AgentCore::Worker& AgentCore::start_worker(Key key, Attempt& attempt) {
  attempt.phase = Attempt::Phase::starting;
  attempt.worker = ++last_worker_;
  Worker& worker = workers_[attempt.worker];
  worker.heard = now_;
  worker.program = attempt.order.program;
  worker.shape = attempt.order.grant;
  worker.environment = environment_of(attempt.order.work);
  worker.attempts = {key};
  emit(StartWorker{attempt.worker, worker.program, worker.shape, worker.environment});
  return worker;
}

void AgentCore::hand_over(WorkerNumber number, Worker& worker, Attempt& attempt) {
  worker.phase = Worker::Phase::busy;
  ++worker.given;
  attempt.number = worker.given;
  attempt.phase = Attempt::Phase::running;
  wait_or_run(worker, attempt);
  emit(GiveOrder{number, attempt.order, worker.ended});
}

/// Ends what has not ended by itself. Its grant is held, and its report waits, until its process is gone.
void AgentCore::end_early(Key key, Attempt& attempt, AttemptReport verdict) {
  if (attempt.phase == Attempt::Phase::queued) return end(key, attempt, std::move(verdict));
  const bool waits_first = attempt.phase == Attempt::Phase::running && attempt.awaits() && !attempt.verdict;
  if (attempt.phase == Attempt::Phase::given || waits_first) {
    attempt.verdict = std::move(verdict);
    if (waits_first) attempt.timeout_at = timer_at(now_ + settings_.kill_grace);
    return emit(TakeBack{attempt.worker, key.first, key.second});
  }
  if (attempt.phase == Attempt::Phase::starting && workers_.at(attempt.worker).is_shared) {
    leave(key, attempt);
    return end(key, attempt, std::move(verdict));
  }
  attempt.phase = Attempt::Phase::ending;
  attempt.verdict = std::move(verdict);
  if (attempt.worker != 0 && workers_.at(attempt.worker).is_shared) {
    if (settings_.planted != Planted::unending_sharer_waited_for)
      attempt.kill_at = timer_at(now_ + settings_.kill_grace);
    return emit(TakeBack{attempt.worker, key.first, key.second});
  }
  if (attempt.worker != 0) return kill(attempt.worker, workers_.at(attempt.worker));
  attempt.kill_at = timer_at(now_ + settings_.kill_grace);
  emit(KillCommand{key.first, key.second, false});
}

void AgentCore::end(Key key, Attempt& attempt, AttemptReport report) {
  report.task = key.first;
  report.attempt = key.second;
  const bool held_its_grant = attempt.has_process();
  if (held_its_grant) ledger_.give_back(attempt.booked());
  if (attempt.cpus == GrantedCpus::owed) std::erase(owed_, key);
  if (attempt.cpus == GrantedCpus::lent) --lending_;
  attempt.cpus = GrantedCpus::held;
  if (attempt.phase == Attempt::Phase::queued)
    for (auto* line : {&queue_, &ahead_, &awaiting_}) std::erase(*line, key);
  const WorkerNumber ended_in = attempt.worker;
  attempt.phase = Attempt::Phase::ended;
  attempt.worker = 0;
  attempt.kill_at.reset();
  attempt.address.clear();
  attempt.verdict.reset();
  attempt.report = std::move(report);
  emit(SendReport{attempt.report, attempt.order.name, attempt.began, now_});
  hand_on(key, attempt, ended_in);
  start_what_fits();
}

void AgentCore::kill(WorkerNumber number, Worker& worker) {
  if (worker.phase == Worker::Phase::dying) return;
  worker.phase = Worker::Phase::dying;
  worker.kill_at = timer_at(now_ + settings_.kill_grace);
  emit(KillWorker{number, false});
}

/// Where it has been given to that worker and begun, or may have.
AgentCore::Attempt* AgentCore::attempt_of(WorkerNumber number, Key key) {
  const auto worker = workers_.find(number);
  const auto attempt = attempts_.find(key);
  if (worker == workers_.end() || attempt == attempts_.end() || attempt->second.worker != number ||
      !attempt->second.has_process() || attempt->second.phase == Attempt::Phase::starting)
    return nullptr;
  return &attempt->second;
}

std::vector<RunningAttempt> AgentCore::running() const {
  std::vector<RunningAttempt> list;
  for (const auto& [key, attempt] : attempts_)
    list.push_back(
        {key.first, key.second, attempt.order.grant, attempt.address, attempt.was_given_early, attempt.cpus});
  std::sort(list.begin(), list.end(), [](const RunningAttempt& a, const RunningAttempt& b) {
    return std::tie(a.task, a.attempt) < std::tie(b.task, b.attempt);
  });
  return list;
}

void AgentCore::send_reports() {
  for (const auto& [key, attempt] : attempts_)
    if (attempt.phase == Attempt::Phase::ended) emit(SendReport{attempt.report});
}

/// It is the first of its worker.
void AgentCore::wait_or_run(Worker& worker, Attempt& attempt) {
  if (attempt.awaits()) {
    worker.awaits_since = now_;
  } else {
    begins(attempt);
  }
}

/// What runs from now on ends in time.
void AgentCore::begins(Attempt& attempt) {
  attempt.began = now_;
  if (attempt.order.timeout.count() > 0) attempt.timeout_at = timer_at(now_ + attempt.order.timeout);
}

Time AgentCore::timer_at(Time at) {
  new_timer_ = std::min(new_timer_.value_or(at), at);
  return at;
}

Time AgentCore::next_timer() const {
  Time next = std::min(next_beat_, early_beat_);
  for (const auto& [key, attempt] : attempts_) {
    if (attempt.phase == Attempt::Phase::running && attempt.timeout_at) next = std::min(next, *attempt.timeout_at);
    if (attempt.kill_at) next = std::min(next, *attempt.kill_at);
  }
  for (const auto& [number, worker] : workers_) {
    if (worker.kill_at) next = std::min(next, *worker.kill_at);
    if (worker.phase == Worker::Phase::idle) next = std::min(next, worker.idle_since + settings_.idle_timeout);
  }
  return next;
}

std::vector<std::pair<std::pair<TaskId, AttemptId>, Grant>> AgentCore::grants_in_use() const {
  std::vector<std::pair<Key, Grant>> grants;
  for (const auto& [key, attempt] : attempts_)
    if (attempt.has_process()) grants.emplace_back(key, attempt.order.grant);
  return grants;
}

}  // namespace troupe
