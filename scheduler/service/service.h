// The scheduler's process: turns messages into events and effects into commits and messages. It decides nothing.
// What goes out when is commit_gate.h's matter.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "runtime/wire/message_codec.h"
#include "runtime/wire/outbox.h"
#include "runtime/wire/transport.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/service/calls_seen.h"
#include "scheduler/service/commit_gate.h"
#include "scheduler/service/connections.h"
#include "scheduler/service/event_recorder.h"
#include "scheduler/service/process_clock.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

struct ServiceOptions {
  std::function<std::string(std::uint32_t epoch)> address;  ///< To listen at.
  /// Leads drivers and agents there; called once it listens, and again every now and then.
  std::function<void(std::uint32_t epoch)> announce;
  ClusterId cluster;
  Settings settings{};
  /// Something is committed at least so often, be it nothing: it keeps the lease, and tells a scheduler that has no
  /// work that another has taken over. 0: only what there is.
  Time longest_commit_pause{0};
  std::string record;  ///< A file for the event log (event_recorder.h); empty: none.
};

/// Threads: one thread.
class Service {
 public:
  Service(ServiceOptions options, TaskStore& store, Transport& transport);

  /// Opens the store and listens.
  Result<void> start();

  /// Works until `until_stopped` says so. Fails with: refused (another scheduler took over), or the store's fault.
  ///
  /// A store that has lost what an agent has seen of it is refused, with the numbers, before anything is done for him.
  Result<void> run(const std::function<bool()>& until_stopped);

  /// Whether it ended because another scheduler took over.
  bool is_fenced() const { return is_fenced_; }

 private:
  void take(PeerId from, Letters&& letters, Time now);
  /// Of the attempts whose ends are among them.
  void prefetch_for(const std::vector<std::pair<PeerId, Letters>>& letters) const;
  void take(PeerId from, Letter&& letter, Time now);
  void start_recording(const StoredState& stored, Time now);
  void step(Time now, const Event& event);
  void send_what_may_go();
  void post_behind_commits(PeerId to, message::Message message);
  void post(PeerId to, const message::Message& message);
  bool is_commit_due() const;
  bool may_take(const Letters& letters);
  void commit_what_waits();
  Result<void> take_commit();
  Time now() const;

  const ServiceOptions options_;
  TaskStore& store_;
  Transport& transport_;
  Outbox outbox_;
  std::optional<Scheduler> scheduler_;
  StoreAge age_;                  // what is on disk
  std::optional<Error> refusal_;  // why it must not go on
  bool is_fenced_ = false;
  const ProcessClock clock_;
  Time wake_at_{};
  int watched_ = -1;

  /// What is told of the state to those who only look.
  struct Look {
    std::uint64_t batches_before = 0;
    PeerId to;
    message::Message answer;
  };

  Connections connections_;
  std::deque<Look> looks_;  // That show what is not on disk yet.

  std::optional<EventRecorder> recorder_;
  CallsSeen calls_;
  CommitGate gate_;
  Time last_commit_{};
  std::optional<StoreAge> doubt_;  // of a later epoch than this one: an agent has seen it
  bool told_of_newer_ = false;     // That a driver names one.
};

}  // namespace troupe::scheduler
