// What carries messages between the simulated processes, and loses, doubles, delays and reorders them. Messages are
// addressed to a place, not to a process: they may outlive both ends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "scheduler/simulation/knobs.h"
#include "scheduler/simulation/timeline.h"

namespace troupe::scheduler::sim {

using Place = std::uint64_t;
inline constexpr Place scheduler_place = 0;
inline Place place_of(NodeId node) { return 1000 + node.value; }
inline Place place_of(DriverId driver) { return 2000 + driver.value; }

class Network {
 public:
  Network(std::uint64_t seed, const Knobs& knobs, Timeline& timeline)
      : knobs_(knobs), timeline_(timeline), dice_(seed, "network") {}

  void send(Place from, Place to, const std::function<void()>& deliver) {
    const bool has_faults = timeline_.now() < knobs_.faults_until;
    if (is_cut(from) || is_cut(to)) return;
    if (has_faults && dice_.chance(knobs_.lost_permille)) return;
    const int copies = has_faults && dice_.chance(knobs_.doubled_permille) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      Time arrives =
          timeline_.now() + dice_.between(knobs_.shortest_delay,
                                          has_faults ? knobs_.longest_delay : std::min(knobs_.longest_delay, Time{5}));
      if (!knobs_.reorders) {
        Time& last = last_arrival_[{from, to}];
        arrives = last = std::max(arrives, last + Time{1});
      }
      timeline_.at(arrives, deliver);
    }
  }

  void cut(Place place, Time until) { cut_until_[place] = std::max(cut_until_[place], until); }

 private:
  bool is_cut(Place place) const {
    const auto found = cut_until_.find(place);
    return found != cut_until_.end() && timeline_.now() < std::min(found->second, knobs_.faults_until);
  }

  const Knobs& knobs_;
  Timeline& timeline_;
  Dice dice_;
  std::map<Place, Time> cut_until_;
  std::map<std::pair<Place, Place>, Time> last_arrival_;
};

}  // namespace troupe::scheduler::sim
