#include "runtime/worker/cancelled_calls.h"

#include <utility>

namespace troupe {
namespace {

thread_local CancelledCalls::Running* own_call = nullptr;

}  // namespace

CancelledCalls::~CancelledCalls() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void CancelledCalls::cancel(const message::CancelCall& cancelled) {
  const std::lock_guard lock(mutex_);
  for (Running* running : running_)
    if (running->call_ == cancelled) return stop(*running);
  remember(cancelled);
}

bool CancelledCalls::ask_to_stop(const std::pair<TaskId, AttemptId>& task) {
  const std::lock_guard lock(mutex_);
  for (Running* running : running_) {
    if (running->call_ != as_call(task) || !running->stop_) continue;
    stop(*running);
    return true;
  }
  return false;
}

/// Requires: the mutex is held.
void CancelledCalls::stop(Running& running) {
  if (!running.stop_) running.stop_.emplace();
  to_stop_.push_back({*running.stop_, running.begun_.give_up()});
  if (!thread_.joinable()) thread_ = std::thread([this] { stop_what_is_to_stop(); });
  changed_.notify_one();
}

void CancelledCalls::remember(const message::CancelCall& cancelled) {
  if (!unmet_.insert(cancelled).second) return;
  unmet_in_order_.push_back(cancelled);
  while (unmet_in_order_.size() > most_remembered) {
    unmet_.erase(unmet_in_order_.front());
    unmet_in_order_.pop_front();
  }
}

void CancelledCalls::start_over(std::uint64_t caller) {
  const std::lock_guard lock(mutex_);
  std::erase_if(unmet_, [&](const auto& each) { return each.caller == caller; });
  std::erase_if(unmet_in_order_, [&](const auto& each) { return each.caller == caller; });
}

/// Outside the lock: what runs then may ask for a token, or wait for what a call holds.
void CancelledCalls::stop_what_is_to_stop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_over_ || !to_stop_.empty(); });
    if (to_stop_.empty()) return;
    ToStop next = std::move(to_stop_.front());
    to_stop_.pop_front();
    lock.unlock();
    next.source.request_stop();
    troupe::cancel(next.begun);
    lock.lock();
  }
}

CancelledCalls::Running::Running(CancelledCalls& all, const message::CancelCall& call) : all_(all), call_(call) {
  const std::lock_guard lock(all_.mutex_);
  is_cancelled_ = !all_.unmet_.empty() && all_.unmet_.erase(call_) > 0;
  all_.running_.push_back(this);
  own_call = this;
  BegunWork::set_own(&begun_);
}

CancelledCalls::Running::~Running() {
  const std::lock_guard lock(all_.mutex_);
  std::erase(all_.running_, this);
  own_call = nullptr;
  BegunWork::set_own(nullptr);
}

std::stop_token CancelledCalls::stop_token() {
  if (own_call == nullptr) return {};
  const std::lock_guard lock(own_call->all_.mutex_);
  if (!own_call->stop_) own_call->stop_.emplace();
  return own_call->stop_->get_token();
}

message::CallAnswer cancelled_answer(const message::Call& call) {
  return {call.actor, call.number, false, {}, "not run: cancelled", call.attempt, false, true};
}

}  // namespace troupe
