// Orders that came before what they await had ended: the scheduler gives them so that a dependency inside the node
// costs no round trip to it.
//
// What awaits others lines up in a worker behind them or beside them, as soon as all of them are in workers, and its
// worker begins it when their results are there: its own it has, those of others it is sent. Workers keep to the order
// in which they were given theirs, and nothing is given before what it awaits, so none waits for itself. It holds
// nothing until it is the first of its worker.
//
// An order that names an attempt which is not here any more, or which has not ended well, goes back uncounted: the
// scheduler places it anew, with values. So nothing has to be kept for orders that may come: the report of an attempt
// has its result until it is acknowledged, and before that the scheduler names the attempt.
#include <algorithm>
#include <tuple>

#include "runtime/agent/agent_core.h"
#include "runtime/worker/order_book.h"

namespace troupe {

using namespace agent;

AttemptReport AgentCore::not_here() {
  return {.end = AttemptEnd::preempted, .cause = {.message = "what it awaits is not here, or has not ended well"}};
}

void AgentCore::take_awaiting(Key key, Attempt& attempt) {
  attempt.was_given_early = true;
  const auto is_here = [&](const Awaited& awaited) {
    const auto found = attempts_.find({awaited.task, awaited.attempt});
    if (found == attempts_.end()) return settings_.planted == Planted::unknown_attempt_awaited_for_ever;
    const bool has_place = awaited.input == Awaited::no_input || awaited.input < attempt.order.inputs.size();
    const Attempt& other = found->second;
    if (other.phase == Attempt::Phase::ended) return has_place && other.report.end == AttemptEnd::done;
    return has_place && !other.verdict;
  };
  const std::vector<Awaited> awaits = attempt.order.awaits;
  if (!std::all_of(awaits.begin(), awaits.end(), is_here)) return end(key, attempt, not_here());
  for (const Bytes& input : attempt.order.inputs) attempt.input_bytes += input.size();
  for (const Awaited& each : awaits) {
    const Key awaited{each.task, each.attempt};
    const auto found = attempts_.find(awaited);
    if (found == attempts_.end()) continue;
    if (found->second.phase == Attempt::Phase::ended) {
      fill_in(attempt, awaited, found->second.report.result);
    } else if (auto& awaited_by = found->second.awaited_by; awaited_by.empty() || awaited_by.back() != key) {
      awaited_by.push_back(key);  // Once, in however many places it wants the result.
    }
  }
  if (attempt.input_bytes > settings_.most_input_bytes) return end(key, attempt, not_here());
  (attempt.awaits() ? awaiting_ : ahead_).push_back(key);
  start_what_fits();
}

/// In order of arrival.
void AgentCore::line_up_awaiting() {
  for (; !awaiting_.empty(); awaiting_.pop_front()) {
    if (!line_up_behind(awaiting_.front(), attempts_.at(awaiting_.front()))) return;
  }
}

/// Gives it to the worker, one in line or an idle one, in which it can begin first: behind what stands in line there,
/// and not before what it awaits has ended in others. By both: a line seems short when its reports have just come, but
/// so does the way to what is in it. Where there is room for it besides and nobody idle to have it, only directly
/// behind what runs: the first that is ready will have that room.
bool AgentCore::line_up_behind(Key key, Attempt& attempt) {
  if (!std::holds_alternative<FunctionWork>(attempt.order.work)) return false;
  struct Place {
    WorkerNumber worker = 0;
    std::size_t position = 0;  // In its line, from 1.
  };
  std::vector<Place> awaited;
  for (const Awaited& each : attempt.order.awaits) {
    const auto found = attempts_.find({each.task, each.attempt});
    const auto its = found == attempts_.end() ? workers_.end() : workers_.find(found->second.worker);
    if (its == workers_.end()) return false;  // In none, or that has just exited.
    const std::uint64_t number = found->second.number;
    awaited.push_back({its->first, number - std::min(number, its->second.ended)});
  }
  const bool has_room = ledger_.fits_exactly(attempt.order.grant);
  const auto may_have_room = [&](const Worker& worker) {
    return has_room && worker.phase == Worker::Phase::idle && worker.serves(attempt.order);
  };
  const bool has_idle =
      std::any_of(workers_.begin(), workers_.end(), [&](const auto& each) { return may_have_room(each.second); });
  // Of a result to another worker, in tasks: not while one could have it that does nothing meanwhile.
  const std::size_t way = has_idle ? 0 : 1;
  std::pair<const WorkerNumber, Worker>* best = nullptr;
  std::tuple<std::size_t, std::size_t, std::size_t> least;
  for (auto& each : workers_) {
    const bool is_behind =
        may_line_up(each.second, attempt) && (!has_room || has_idle || each.second.attempts.size() == 1);
    if (!is_behind && !may_have_room(each.second)) continue;
    const std::size_t line = each.second.attempts.size();
    std::size_t before_it = line;
    std::size_t from_others = 0;
    for (const Place& place : awaited) {
      if (place.worker == each.first) continue;
      before_it = std::max(before_it, place.position + way);
      ++from_others;
    }
    const std::tuple costs{before_it, from_others, line};
    if (best != nullptr && costs >= least) continue;
    best = &each;
    least = costs;
  }
  if (best == nullptr) return false;
  // The right one's line is full: another, which only has reported a moment ago, is not better.
  if (best->second.attempts.size() >= settings_.most_given_to_worker) return false;
  if (best->second.phase == Worker::Phase::idle) {
    TROUPE_CHECK(ledger_.take_exactly(attempt.order.grant), "there is room for what an idle worker is given");
    begin_in(best->first, best->second, key, attempt);
  } else {
    give_to(best->first, best->second, key, attempt);
  }
  pass_results_to(key, attempt);
  return true;
}

bool AgentCore::has_work_in_line() const {
  return !queue_.empty() || !ahead_.empty() || !awaiting_.empty() ||
         std::any_of(workers_.begin(), workers_.end(),
                     [](const auto& each) { return each.second.attempts.size() > 1 && !each.second.is_shared; });
}

bool AgentCore::may_line_up(const Worker& worker, const Attempt& attempt) const {
  if (worker.phase != Worker::Phase::busy || worker.waits || worker.is_used_up() ||
      worker.program != attempt.order.program || worker.environment != environment_of(attempt.order.work))
    return false;
  const Attempt& runs = attempts_.at(worker.attempts.front());
  return runs.phase == Attempt::Phase::running && runs.cpus == GrantedCpus::held &&
         std::holds_alternative<FunctionWork>(runs.order.work) && runs.order.grant == attempt.order.grant;
}

void AgentCore::give_to(WorkerNumber number, Worker& worker, Key key, Attempt& attempt) {
  attempt.phase = Attempt::Phase::given;
  attempt.worker = number;
  worker.attempts.push_back(key);
  attempt.number = ++worker.given;
  emit(GiveOrder{number, attempt.order, worker.ended});
}

/// What it awaits in other workers goes from there straight to its own.
void AgentCore::pass_results_to(Key key, const Attempt& attempt) {
  for (const Awaited& each : attempt.order.awaits) {
    Attempt& awaited = attempts_.at({each.task, each.attempt});
    if (awaited.worker == attempt.worker || awaited.phase == Attempt::Phase::starting) continue;
    awaited.passed_to.push_back(key);
    emit(PassResult{awaited.worker, each.task, each.attempt, attempt.worker});
  }
}

/// What waits for the end of the attempt goes on, or back.
void AgentCore::hand_on(Key key, Attempt& ended, WorkerNumber ended_in) {
  const std::vector<Key> awaited_by = std::exchange(ended.awaited_by, {});
  const std::vector<Key> passed_to = std::exchange(ended.passed_to, {});
  const bool is_done =
      ended.report.end == AttemptEnd::done || settings_.planted == Planted::failed_input_taken_for_done;
  const bool is_kept = ended.report.result.size() <= OrderBook::most_kept_bytes;
  std::vector<WorkerNumber> told;
  for (const Key& waiting : awaited_by) {
    const auto found = attempts_.find(waiting);
    if (found == attempts_.end()) continue;
    Attempt& attempt = found->second;
    if (attempt.phase == Attempt::Phase::ended || attempt.verdict) continue;
    if (is_done) fill_in(attempt, key, ended.report.result);
    if (!is_done || attempt.input_bytes > settings_.most_input_bytes) {
      end_early(waiting, attempt, not_here());
    } else if (attempt.worker == 0) {
      if (attempt.awaits()) continue;
      std::erase(awaiting_, waiting);
      ahead_.push_back(waiting);
    } else {
      const bool is_told = std::find(told.begin(), told.end(), attempt.worker) != told.end() ||
                           std::find(passed_to.begin(), passed_to.end(), waiting) != passed_to.end();
      if (!is_told && (attempt.worker != ended_in || !is_kept)) {
        told.push_back(attempt.worker);
        emit(GiveResult{attempt.worker, key.first, key.second, ended.report.result});
      }
      if (!attempt.awaits() && attempt.phase == Attempt::Phase::running) begins(attempt);
    }
  }
}

/// Its worker has results of its own, and is sent the others.
void AgentCore::fill_in(Attempt& attempt, Key awaited, const Bytes& result) {
  std::erase_if(attempt.order.awaits.as_vector(), [&](const Awaited& each) {
    if (each.task != awaited.first || each.attempt != awaited.second) return false;
    if (each.input != Awaited::no_input) {
      attempt.input_bytes += result.size();
      if (attempt.worker == 0) attempt.order.inputs[each.input] = result;
    }
    return true;
  });
  if (attempt.order.awaits.empty()) attempt.order.awaits.clear();
}

/// What it awaits in another worker went straight to its own, and is not reported yet.
bool AgentCore::is_early(const ReportArrived& arrived) const {
  const auto worker = workers_.find(arrived.worker);
  if (worker == workers_.end() || worker->second.is_shared || worker->second.attempts.empty()) return false;
  const Key first = worker->second.attempts.front();
  const Attempt& attempt = attempts_.at(first);
  return first == Key{arrived.report.task, arrived.report.attempt} && attempt.awaits() && !attempt.verdict;
}

/// Those of a worker in the order in which they came. None is taken before those that it awaited: if one of these does
/// not come, or not well, what has seen its result does not count.
void AgentCore::take_held_reports() {
  for (bool goes_on = true; std::exchange(goes_on, false);) {
    for (auto& [worker, reports] : held_) {
      for (; !reports.empty() && !is_early(reports.front()); reports.pop_front()) {
        take_report(reports.front());
        goes_on = true;
      }
    }
  }
  std::erase_if(held_, [](const auto& each) { return each.second.empty(); });
}

/// What runs elsewhere takes long: others may have the room.
void AgentCore::give_up_waiting() {
  for (auto& [number, worker] : workers_) {
    if (worker.phase != Worker::Phase::busy || !worker.awaits_since) continue;
    if (now_ - *worker.awaits_since < settings_.awaiting_patience) continue;
    const Key key = worker.attempts.front();
    Attempt& first = attempts_.at(key);
    if (first.phase == Attempt::Phase::running && first.awaits() && !first.verdict) end_early(key, first, not_here());
  }
}

}  // namespace troupe
