// The scheduler's process: turns messages into events and effects into commits and messages. It decides nothing.
// What goes out when is commit_gate.h's matter.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <variant>

#include "runtime/wire/message_codec.h"
#include "runtime/wire/transport.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/service/commit_gate.h"
#include "scheduler/service/process_clock.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

struct ServiceOptions {
  std::string address;
  ClusterId cluster;
  Settings settings{};
  std::function<void()> on_first_node;  ///< Called once: from then on the cluster can run something.
};

/// Threads: one thread.
class Service {
 public:
  Service(ServiceOptions options, TaskStore& store, Transport& transport);

  /// Opens the store and listens.
  Result<void> start();

  /// Works until `until_stopped` says so. Fails with: refused (another scheduler took over), or the store's fault.
  Result<void> run(const std::function<bool()>& until_stopped);

 private:
  void take(const Delivery& delivery, Time now);
  void step(Time now, const Event& event);
  void send_what_may_go();
  const PeerId* peer_of(const std::variant<NodeId, DriverId>& to) const;
  void post(PeerId to, const message::Message& message);
  void commit_what_waits();
  Result<void> take_commit();
  message::TaskList list(const message::AskTasks& ask) const;
  Time now() const;

  const ServiceOptions options_;
  TaskStore& store_;
  Transport& transport_;
  std::optional<Scheduler> scheduler_;
  StoreAge age_;  // what is on disk
  std::optional<Error> refusal_;
  bool has_node_ = false;
  const ProcessClock clock_;
  Time wake_at_{};
  int watched_ = -1;

  std::map<NodeId, PeerId> nodes_;
  std::map<DriverId, PeerId> drivers_;
  std::map<PeerId, DriverId> driver_of_;

  CommitGate gate_;
};

}  // namespace troupe::scheduler
