// Requests that have waited long, and the nodes that are kept for them. Others may use of these nodes only what does
// not delay the request, so the room that it needs gathers; everywhere else they pass it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "scheduler/core/ready_queue.h"

namespace troupe::scheduler {

struct Reservation {
  Head head;
  std::map<NodeId, std::vector<Slot>> seats;
};

/// It would have no room, however long it waited: as the nodes were when there had been so many gains (see
/// Cluster::lasting_gains), for so many members.
struct Hopeless {
  std::uint64_t gains = 0;
  std::uint32_t members = 0;
  friend bool operator==(const Hopeless&, const Hopeless&) = default;
};

/// By the request's order.
using Reservations = std::map<std::uint64_t, Reservation>;

}  // namespace troupe::scheduler
