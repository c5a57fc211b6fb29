// An actor that shares its worker with others: its code runs in a thread of its own, so that none holds up the others,
// and an actor may wait for another one of the same worker.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "runtime/worker/begun_file.h"
#include "runtime/worker/hosted_actor.h"

namespace troupe {

class SharedActor {
 public:
  /// Called on the actor's thread.
  struct Outlet {
    std::function<void()> up;
    std::function<void(std::uint64_t caller, message::CallAnswer)> answer;
    /// Why it could not be made; empty: it was told to end. The thread says nothing more.
    std::function<void(std::string why)> ended;
  };

  /// Begins with the order. Requires: it is an actor's; `catalog`, `options` and `begun` outlive this; `number`:
  /// begun_file.h's.
  SharedActor(RunOrder order, std::uint64_t number, const Catalog& catalog, const WorkerOptions& options,
              BegunFile& begun, Outlet outlet);
  /// Waits until it has ended.
  ~SharedActor();

  /// Calls run in the order in which they are given; those that it does not come to are answered: it is gone.
  void take(message::Call call);
  /// It ends after the call that runs.
  void end();

 private:
  void run(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options);
  void run_calls(HostedActor& actor);
  std::optional<message::Call> next();

  const std::uint64_t number_;
  BegunFile& begun_;
  const Outlet outlet_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<message::Call> calls_;
  bool is_ending_ = false;
  bool has_ended_ = false;
  std::thread thread_;  // Last: uses all of the above.
};

}  // namespace troupe
