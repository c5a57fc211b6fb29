// An actor whose code runs in threads of its own: one that shares its worker with others, so that none holds up the
// others and an actor may wait for another one of the same worker, or one of which several methods run at once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/worker/begun_file.h"
#include "runtime/worker/cancelled_calls.h"
#include "runtime/worker/hosted_actor.h"

namespace troupe {

class ThreadedActor {
 public:
  static constexpr std::size_t most_waiting = 10'000;  ///< Calls.

  /// Called on the actor's threads.
  struct Outlet {
    std::function<void()> up;
    /// `link`: what was given with the call.
    std::function<void(std::uint64_t caller, std::uint32_t link, message::CallAnswer)> answer;
    /// Why it could not be made; empty: it was told to end. The threads say nothing more.
    std::function<void(std::string why)> ended;
  };

  /// Begins with the order. Requires: it is an actor's; all that is referred to outlives this; `number`:
  /// begun_file.h's.
  ThreadedActor(RunOrder order, std::uint64_t number, const Catalog& catalog, const WorkerOptions& options,
                BegunFile& begun, CancelledCalls& cancelled, std::shared_ptr<CallCounter> calls, Outlet outlet);
  /// Waits until it has ended.
  ~ThreadedActor();

  /// Calls of methods that have the same threads begin in the order in which they are given; those that it does not
  /// come to are answered: it is gone. `link`: over which of its caller's links it came.
  void take(message::Call call, std::uint32_t link);
  /// It holds as many calls as it should: others are to wait where they are.
  bool is_full() const { return waiting_ >= most_waiting; }
  /// It ends after the calls that run.
  void end();

 private:
  /// Of the methods of one group, or of all others.
  struct Line {
    explicit Line(std::uint32_t count) : threads(count) {}
    const std::uint32_t threads;
    struct Waiting {
      message::Call call;
      std::uint32_t link = 0;
    };
    std::deque<Waiting> calls;
    std::condition_variable changed;
  };

  void run(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options);
  std::string run_all(HostedActor& actor);
  void run_calls(HostedActor& actor, Line& line);

  const std::uint64_t number_;
  BegunFile& begun_;
  CancelledCalls& cancelled_;
  const std::shared_ptr<CallCounter> calls_;  // Counts with the mutex held.
  const Outlet outlet_;
  std::mutex mutex_;
  std::deque<Line> lines_;                // The first: of methods that are in no group.
  std::map<std::string, Line*> line_of_;  // Methods that are in one.
  std::atomic<std::size_t> waiting_ = 0;
  bool is_ending_ = false;
  bool has_ended_ = false;
  std::thread thread_;  // Last: uses all of the above.
};

}  // namespace troupe
