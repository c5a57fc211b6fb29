// What must hold between any two events:
//
// - permits add up: free + held = capacity, and whoever waits at the head does not fit (outside the grace);
// - each message is in exactly one line or delivered by exactly one claim, which holds it; nobody waits at a line with
//   messages (outside the grace);
// - fewer wait at a barrier than it has parties, all of them for its next round;
// - each claim is in the pool, line or barrier of its name;
// - no name is kept that nobody uses.
#pragma once

#include <string>

#include "scheduler/sync/synchronisation.h"

namespace troupe::scheduler {

/// The first invariant that does not hold, with its number in the table of invariants; empty when all do.
std::string broken_sync_invariant(const Synchronisation& sync);

}  // namespace troupe::scheduler
