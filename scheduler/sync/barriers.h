// Barriers by name: rounds that are over when all parties have arrived.
//
// Rounds are counted from 1. A barrier at which nobody waits is forgotten, but for a while after a start of the
// scheduler; the count goes on from what those who arrive know to be over. So a scheduler that was started anew lets
// the late ones of a round go that others have passed.
//
// Invariants: fewer wait than there are parties; all of them for the same round.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "scheduler/sync/claims.h"

namespace troupe::scheduler {

class Barriers {
 public:
  struct Barrier {
    std::uint32_t parties = 1;
    std::uint64_t passed = 0;  ///< The last round that is over.
    std::set<sync::Token> waiting;
  };

  /// The round that whoever arrives now would wait for. `passed` is over, whatever was known here.
  std::uint64_t round_after(const std::string& name, std::uint64_t passed) const;
  explicit Barriers(bool keeps_unused) : keeps_unused_(keeps_unused) {}

  /// From now on what nobody waits at is forgotten.
  void forget_unused();
  /// All who wait for a round that is now known to be over: they go.
  std::vector<sync::Token> learn(const std::string& name, std::uint64_t passed);
  /// Those who go when this one arrives, itself included; empty: it waits.
  std::vector<sync::Token> arrive(const std::string& name, std::uint32_t parties, std::uint64_t passed,
                                  sync::Token token);
  /// It does not wait any more.
  void leave(const std::string& name, sync::Token token);

  const Barrier* find(const std::string& name) const;
  const std::map<std::string, Barrier>& barriers() const { return barriers_; }
  std::size_t size() const { return barriers_.size(); }

 private:
  std::vector<sync::Token> release(std::map<std::string, Barrier>::iterator barrier);

  bool keeps_unused_;
  std::map<std::string, Barrier> barriers_;
};

}  // namespace troupe::scheduler
