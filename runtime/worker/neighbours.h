// The other workers of the node to which one passes results: a connection to each, made when it is needed and left when
// it has not been for a while.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "runtime/wire/transport.h"

namespace troupe {

/// Threads: the one that owns the transport.
class Neighbours {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Neighbours(Transport& transport) : transport_(transport) {}

  /// Each once. Addresses at which nothing can be are left out.
  std::vector<PeerId> at(const std::vector<std::string>& addresses, Time now);
  /// To be called now and then.
  void look_after(Time now);

 private:
  struct Neighbour {
    PeerId peer;
    Time used{};
  };
  Transport& transport_;
  std::map<std::string, Neighbour> neighbours_;
};

}  // namespace troupe
