// A process's time, told from two clocks: it starts at the wall clock's and is carried on by the steady one, so it
// never goes back and no change of the wall clock lets anything expire.
#pragma once

#include "runtime/base/planted.h"
#include "scheduler/core/event.h"

namespace troupe::scheduler {

class ProcessClock {
 public:
  ProcessClock(Time wall, Time steady, Planted planted = Planted::none)
      : wall_at_start_(wall), steady_at_start_(steady), planted_(planted) {}

  Time now(Time wall, Time steady) const {
    if (planted_ == Planted::lease_against_wall_clock) return wall;
    return wall_at_start_ + (steady - steady_at_start_);
  }

 private:
  Time wall_at_start_;
  Time steady_at_start_;
  Planted planted_;
};

}  // namespace troupe::scheduler
