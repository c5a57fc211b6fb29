// Books to try a gang on: copies of the nodes' ledgers, so that a trial that fails leaves nothing behind.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scheduler/policies/placement_policy.h"

namespace troupe::scheduler {

class Trial {
 public:
  explicit Trial(std::span<const NodeSpace> nodes);
  /// The same nodes with nothing running on them.
  static Trial of_empty(std::span<const NodeSpace> nodes);

  std::size_t size() const { return ledgers_.size(); }
  NodeLedger& operator[](std::size_t node) { return ledgers_[node]; }
  const NodeLedger& operator[](std::size_t node) const { return ledgers_[node]; }

 private:
  Trial() = default;
  std::vector<NodeLedger> ledgers_;
};

/// The node of each member, by place in the trial.
using Seats = std::vector<std::size_t>;

/// Members from the largest to the smallest, equals in order of rank: large ones first fit more often.
std::vector<std::size_t> largest_first(std::span<const Need> members);

Placed placed(const Seats& seats, std::span<const NodeSpace> nodes);

/// `4 members need 8 cpus, 4 gpus in all`.
std::string describe_sum(std::span<const Need> members);

}  // namespace troupe::scheduler
