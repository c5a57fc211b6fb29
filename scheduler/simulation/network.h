// What carries letters between the simulated processes, and loses, doubles, delays and reorders them. Letters are
// addressed to a place, not to a process: they may outlive both ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "runtime/wire/message_codec.h"
#include "scheduler/simulation/scenario.h"
#include "scheduler/simulation/timeline.h"

namespace troupe::scheduler::sim {

using Place = std::uint32_t;

/// Two schedulers first, then nodes, drivers and clients, which are drivers too, each by its place in the scenario; the
/// operator, a driver as well, last.
class Places {
 public:
  explicit Places(const Scenario& scenario)
      : nodes_(static_cast<Place>(scenario.nodes.size())),
        drivers_(static_cast<Place>(scenario.drivers.size() + scenario.clients.size())) {}

  static constexpr Place schedulers = 2;
  Place scheduler(std::size_t i) const { return static_cast<Place>(i); }
  Place node(std::size_t i) const { return schedulers + static_cast<Place>(i); }
  Place driver(std::size_t i) const { return schedulers + nodes_ + static_cast<Place>(i); }
  /// Without the operator.
  Place count() const { return schedulers + nodes_ + drivers_; }

 private:
  Place nodes_;
  Place drivers_;
};

class Network {
 public:
  using Receiver = std::function<void(Place from, Letter&& letter)>;

  Network(const Scenario& scenario, Timeline& timeline);

  void attach(Place place, Receiver receiver) { ends_[place].receiver = std::move(receiver); }
  void send(Place from, Place to, const Envelope& envelope, message::Message&& message);

  /// Until then nothing leaves (mute), nothing arrives (deaf), or both do late (clogged).
  void mute(Place place, Time until) { ends_[place].mute_until = std::max(ends_[place].mute_until, until); }
  void deafen(Place place, Time until) { ends_[place].deaf_until = std::max(ends_[place].deaf_until, until); }
  void clog(Place place, Time until) { ends_[place].clogged_until = std::max(ends_[place].clogged_until, until); }

 private:
  struct End {
    Receiver receiver;
    Time mute_until{0};
    Time deaf_until{0};
    Time clogged_until{0};
  };
  struct Link {
    Dice dice;
    Time last_sent{0};
    std::uint64_t sent_now = 0;  // at that time, before the last one
    Time last_arrival{0};
    std::deque<std::uint32_t> under_way;
  };
  struct Parcel {
    Place from = 0;
    Place to = 0;
    Letter letter;
    Bytes frame;  // instead of the letter, where letters pass as bytes
  };

  /// Those of the operator stand behind all others, whose dice are the same where there is none.
  std::size_t link_of(Place from, Place to) const {
    const std::size_t others = ends_.size() - 1;
    if (from < others && to < others) return from * others + to;
    return others * others + 2 * std::min(from, to) + (from < to ? 1 : 0);
  }
  void deliver(std::uint32_t parcel);
  std::uint32_t take_parcel();

  const Scenario& scenario_;
  Timeline& timeline_;
  std::vector<End> ends_;
  std::vector<Link> links_;
  std::deque<Parcel> parcels_;
  std::vector<std::uint32_t> free_;
};

}  // namespace troupe::scheduler::sim
