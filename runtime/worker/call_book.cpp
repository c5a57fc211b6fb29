#include "runtime/worker/call_book.h"

#include <algorithm>

namespace troupe {

std::shared_ptr<CallCounter> CallBook::open(TaskId actor, AttemptId attempt) {
  auto counter = std::make_shared<CallCounter>();
  const std::lock_guard lock(mutex_);
  entries_.push_back({.actor = actor, .attempt = attempt, .counter = counter});
  return counter;
}

std::vector<message::ActorCalls> CallBook::news(Clock::time_point now) {
  std::vector<message::ActorCalls> news;
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [](const Entry& entry) { return entry.counter.expired(); });
  for (Entry& entry : entries_) {
    const auto counter = entry.counter.lock();
    if (counter == nullptr) continue;
    message::CallCounts counts;
    counts.answered = counter->ended_.load(std::memory_order_relaxed);
    // Calls go on meanwhile: what was begun is read later, and so is not less.
    const std::uint64_t begun = std::max(counts.answered, counter->begun_.load(std::memory_order_relaxed));
    counts.waiting = counter->waiting_.load(std::memory_order_relaxed);
    counts.running = begun - counts.answered;
    if (begun != entry.begun || counts.answered != entry.told.answered) entry.since = now;
    entry.begun = begun;
    const std::string* method = counter->method_.load(std::memory_order_relaxed);
    if (counts.running > 0 && method != nullptr) counts.method = *method;
    if (counts.running > 0)
      counts.running_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - entry.since).count();
    if (entry.is_told && counts == entry.told) continue;
    entry.is_told = true;
    entry.told = counts;
    news.push_back({entry.actor, entry.attempt, std::move(counts)});
  }
  return news;
}

}  // namespace troupe
