// The thread of a worker that runs the user's code: pieces that were posted, and what comes by rings, one after
// another.
//
// It looks for more for a moment before it sleeps: a caller whose calls follow each other finds it awake.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "runtime/ring/bell.h"

namespace troupe {

class Executor {
 public:
  struct Rings {
    std::function<bool()> serve;     ///< Runs what has come; false: nothing had. On the executor's thread.
    std::function<bool()> has_more;  ///< Whether something has come; cheap. On the executor's thread.
    /// When serve is to be called though nothing has come.
    std::function<std::chrono::steady_clock::time_point()> due;
  };

  /// Whoever puts something into a ring rings the bell.
  Executor(Bell& bell, Rings rings);
  ~Executor();

  /// Ends after the piece or the call that runs; what is posted later is not run.
  void stop();

  /// Threads: any.
  void post(std::function<void()> piece);

 private:
  void run();
  bool run_pieces();
  bool has_more() const { return posted_.load(std::memory_order_seq_cst) > 0 || stopping_ || rings_.has_more(); }
  void wait_for_more();

  Bell& bell_;
  const Rings rings_;
  std::mutex mutex_;
  std::deque<std::function<void()>> pieces_;
  std::atomic<std::size_t> posted_ = 0;  // Pieces that wait.
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace troupe
