// One writer's side of the store's protocol, as a value: answers go in, what to ask next comes out. The connection to a
// real Redis, and the simulator's, carry it out.
//
// Once the store has answered our own epoch under WATCH, the writer is *armed*: one batch may go out, MULTI … EXEC,
// with the next WATCH · GET behind it. EXEC answers nil when the epoch was touched. A batch whose EXEC was not answered
// is unknown; the age that the next connection finds settles it.
//
// Invariants: a batch goes out only when armed; Committed is told only for what the store said is there; a fence or a
// loss is final.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/planted.h"
#include "runtime/base/store_age.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

/// What opening a store is made of, in order. The epoch is taken before anything is read: what the scheduler before us
/// still had in flight is then either read or fenced off.
enum class OpeningStep : std::uint8_t { take_epoch, load, check_epoch };
std::vector<OpeningStep> opening_steps(Planted planted = Planted::none);

class FencedWriter {
 public:
  /// `own`: what was taken and found at opening. `store`: for messages.
  FencedWriter(std::string store, StoreAge own, Planted planted = Planted::none)
      : store_(std::move(store)), own_(own), planted_(planted) {}

  enum class Question : std::uint8_t { watch_epoch, get_epoch };
  /// What is asked behind each EXEC, in order.
  std::vector<Question> behind_exec() const;

  // --- what is to be done
  /// A batch is there to be committed. Requires: none was begun and not ended.
  void begin();
  bool has_batch() const { return has_batch_; }
  /// The batch may go out now; a whole one, or, when it is there already, its number alone: that makes Redis sync it.
  bool may_send() const { return is_armed_ && has_batch_; }
  bool is_whole() const { return is_whole_; }
  std::uint64_t next_commit_seq() const { return own_.commit_seq + 1; }
  /// It is under way.
  void sent() { is_armed_ = false; }

  // --- answers; an outcome ends the batch
  /// EXEC was carried out.
  CommitOutcome on_stored();
  /// EXEC answered nil. The GET behind it tells whether the epoch moved; if not, the batch goes out again.
  void on_nil();
  std::optional<CommitOutcome> on_epoch(std::optional<std::uint32_t> epoch);
  void on_connection_lost() { is_armed_ = false; }
  /// A new connection watches the epoch and found this.
  std::optional<CommitOutcome> on_connected(const StoreAge& found);

  const StoreAge& own() const { return own_; }

 private:
  std::string store_;
  StoreAge own_;  // its commit_seq: of the last batch known to be there
  Planted planted_;
  bool is_armed_ = true;
  bool has_batch_ = false;
  bool is_whole_ = true;
};

}  // namespace troupe::scheduler
