#include "runtime/worker/shared_actor.h"

#include <utility>

namespace troupe {

SharedActor::SharedActor(RunOrder order, std::uint64_t number, const Catalog& catalog, const WorkerOptions& options,
                         BegunFile& begun, Outlet outlet)
    : number_(number),
      begun_(begun),
      outlet_(std::move(outlet)),
      thread_([this, order = std::move(order), &catalog, &options] { run(order, catalog, options); }) {}

SharedActor::~SharedActor() {
  end();
  thread_.join();
}

void SharedActor::take(message::Call call) {
  const std::lock_guard lock(mutex_);
  if (has_ended_) return outlet_.answer(call.caller, gone_answer(call));
  calls_.push_back(std::move(call));
  changed_.notify_one();
}

void SharedActor::end() {
  const std::lock_guard lock(mutex_);
  is_ending_ = true;
  changed_.notify_one();
}

void SharedActor::run(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options) {
  std::string why;
  {
    std::optional<HostedActor> actor(std::in_place);
    {
      const BegunFile::Running running(begun_, number_);
      why = actor->make(order, catalog, options);
    }
    if (why.empty()) {
      outlet_.up();
      run_calls(*actor);
    }
    const BegunFile::Running running(begun_, number_);
    actor.reset();
  }
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    for (const auto& call : calls_) outlet_.answer(call.caller, gone_answer(call));
    calls_.clear();
  }
  outlet_.ended(std::move(why));
}

void SharedActor::run_calls(HostedActor& actor) {
  while (const auto call = next()) {
    std::optional<message::CallAnswer> made;
    {
      const BegunFile::Running running(begun_, number_);
      made = actor.answer(*call);
    }
    outlet_.answer(call->caller, std::move(*made));
  }
}

/// Waits for it; none: the actor is to end.
std::optional<message::Call> SharedActor::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return is_ending_ || !calls_.empty(); });
  if (is_ending_) return std::nullopt;
  message::Call call = std::move(calls_.front());
  calls_.pop_front();
  return call;
}

}  // namespace troupe
