// The order in which a scheduler's turns reach the store and the network. Pure: the service and the simulator share it.
//
// Invariant: what a turn sends goes out after what it, and every turn before it, wrote is on disk. Where nothing
// durable waits, nothing waits. Batches are committed one at a time; what gathers meanwhile goes together.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "runtime/base/planted.h"
#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

class CommitGate {
 public:
  explicit CommitGate(Planted planted = Planted::none) : planted_(planted) {}

  /// Takes what one step of the core wants. Effects that are neither written nor sent are dropped.
  void take(Effects&& effects);

  /// What may go out now, in order.
  Effects take_sends() { return std::exchange(sends_, {}); }

  /// The next batch, when none is in flight and something is to be written: from then on it is in flight.
  /// `even_empty`: also when nothing is: its number alone keeps the lease, and tells of a scheduler that took over.
  std::optional<Batch> next_batch(bool even_empty = false);

  /// The batch in flight is on disk.
  void committed();

  /// What is told of the core's state now may go out once so many batches are on disk: as what this turn sends.
  std::uint64_t batches_before() const;
  std::uint64_t batches_on_disk() const { return on_disk_; }

  bool has_in_flight() const { return in_flight_; }
  bool is_idle() const { return !in_flight_ && writes_.empty() && waiting_.empty() && sends_.empty(); }

 private:
  Planted planted_;
  bool in_flight_ = false;
  bool writes_in_flight_ = false;  // An empty batch holds nothing up.
  std::uint64_t on_disk_ = 0;      // batches
  Effects sends_;                  // may go out
  Effects following_;              // goes out when the batch in flight is on disk
  Batch writes_;                   // the next batch
  Effects waiting_;                // goes out when the next batch is on disk
};

}  // namespace troupe::scheduler
