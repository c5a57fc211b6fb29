// Virtual time: what is to happen, in order of time; what happens at the same time, in an order drawn by the seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "scheduler/core/event.h"
#include "scheduler/simulation/dice.h"

namespace troupe::scheduler::sim {

class Timeline {
 public:
  explicit Timeline(std::uint64_t seed) : dice_(seed, "ties") {}

  Time now() const { return now_; }
  void at(Time when, std::function<void()> what) {
    happenings_.push({std::max(when, now_), dice_.roll(), next_++, std::move(what)});
  }
  void after(Time delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }

  /// Lets the next thing happen, if it happens by `until`.
  bool advance(Time until) {
    if (happenings_.empty() || happenings_.top().when > until) return false;
    const auto what = std::move(const_cast<Happening&>(happenings_.top()).what);
    now_ = happenings_.top().when;
    happenings_.pop();
    what();
    return true;
  }

 private:
  struct Happening {
    Time when;
    std::uint64_t tie;
    std::uint64_t number;
    std::function<void()> what;
    bool operator<(const Happening& other) const {
      return std::tie(other.when, other.tie, other.number) < std::tie(when, tie, number);
    }
  };

  Time now_{0};
  Dice dice_;
  std::uint64_t next_ = 0;
  std::priority_queue<Happening> happenings_;
};

}  // namespace troupe::scheduler::sim
