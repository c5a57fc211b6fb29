// The durable half of the scheduler: everything is loaded once, then batches of changes are committed one at a time,
// each fenced by the epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "runtime/base/result.h"
#include "scheduler/core/effect.h"
#include "scheduler/core/record.h"

namespace troupe::scheduler {

using Write = std::variant<SaveJob, SaveTask, SaveProgress, SaveSummary, DropSummary, SaveQueue, SaveMessage,
                           SaveCached, DropCached, SaveDrain>;
using Batch = std::vector<Write>;

/// The effect as a write; nothing when it is none.
std::optional<Write> write_from(Effect&& effect);

/// The batch is on disk.
struct Committed {
  std::uint64_t commit_seq = 0;
};
/// Another scheduler took over: this one has changed nothing, and must exit.
struct Fenced {
  std::uint32_t epoch = 0;  ///< Of the other one.
};
/// The store is not there, or broke; `error` says what to do. Whether the batch was written is settled by the store's
/// own reconnect, never by the caller.
struct StoreLost {
  Error error;
};
using CommitOutcome = std::variant<Committed, Fenced, StoreLost>;

/// Threads: one thread.
class TaskStore {
 public:
  virtual ~TaskStore() = default;

  /// Takes the next epoch, then reads everything. A new store gets a `cluster` id of the caller's choice.
  ///
  /// Fails with: unavailable, refused (wrong settings, by name), corrupt (which record).
  virtual Result<StoredState> open(ClusterId cluster_if_new) = 0;

  /// Starts to commit a batch. Requires: open() went well; no commit in flight.
  virtual void commit(Batch batch) = 0;

  /// The outcome of the commit in flight once there is one; does not block.
  virtual std::optional<CommitOutcome> poll() = 0;

  /// Becomes readable (or writable, when `wants_write()`) when poll() may have more to say; -1: call it at any time.
  virtual int descriptor() const = 0;
  virtual bool wants_write() const = 0;
};

}  // namespace troupe::scheduler
