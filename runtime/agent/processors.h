// Binds what runs on a node to as many of its processors as it was granted, each time to those with the least granted
// on them: threads that share data stay near each other, and what starts more threads than it may disturbs nobody else.
//
// Only where the node's cpus are all the processors that its agent may use: otherwise others have the rest, and it is
// not known which.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/base/resources.h"

namespace troupe {

class Processors {
 public:
  /// `cpus`: of the node. `first`: where it begins, of processors alike; nodes that share a machine begin elsewhere.
  explicit Processors(Milli cpus, std::uint64_t first = 0);

  /// For what is about to start: none where it is not to be bound, as where it was granted no whole cpu.
  std::vector<int> choose(Milli cpus) const { return choose(cpus, {}); }
  /// It has started, and is bound.
  void hold(pid_t process, const std::vector<int>& chosen, Milli cpus);

  /// Binds a process that begins something, threads that it has included, unless it still holds what it took; where it
  /// can, to the processors that it had. One that was bound is granted as many ever after.
  void take(pid_t process, Milli cpus);
  /// It has nothing to do.
  void rest(pid_t process);
  void forget(pid_t process);

 private:
  struct Bound {
    std::vector<int> processors;
    Milli cpus = 0;  // 0: it rests.
  };
  std::vector<int> choose(Milli cpus, const std::vector<int>& rather) const;
  void count(const Bound& bound, int sign);

  std::map<int, Milli> granted_;  // On each that may be used; empty: nobody is bound.
  std::size_t first_ = 0;         // Of these.
  std::map<pid_t, Bound> bound_;
};

/// The calling thread, or another; with `processors` empty nothing happens. Safe between fork and exec.
void bind_thread(pid_t thread, const std::vector<int>& processors);

}  // namespace troupe
