// What clients have been answered, until they say that it has arrived: a request that comes again is not carried out
// again.
#pragma once

#include <cstdint>
#include <map>

#include "runtime/base/synchronisation.h"

namespace troupe::scheduler {

class KeptAnswers {
 public:
  /// From here on answers to this client are kept.
  void meet(DriverId client) { clients_.try_emplace(client); }
  bool knows(DriverId client) const { return clients_.contains(client); }
  void forget(DriverId client) { clients_.erase(client); }

  /// All answers with lower numbers have arrived.
  void confirm(DriverId client, std::uint64_t below);
  void keep(DriverId client, sync::Answer answer);
  const sync::Answer* find(DriverId client, std::uint64_t request) const;

  enum class Age { open, confirmed, too_old };
  /// Of a request without an answer: too old means that there may have been one, and it is not kept any more.
  Age age_of(DriverId client, std::uint64_t request) const;

 private:
  struct Client {
    std::uint64_t confirmed_below = 0;
    std::uint64_t dropped = 0;  ///< The highest number whose answer was not confirmed and had to go.
    std::map<std::uint64_t, sync::Answer> answers;
  };
  std::map<DriverId, Client> clients_;
};

}  // namespace troupe::scheduler
