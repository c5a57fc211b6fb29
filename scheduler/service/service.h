// The scheduler's process: turns messages into events and effects into commits and messages. It decides nothing.
//
// Invariant: what a turn sends goes out after what it, and every turn before it, wrote is on disk. Where nothing
// durable was written, nothing waits.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "runtime/wire/message_codec.h"
#include "runtime/wire/transport.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/store/store_age.h"
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
};

/// Threads: one thread.
class Service {
 public:
  Service(ServiceOptions options, TaskStore& store, Transport& transport);

  /// Opens the store and listens.
  Result<void> start();

  /// Works until `until_stopped` says so. Fails with: refused (another scheduler took over), or the store's fault.
  ///
  /// A store that has lost what an agent has seen of it is refused, with the numbers, before anything is placed there.
  Result<void> run(const std::function<bool()>& until_stopped);

  /// Whether it ended because another scheduler took over.
  bool is_fenced() const { return is_fenced_; }

 private:
  void take(const Delivery& delivery, Time now);
  void step(Time now, const Event& event);
  void send(const Effect& effect);
  void to_node(NodeId node, const message::Message& message);
  void to_driver(DriverId driver, const message::Message& message);
  void post(PeerId to, const message::Message& message);
  bool is_commit_due() const;
  bool has_lost(StoreSeen seen);
  StoreAge age() const { return {options_.cluster, epoch_, commit_seq_}; }
  void commit_what_waits();
  Result<void> take_commit();
  message::TaskList list(const message::AskTasks& ask) const;
  message::ClusterStatus status(const message::AskStatus& ask) const;
  Time now() const;

  const ServiceOptions options_;
  TaskStore& store_;
  Transport& transport_;
  std::optional<Scheduler> scheduler_;
  std::uint32_t epoch_ = 0;
  std::uint64_t commit_seq_ = 0;
  bool is_fenced_ = false;
  std::optional<Error> refusal_;  ///< Why it must not go on.
  Time wall_at_start_{};
  std::chrono::steady_clock::time_point steady_at_start_;
  Time wake_at_{};
  int watched_ = -1;

  std::map<NodeId, PeerId> nodes_;
  std::map<DriverId, PeerId> drivers_;
  std::map<PeerId, DriverId> driver_of_;

  struct Turn {
    Batch writes;
    Effects sends;
  };
  Turn gathering_;        // Waits for the commit in flight.
  Effects after_commit_;  // Goes out when the commit in flight is on disk.
  bool in_flight_ = false;
  Time last_commit_{};
  std::optional<StoreSeen> doubt_;  ///< Of a later epoch than this one: somebody has seen it.
};

}  // namespace troupe::scheduler
