// The store in Redis. README.md tells the layout and the course of a commit; in short:
//
//   WATCH epoch · GET epoch          once it answers our own epoch, a batch may go out:
//   MULTI · HSET … · SET commit_seq · EXEC · WATCH epoch · GET epoch
//
// EXEC answers nil when the epoch moved. An EXEC whose answer was lost is settled by reading epoch and commit_seq over
// a new connection. Invariant: an outcome is told only for what Redis has synced to its disk.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/store_age.h"
#include "scheduler/store/fenced_writer.h"
#include "scheduler/store/redis_connection.h"
#include "scheduler/store/redis_lease.h"
#include "scheduler/store/tally.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

struct RedisStoreOptions {
  std::string socket;  ///< Path of the unix socket.
  /// How long open(), or a commit, waits for a Redis that is away or silent. A batch gets a second more per MiB. One
  /// that reads its file is waited for as long as it does.
  std::chrono::milliseconds patience{10'000};
  /// What agents have seen, as open() asks: a store older than that, or a foreign one, is refused. Epoch 0: nothing
  /// yet.
  std::function<StoreAge()> seen{};
  std::optional<LeaseOptions> lease;  ///< None: nobody stands by.
  /// Called by stand_by() and open() with each sign that they get on: a reply, or a Redis that is reading its file.
  std::function<void()> on_progress = [] {};
};

class RedisTaskStore final : public TaskStore {
 public:
  explicit RedisTaskStore(RedisStoreOptions options) : options_(std::move(options)) {}

  /// Blocks until it may take the lease, so that open() is allowed to. Requires: a lease.
  ///
  /// Fails with: see wait_for_lease.
  Result<void> stand_by(const std::function<bool()>& until_stopped);

  /// With a lease, also fails with: unavailable (somebody else holds it, or took over while this one read).
  Result<StoredState> open(ClusterId cluster_if_new) override;

  /// Whether that is why open() failed: stand_by() is next.
  bool is_overtaken() const { return is_overtaken_; }

  /// After a fence or a loss every further commit gives the same outcome, until the next open().
  void commit(Batch batch) override;
  std::optional<CommitOutcome> poll() override;
  int descriptor() const override { return connection_ ? connection_->descriptor() : -1; }
  bool wants_write() const override { return connection_ && connection_->unsent_bytes() > 0; }

 private:
  /// What the connection is doing.
  enum class Link {
    away,       // there is none; the next try comes at retry_at_
    greeting,   // new: settings and age were asked for
    up,         // greeted
    executing,  // a batch is under way
  };
  enum class Await { greeting, queued, exec, watch, epoch };

  struct Flight {
    Batch batch;
    Deadline deadline{};
    std::size_t next_write = 0;  // the first that is not appended yet
    bool sent_exec = false;      // all of it is appended
    bool renews_lease = false;
    std::optional<std::string> refusal;  // what Redis said to a command of it
  };

  Result<StoredState> try_open(ClusterId cluster_if_new, Deadline deadline);
  Result<StoreAge> take_epoch(RedisConnection& connection, ClusterId cluster_if_new, Deadline deadline);
  std::optional<Error> check_epoch(RedisConnection& connection, const StoreAge& own, Deadline deadline);

  void advance();
  void connect();
  void drop_connection();
  void append_questions();
  void begin_batch();
  void append_writes();
  void append_lease();
  void append_tally();
  void append_end_of_job(const Write& write);
  void append_removal(const Write& write);
  void on_reply(RedisReply reply);
  void on_greeting();
  void on_exec(const RedisReply& reply);
  void on_epoch(const RedisReply& reply);
  void end(CommitOutcome outcome);
  void lose(Error error) { end(StoreLost{std::move(error)}); }
  void check_deadline();

  RedisStoreOptions options_;
  std::optional<StoreAge> seen_;        // the newest that was known when it was last opened
  std::optional<FencedWriter> writer_;  // while it is open
  std::string free_lease_;              // Its text when it had run out.
  bool redis_loads_ = false;            // At the last try to open.
  bool is_overtaken_ = false;           // Another has the lease, or has taken the epoch from this one as it loaded.
  Deadline renew_lease_at_{};
  std::unique_ptr<LeaseKeeper> keeper_;  // while it is open, with a lease
  Tally tally_;                          // with the batch in flight
  std::string stored_tally_;             // without it

  std::optional<RedisConnection> connection_;
  Link link_ = Link::away;
  std::deque<Await> awaited_;
  std::vector<RedisReply> greeting_;
  Deadline retry_at_{};
  std::chrono::milliseconds back_off_{0};
  std::string last_trouble_;

  std::optional<Flight> flight_;
  std::optional<CommitOutcome> outcome_;  // not yet fetched
  std::optional<CommitOutcome> broken_;   // a fence or a loss stays
};

}  // namespace troupe::scheduler
