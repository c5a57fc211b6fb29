// By which connections drivers and nodes are reached, as a value: whoever has been silent for long is forgotten, and
// there are never more than so many, so neither comings and goings nor somebody who invents names make it grow.
//
// Everybody says who he is again and again (a driver's hello, a node's heartbeat), so whoever comes back is known again
// a moment later.
#pragma once

#include <functional>
#include <map>
#include <variant>
#include <vector>

#include "runtime/wire/transport.h"
#include "scheduler/core/event.h"

namespace troupe::scheduler {

class Connections {
 public:
  struct Limits {
    std::size_t most_nodes = 0;
    std::size_t most_drivers = 0;
    Time longest_silence{};
  };
  explicit Connections(Limits limits) : limits_(limits) {}

  /// Who it is that a connection leads to. Beyond the most, new ones are ignored.
  void heard(NodeId node, PeerId from, Time now);
  void heard(DriverId driver, PeerId from, Time now);
  /// The driver there has said goodbye.
  void left(PeerId driver);
  /// Takes out the drivers whose connection is gone, and who have not said again who they are for `patience`. To be
  /// called again and again; looks only now and then.
  std::vector<DriverId> take_gone(Time now, Time patience, const std::function<bool(PeerId)>& is_gone);
  /// Forgets who has been silent for long. To be called again and again. Cost: all of them, so it looks only now and
  /// then.
  void forget_silent(Time now);

  /// The driver that logged in there, or did before it came by another connection: what it had sent may be late. None:
  /// an empty id.
  DriverId driver_at(PeerId peer) const;
  /// Null: nobody knows.
  const PeerId* peer_of(const std::variant<NodeId, DriverId>& to) const;
  std::size_t size() const { return nodes_.size() + drivers_.size() + driver_at_.size(); }

 private:
  struct Place {
    PeerId peer;
    Time heard{};
  };
  struct Login {
    DriverId driver;
    Time heard{};
  };

  const Limits limits_;
  std::map<NodeId, Place> nodes_;
  std::map<DriverId, Place> drivers_;
  std::map<PeerId, Login> driver_at_;
  Time looked_{};
  Time looked_for_gone_{};
};

}  // namespace troupe::scheduler
