#include "runtime/api/sync_client.h"

#include <algorithm>
#include <utility>

#include "runtime/api/deadline.h"

namespace troupe {
namespace {

constexpr std::chrono::seconds repeat_after{2};  // What has not been answered.
constexpr std::size_t most_in_frame = 1024;
constexpr std::size_t most_bytes_in_frame = 4u << 20;
constexpr std::size_t most_in_flight = 2048;  // Fewer than answers are kept for us.

sync::Duration lease_of(const sync::Operation& operation) {
  if (const auto* acquire = std::get_if<sync::Acquire>(&operation)) return acquire->lease;
  if (const auto* receive = std::get_if<sync::Receive>(&operation)) return receive->lease;
  return sync::Duration(0);
}

bool claims_again(const sync::Operation& operation) {
  const auto* acquire = std::get_if<sync::Acquire>(&operation);
  const auto* receive = std::get_if<sync::Receive>(&operation);
  return (acquire != nullptr && acquire->held != 0) || (receive != nullptr && receive->held != 0);
}

/// The answer may be long in coming: it does not count as under way.
bool may_wait(const sync::Operation& operation) {
  return std::holds_alternative<sync::Acquire>(operation) || std::holds_alternative<sync::Receive>(operation) ||
         std::holds_alternative<sync::Arrive>(operation);
}

std::size_t bytes_of(const sync::Operation& operation) {
  const auto* send = std::get_if<sync::Send>(&operation);
  return 64 + (send == nullptr ? 0 : send->body.size());
}

}  // namespace

SyncClient::Number SyncClient::add(sync::Operation operation, bool is_waited_for, bool is_first) {
  const Number number = ++last_;
  open_.emplace(number, Open{.operation = std::move(operation), .is_waited_for = is_waited_for});
  is_first ? unsent_.push_front(number) : unsent_.push_back(number);
  return number;
}

SyncClient::Number SyncClient::start(sync::Operation operation) {
  std::vector<sync::Operation> one;
  one.push_back(std::move(operation));
  return start(std::move(one)).front();
}

std::vector<SyncClient::Number> SyncClient::start(std::vector<sync::Operation> operations) {
  std::vector<Number> numbers;
  {
    const std::lock_guard lock(mutex_);
    for (auto& operation : operations) {
      if (const auto* open = std::get_if<sync::OpenQueue>(&operation)) opened_[open->name] = open->options;
      numbers.push_back(add(std::move(operation), true));
    }
  }
  wake_();
  return numbers;
}

void SyncClient::tell(sync::Operation operation) {
  {
    const std::lock_guard lock(mutex_);
    if (!lost_.empty()) return;
    if (const auto* release = std::get_if<sync::Release>(&operation)) held_.erase(release->token);
    add(std::move(operation), false);
  }
  wake_();
}

/// What is waited for may come from a task that has not begun. Locks and permits are held by such as have.
bool SyncClient::may_need_cpus(Number number) const {
  const std::lock_guard lock(mutex_);
  return !std::holds_alternative<sync::Acquire>(open_.at(number).operation);
}

Result<sync::Answer> SyncClient::wait(Number number, std::chrono::milliseconds limit) {
  const auto is_over = [&] { return !lost_.empty() || open_.at(number).answer.has_value(); };
  const auto wait_until = [&](Clock::time_point until) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, until, is_over);
  };
  const auto deadline = deadline_after(limit);
  may_need_cpus(number) ? waits_.wait(deadline, wait_until) : wait_until(deadline);
  std::unique_lock lock(mutex_);
  Open& open = open_.at(number);
  if (open.answer) {
    sync::Answer answer = std::move(*open.answer);
    open_.erase(number);
    return answer;
  }
  open.is_waited_for = false;
  if (!lost_.empty()) {
    open_.erase(number);
    return Error{Fault::unavailable, lost_};
  }
  add(sync::GiveUp{number}, false);
  lock.unlock();
  wake_();
  return Error{Fault::timed_out, "no answer after " + std::to_string(limit.count()) + " ms"};
}

bool SyncClient::is_held(sync::Token token) const {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(token);
  return lost_.empty() && found != held_.end() && Clock::now() < found->second.until;
}

std::uint64_t SyncClient::passed(const std::string& barrier) const {
  const std::lock_guard lock(mutex_);
  const auto found = passed_.find(barrier);
  return found == passed_.end() ? 0 : found->second;
}

// --- the session's thread --------------------------------------------------------------------------------------------

SyncClient::Frame SyncClient::next_frame(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (!lost_.empty()) return {};
  renew_what_is_due(now);
  send_again_what_is_unanswered(now);
  Frame frame;
  std::size_t bytes = 0;
  while (!unsent_.empty() && frame.requests.size() < most_in_frame && bytes < most_bytes_in_frame &&
         in_flight_ < most_in_flight) {
    const Number number = unsent_.front();
    unsent_.pop_front();
    const auto found = open_.find(number);
    if (found == open_.end() || found->second.is_sent || found->second.answer) continue;
    Open& open = found->second;
    open.is_sent = true;
    open.sent = now;
    if (!may_wait(open.operation)) ++in_flight_;
    ++sent_;
    bytes += bytes_of(open.operation);
    frame.requests.push_back({number, open.operation});
  }
  if (frame.requests.empty()) return frame;
  frame.confirmed_below = last_ + 1;
  for (const auto& [number, open] : open_) {
    if (open.answer) continue;
    frame.confirmed_below = number;
    break;
  }
  return frame;
}

SyncClient::Clock::time_point SyncClient::next_deadline() const {
  const std::lock_guard lock(mutex_);
  return sent_ == 0 ? next_renewal_ : std::min(next_renewal_, next_repeat_);
}

bool SyncClient::is_waiting() const {
  const std::lock_guard lock(mutex_);
  return sent_ > 0 || !unsent_.empty();
}

void SyncClient::renew_what_is_due(Clock::time_point now) {
  if (now < next_renewal_) return;
  sync::Renew renew;
  next_renewal_ = Clock::time_point::max();
  for (auto& [token, held] : held_) {
    if (now >= held.renew_at) {
      renew.tokens.push_back(token);
      held.renew_at = now + held.lease / 3;
    }
    next_renewal_ = std::min(next_renewal_, held.renew_at);
  }
  if (!renew.tokens.empty()) add(std::move(renew), false);
}

void SyncClient::send_again_what_is_unanswered(Clock::time_point now) {
  if (now < next_repeat_) return;
  next_repeat_ = now + repeat_after;
  for (auto& [number, open] : open_) {
    if (open.answer || !open.is_sent || now - open.sent < repeat_after) continue;
    open.is_sent = false;
    count_out(open);
    unsent_.push_back(number);
  }
}

void SyncClient::count_out(const Open& open) {
  if (!may_wait(open.operation)) --in_flight_;
  --sent_;
}

void SyncClient::take(std::vector<sync::Answer> answers) {
  const std::lock_guard lock(mutex_);
  for (auto& answer : answers) take_one(answer);
  changed_.notify_all();
}

void SyncClient::take_one(sync::Answer& answer) {
  if (answer.outcome == sync::Outcome::lost) held_.erase(answer.token);
  const auto found = open_.find(answer.request);
  if (found == open_.end() || found->second.answer) return;
  Open& open = found->second;
  if (answer.outcome == sync::Outcome::waiting) {
    open.round = answer.token;
    return;
  }
  if (answer.outcome == sync::Outcome::granted) hold(open.operation, answer);
  if (const auto* renew = std::get_if<sync::Renew>(&open.operation)) {
    for (const sync::Token token : answer.lost) held_.erase(token);
    for (const sync::Token token : renew->tokens)
      if (const auto held = held_.find(token); held != held_.end())
        held->second.until = std::max(held->second.until, open.sent + held->second.lease);
  }
  if (const auto* arrive = std::get_if<sync::Arrive>(&open.operation);
      arrive != nullptr && answer.outcome == sync::Outcome::done)
    passed_[arrive->name] = std::max(passed_[arrive->name], answer.token);
  if (const auto* acknowledge = std::get_if<sync::Acknowledge>(&open.operation)) held_.erase(acknowledge->token);
  if (open.is_sent) count_out(open);
  if (open.is_waited_for) {
    open.answer = std::move(answer);
    return;
  }
  // Nobody waits any more for what was granted.
  const bool is_unwanted = answer.outcome == sync::Outcome::granted && !claims_again(open.operation);
  open_.erase(found);
  if (is_unwanted) {
    held_.erase(answer.token);
    add(sync::Release{answer.token}, false);
  }
}

void SyncClient::hold(const sync::Operation& operation, const sync::Answer& answer) {
  const auto lease = lease_of(operation);
  const auto now = Clock::now();
  const auto known = held_.find(answer.token);
  const Held held{operation, answer.message, lease, now + lease, now + lease / 3};
  if (known != held_.end()) {
    known->second.until = held.until;
  } else if (!claims_again(operation)) {  // Else it was given back meanwhile.
    held_.emplace(answer.token, held);
    next_renewal_ = std::min(next_renewal_, held.renew_at);
  }
}

void SyncClient::start_over() {
  const std::lock_guard lock(mutex_);
  std::erase_if(open_, [](const auto& each) { return std::holds_alternative<sync::Renew>(each.second.operation); });
  unsent_.clear();
  in_flight_ = sent_ = 0;
  for (auto& [number, open] : open_) {
    if (open.answer) continue;
    const bool was_sent = std::exchange(open.is_sent, false);
    // One that was never told its round may have been the last of it, and the word of that was lost.
    if (auto* arrive = std::get_if<sync::Arrive>(&open.operation); arrive != nullptr && was_sent)
      arrive->round = open.round != 0 ? open.round : arrive->passed + 1;
    unsent_.push_back(number);
  }
  for (const auto& [token, held] : held_) {
    sync::Operation again = held.operation;
    if (auto* acquire = std::get_if<sync::Acquire>(&again)) acquire->held = token;
    if (auto* receive = std::get_if<sync::Receive>(&again)) {
      receive->held = token;
      receive->message = held.message;
    }
    add(std::move(again), false, true);
  }
  for (const auto& [name, passed] : passed_) add(sync::Recall{name, passed}, false, true);
  for (const auto& [name, options] : opened_) add(sync::OpenQueue{name, options}, false, true);
}

void SyncClient::fail(const std::string& why) {
  const std::lock_guard lock(mutex_);
  lost_ = why;
  unsent_.clear();
  std::erase_if(open_, [](const auto& each) { return !each.second.is_waited_for; });
  changed_.notify_all();
}

}  // namespace troupe
