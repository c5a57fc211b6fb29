// Counted permits by name, first come first served: semaphores, and locks, which have one permit.
//
// A large request is not overtaken by small ones behind it. A name that nobody uses is forgotten: tokens do not hang on
// it.
//
// Invariants: free + the permits of those who hold = capacity; whoever waits at the head does not fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "scheduler/sync/claims.h"

namespace troupe::scheduler {

class Permits {
 public:
  struct Pool {
    std::uint32_t capacity = 1;
    std::uint32_t free = 1;
    std::set<sync::Token> waiting;
    std::set<sync::Token> holding;
  };

  /// Puts a claim at the end of the line of its name.
  void join(const std::string& name, std::uint32_t capacity, sync::Token token);
  /// Whether so many permits are free, whoever stands in line for them.
  bool are_free(const std::string& name, std::uint32_t capacity, std::uint32_t permits) const;
  bool has_line(const std::string& name) const;
  /// Requires: are_free.
  void take(const std::string& name, std::uint32_t capacity, sync::Token token, std::uint32_t permits);
  /// The claim is over, whether it waited or held.
  void leave(const std::string& name, sync::Token token, std::uint32_t permits);
  /// Takes the first off the line, if it may hold now: it does. 0: it may not, or nobody is there.
  sync::Token admit(const std::string& name, const Claims& claims);

  const Pool* find(const std::string& name) const;
  const std::map<std::string, Pool>& pools() const { return pools_; }
  std::size_t size() const { return pools_.size(); }

 private:
  Pool& pool(const std::string& name, std::uint32_t capacity);

  std::map<std::string, Pool> pools_;
};

}  // namespace troupe::scheduler
