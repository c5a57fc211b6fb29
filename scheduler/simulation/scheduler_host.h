// A scheduler's process: the real core, gate and store protocol; the rest of its shell keeps the protocol of the
// service. It is started again when it ends, as its supervisor does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "scheduler/service/commit_gate.h"
#include "scheduler/service/process_clock.h"
#include "scheduler/simulation/bounded_wait.h"
#include "scheduler/simulation/core_watch.h"
#include "scheduler/simulation/network.h"
#include "scheduler/simulation/store_client.h"

namespace troupe::scheduler::sim {

class SchedulerHost {
 public:
  SchedulerHost(World& world, std::uint32_t number);

  /// Opens the store; where another one may be active, waits for its lease to end.
  void start();
  /// Opens the store at once, whoever is active.
  void take_over();
  void crash();
  void pause();
  void resume();
  void jump_clock(Time by) { clock_offset_ += by; }
  void cut_from_store(Time until) { client_.cut(until); }
  /// A connection closed: the driver's process is gone.
  void notice_gone(DriverId driver);

  std::uint32_t number() const { return number_; }
  bool is_up() const { return is_up_; }
  /// Active, and nothing waits in it.
  bool is_settled() const;
  bool has_the_epoch() const;
  const Scheduler* core() const { return core_.get(); }
  void scan();
  void print_what_is_open() const;

 private:
  void take(Place from, Letter&& letter);
  Envelope envelope() const { return {age_.cluster, age_.epoch, number_ + 1u, age_.commit_seq}; }
  void step(const Event& event);
  void opened(StoredState&& state);
  void exit(const std::string& why);
  void stand_by();
  void renew_lease();
  void send_what_may_go();
  void commit_what_waits();
  void wake_at(Time local);
  void end_process();
  void compare_with_store();

  Time steady() const;
  Time local_now() const;

  World& world_;
  const std::uint32_t number_;
  const Settings settings_;
  StoreClient client_;
  Time clock_offset_;  // of its wall clock
  std::uint64_t life_ = 0;
  bool is_up_ = false;
  bool is_opening_ = false;
  bool is_paused_ = false;
  std::unique_ptr<Scheduler> core_;  // while it is active
  std::optional<CoreWatch> watch_;
  std::optional<BoundedWait> waits_;
  std::optional<CommitGate> gate_;
  std::optional<ProcessClock> clock_;
  StoreAge age_;
  std::vector<std::pair<Place, Letter>> arrived_meanwhile_;
  std::vector<DriverId> gone_meanwhile_;
  std::optional<Time> wake_;
};

}  // namespace troupe::scheduler::sim
