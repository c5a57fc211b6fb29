#include "runtime/worker/cancelled_calls.h"

#include <algorithm>

namespace troupe {
namespace {

thread_local CancelledCalls::Running* own_call = nullptr;

}  // namespace

void CancelledCalls::cancel(const message::CancelCall& cancelled) {
  const std::lock_guard lock(mutex_);
  for (Running* running : running_) {
    if (running->call_ != cancelled) continue;
    if (!running->stop_) running->stop_.emplace();
    running->stop_->request_stop();
    return;
  }
  if (unmet_.size() == most_remembered) unmet_.pop_front();
  unmet_.push_back(cancelled);
}

CancelledCalls::Running::Running(CancelledCalls& all, const message::Call& call)
    : all_(all), call_{call.actor, call.attempt, call.caller, call.number} {
  const std::lock_guard lock(all_.mutex_);
  if (const auto met = std::find(all_.unmet_.begin(), all_.unmet_.end(), call_); met != all_.unmet_.end()) {
    all_.unmet_.erase(met);
    is_cancelled_ = true;
  }
  all_.running_.push_back(this);
  own_call = this;
}

CancelledCalls::Running::~Running() {
  const std::lock_guard lock(all_.mutex_);
  std::erase(all_.running_, this);
  own_call = nullptr;
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
