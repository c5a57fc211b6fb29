// The thread of a worker that runs the user's code: pieces that were posted, and what comes by rings, one after
// another.
//
// After calls it looks for more of them for a moment, before it does anything else: a caller whose calls follow each
// other finds it awake.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "runtime/ring/bell.h"

namespace troupe {

class Executor {
 public:
  /// All on the executor's thread.
  struct Work {
    std::function<bool()> serve;     ///< Runs what has come by rings; false: nothing had.
    std::function<bool()> has_more;  ///< Whether something has come by rings; cheap.
    std::function<void()> wait;      ///< Until has_more() of the executor says so, or the work says that it is time.
  };

  /// Whoever puts something into a ring rings the bell, and so does whoever posts.
  Executor(Bell& bell, Work work);
  ~Executor();

  /// Ends after the piece or the call that runs; what is posted later is not run.
  void stop();

  /// Threads: any.
  void post(std::function<void()> piece);

  /// Whether there is anything to do. On the executor's thread.
  bool has_more() const { return posted_.load(std::memory_order_seq_cst) > 0 || stopping_ || work_.has_more(); }
  bool is_stopping() const { return stopping_; }

 private:
  void run();
  bool run_pieces();
  Bell& bell_;
  const Work work_;
  std::mutex mutex_;
  std::deque<std::function<void()>> pieces_;
  std::atomic<std::size_t> posted_ = 0;  // Pieces that wait.
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace troupe
