#include "runtime/worker/mailbox.h"

namespace troupe {

Mailbox::Arrival Mailbox::arrive(message::Call call) {
  Caller& caller = callers_[call.caller];
  if (call.number <= caller.last_queued || caller.early.contains(call.number)) return Arrival::repeated;
  if (call.number != caller.last_queued + 1) {
    if (caller.early.size() >= most_early) return Arrival::too_early;
    caller.early.emplace(call.number, std::move(call));
    return Arrival::early;
  }
  ready_.push_back(std::move(call));
  ++caller.last_queued;
  for (auto early = caller.early.begin(); early != caller.early.end() && early->first == caller.last_queued + 1;
       early = caller.early.erase(early)) {
    ready_.push_back(std::move(early->second));
    ++caller.last_queued;
  }
  return Arrival::queued;
}

void Mailbox::skip_to(std::uint64_t caller, std::uint64_t last) {
  Caller& skips = callers_[caller];
  if (last <= skips.last_queued) return;
  skips.last_queued = last;
  skips.early.clear();
}

std::uint64_t Mailbox::last_queued(std::uint64_t caller) const {
  const auto found = callers_.find(caller);
  return found == callers_.end() ? 0 : found->second.last_queued;
}

std::optional<message::Call> Mailbox::next() {
  if (ready_.empty()) return std::nullopt;
  message::Call call = std::move(ready_.front());
  ready_.pop_front();
  return call;
}

}  // namespace troupe
