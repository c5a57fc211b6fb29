// Which worker serves whom, and the actors that share one.
#include <algorithm>

#include "runtime/agent/agent_core.h"

namespace troupe {

using namespace agent;

/// A process is made for its number of threads, its devices and its environment, and keeps memory that it once had: it
/// serves only the same again.
bool AgentCore::Worker::serves(const RunOrder& order) const {
  const Grant& grant = order.grant;
  return !is_used_up() && program == order.program && environment == environment_of(order.work) &&
         shape.cpus == grant.cpus && shape.memory_bytes == grant.memory_bytes &&
         shape.gpus.size() == grant.gpus.size() &&
         std::equal(shape.gpus.begin(), shape.gpus.end(), grant.gpus.begin(),
                    [](const GpuShare& x, const GpuShare& y) { return x.index == y.index; });
}

Cause AgentCore::Worker::cause_of(const WorkerExited& exited) const {
  Cause cause = ends_by.value_or(exited.cause);
  if (cause.message.empty() && cause.signal == 0 && cause.exit_code == 0)
    cause.message = "the worker exited before its task had ended";
  return cause;
}

/// Puts an actor to others of its kind, into the worker with the fewest, or begins another such worker.
void AgentCore::share(Key key, Attempt& attempt) {
  std::size_t of_its_kind = 0;
  std::pair<const WorkerNumber, Worker>* idle = nullptr;
  std::pair<const WorkerNumber, Worker>* emptiest = nullptr;
  for (auto& each : workers_) {
    const Worker& worker = each.second;
    if (worker.phase == Worker::Phase::dying || !worker.serves(attempt.order)) continue;
    if (worker.phase == Worker::Phase::idle) idle = &each;
    if (!worker.is_shared) continue;
    ++of_its_kind;
    if (emptiest == nullptr || worker.attempts.size() < emptiest->second.attempts.size()) emptiest = &each;
  }
  const bool has_room = emptiest != nullptr && emptiest->second.attempts.size() < settings_.most_sharing_a_worker;
  const bool begins_one = of_its_kind < settings_.shared_workers || !has_room;
  if (begins_one && idle == nullptr) {
    start_worker(key, attempt).is_shared = true;
    return;
  }
  auto& [number, worker] = begins_one ? *idle : *emptiest;
  worker.is_shared = true;
  worker.attempts.push_back(key);
  attempt.worker = number;
  if (worker.phase != Worker::Phase::starting) return hand_over(number, worker, attempt);
  attempt.phase = Attempt::Phase::starting;
}

/// The actor no longer shares its worker, which goes with the last: what they leave behind in it is not known.
void AgentCore::leave(Key key, Attempt& attempt) {
  Worker& worker = workers_.at(attempt.worker);
  std::erase(worker.attempts, key);
  if (worker.attempts.empty()) kill(attempt.worker, worker);
}

/// Those under whose code it died have failed. The others, and all if it was made to end, did no wrong: they run again,
/// uncounted. One that died before it began anything would do so for any of them.
void AgentCore::shared_worker_exits(const Worker& worker, const WorkerExited& exited) {
  const Cause cause = worker.cause_of(exited);
  for (const Key& key : worker.attempts) {
    Attempt& attempt = attempts_.at(key);
    const bool is_blamed = std::find(exited.blamed.begin(), exited.blamed.end(), attempt.number) != exited.blamed.end();
    if (settings_.planted == Planted::sharers_outlive_their_worker && !is_blamed) continue;
    const bool is_its_doing = !worker.was_ended() && (is_blamed || exited.begun == 0 ||
                                                      settings_.planted == Planted::sharers_blamed_for_another);
    const AttemptReport why{.end = is_its_doing ? AttemptEnd::failed : AttemptEnd::preempted,
                            .cause = is_its_doing ? cause : Cause{.message = "the worker that it shared ended"}};
    end(key, attempt, attempt.verdict.value_or(why));
  }
}

/// Those that are used up or idle for too long, and the longest idle ones beyond the cap.
void AgentCore::retire_idle_workers() {
  std::vector<std::pair<Time, WorkerNumber>> idle;
  for (const auto& [number, worker] : workers_)
    if (worker.phase == Worker::Phase::idle) idle.emplace_back(worker.idle_since, number);
  std::sort(idle.begin(), idle.end());
  std::size_t left = idle.size();
  for (const auto& [since, number] : idle) {
    Worker& worker = workers_.at(number);
    const bool is_kept = left <= settings_.most_idle_workers && now_ - since < settings_.idle_timeout;
    if (is_kept && !worker.is_used_up()) continue;
    kill(number, worker);
    --left;
  }
}

void AgentCore::kill_overdue() {
  for (auto& [number, worker] : workers_) {
    if (!worker.kill_at || now_ < *worker.kill_at) continue;
    worker.kill_at.reset();
    emit(KillWorker{number, true});
  }
  for (auto& [key, attempt] : attempts_) {
    if (!attempt.kill_at || now_ < *attempt.kill_at) continue;
    attempt.kill_at.reset();
    if (attempt.worker != 0) {
      kill(attempt.worker, workers_.at(attempt.worker));  // With it those that share it.
    } else {
      emit(KillCommand{key.first, key.second, true});
    }
  }
}

/// What a silent one ran has failed, as if it had died. An agent that is late itself may not have heard what was said.
void AgentCore::end_silent_workers() {
  const bool was_late = now_ - next_beat_ > settings_.heartbeat_interval;
  for (auto& [number, worker] : workers_) {
    if (worker.phase == Worker::Phase::dying) continue;
    if (was_late) worker.heard = now_;
    const bool is_starting = worker.phase == Worker::Phase::starting;
    if (settings_.planted == (is_starting ? Planted::workers_start_waited_for : Planted::silent_worker_waited_for))
      continue;
    const Time longest = is_starting ? settings_.start_timeout : settings_.worker_timeout;
    if (now_ - worker.heard < longest) continue;
    worker.ends_by = Cause{.message = "its worker gave no sign of life for " + std::to_string(longest.count()) +
                                      (is_starting ? " ms after its start" : " ms")};
    kill(number, worker);
  }
}

}  // namespace troupe
