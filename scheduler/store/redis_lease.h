// Who is expected to be the scheduler: `troupe:lease` is renewed with the commits of the active one, and others wait
// until that stops. It serves liveness only: what keeps a second scheduler from writing is the epoch.
//
// A lease carries no time. It has run out when its text has not changed for its length, by the clock of the one who
// waits; so a jump of anybody's clock neither ends it early nor keeps it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "runtime/base/result.h"
#include "runtime/base/store_age.h"
#include "scheduler/store/redis_connection.h"

namespace troupe::scheduler {

struct LeaseOptions {
  /// Of the one who renews it, whatever process that is at the moment: it need not wait for its own to run out.
  std::string holder;
  std::chrono::milliseconds length{2'500};
};

/// `EPOCH HOLDER COMMIT`: changes with each renewal.
std::string lease_text(const LeaseOptions& lease, std::uint32_t epoch, std::uint64_t commit_seq);
bool is_held_by(const std::string& holder, std::string_view text);

/// Blocks until the lease in Redis at `socket` may be taken, and gives its text then; empty: there is none. A Redis
/// that is away or silent is waited for, and the lease with it: nobody could have renewed it. So is one that reads its
/// file; then `on_loading` is called now and then.
///
/// Fails with: cancelled (`until_stopped` said so), refused, corrupt.
Result<std::string> wait_for_lease(
    const std::string& socket, const LeaseOptions& lease, const std::function<bool()>& until_stopped,
    const std::function<void()>& on_loading = [] {});

/// Renews the lease of one who has taken the epoch, as long as he gets on, where his commits do not: he may be reading
/// the store, making his books, or sending a large batch. By a thread and a connection of its own, from when it is
/// made.
///
/// Writes nothing once the epoch is another's. What goes wrong is left to the next time.
///
/// Threads: one owner.
class LeaseKeeper {
 public:
  LeaseKeeper(std::string socket, LeaseOptions lease, const StoreAge& own);
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;

  /// From the first call on the owner has to call it: when he has not for the lease's length he hangs, or is cut off.
  void gets_on();
  /// A commit has renewed it.
  void renewed();

 private:
  void run();
  void renew();

  const std::string socket_;
  const LeaseOptions lease_;
  const StoreAge own_;
  std::optional<RedisConnection> connection_;  // These two are the thread's.
  std::uint64_t renewals_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  Deadline due_;
  Deadline gets_on_until_ = Deadline::max();
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace troupe::scheduler
