#include "runtime/worker/threaded_actor.h"

#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace troupe {

ThreadedActor::ThreadedActor(RunOrder order, std::uint64_t number, const Catalog& catalog, const WorkerOptions& options,
                             BegunFile& begun, CancelledCalls& cancelled, std::shared_ptr<CallCounter> calls,
                             Outlet outlet)
    : number_(number), begun_(begun), cancelled_(cancelled), calls_(std::move(calls)), outlet_(std::move(outlet)) {
  const auto& concurrency = std::get<ActorWork>(order.work).concurrency;
  lines_.emplace_back(concurrency ? concurrency->threads : 1);
  if (concurrency) {
    for (const MethodGroup& group : concurrency->groups) {
      Line& line = lines_.emplace_back(group.threads);
      for (const auto& method : group.methods) line_of_.emplace(method, &line);
    }
  }
  thread_ = std::thread([this, order = std::move(order), &catalog, &options] { run(order, catalog, options); });
}

ThreadedActor::~ThreadedActor() {
  end();
  thread_.join();
}

void ThreadedActor::take(message::Call call, std::uint32_t link) {
  const std::lock_guard lock(mutex_);
  if (has_ended_) return outlet_.answer(call.caller, link, gone_answer(call));
  calls_->waits(++waiting_);
  const auto grouped = line_of_.find(call.method);
  Line& line = grouped == line_of_.end() ? lines_.front() : *grouped->second;
  line.calls.push_back({std::move(call), link});
  line.changed.notify_one();
}

void ThreadedActor::end() {
  const std::lock_guard lock(mutex_);
  is_ending_ = true;
  for (Line& line : lines_) line.changed.notify_all();
}

void ThreadedActor::run(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options) {
  std::string why;
  {
    std::optional<HostedActor> actor(std::in_place);
    {
      const BegunFile::Running running(begun_, number_);
      why = actor->make(order, catalog, options);
    }
    actor->note_in(calls_, false);
    if (why.empty()) why = run_all(*actor);
    const BegunFile::Running running(begun_, number_);
    actor.reset();
  }
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    for (Line& line : lines_)
      for (const auto& [call, link] : std::exchange(line.calls, {}))
        outlet_.answer(call.caller, link, gone_answer(call));
  }
  outlet_.ended(std::move(why));
}

/// Until it is to end. The thread that made it is one of the first line's. Answers with why it cannot run; empty: it
/// did.
std::string ThreadedActor::run_all(HostedActor& actor) {
  std::vector<std::thread> others;
  std::string why;
  try {
    for (Line& line : lines_)
      for (std::uint32_t i = &line == &lines_.front() ? 1 : 0; i < line.threads; ++i)
        others.emplace_back([this, &actor, &line] { run_calls(actor, line); });
    outlet_.up();
  } catch (const std::system_error& error) {
    why = "its threads cannot be started: " + std::string(error.what());
    end();
  }
  run_calls(actor, lines_.front());
  for (auto& other : others) other.join();
  return why;
}

void ThreadedActor::run_calls(HostedActor& actor, Line& line) {
  for (bool has_run = false;; has_run = true) {
    std::optional<Line::Waiting> next;
    {
      std::unique_lock lock(mutex_);
      if (has_run) calls_->ends();
      line.changed.wait(lock, [&] { return is_ending_ || !line.calls.empty(); });
      if (is_ending_) return;
      next = std::move(line.calls.front());
      line.calls.pop_front();
      calls_->waits(--waiting_);
      calls_->begins();
    }
    const message::Call& call = next->call;
    std::optional<message::CallAnswer> made;
    {
      const BegunFile::Running running(begun_, number_);
      const CancelledCalls::Running own(cancelled_, call);
      made = own.is_cancelled() ? cancelled_answer(call) : actor.answer(call);
    }
    outlet_.answer(call.caller, next->link, std::move(*made));
  }
}

}  // namespace troupe
