// Results of tasks that said `cache`, by the digest of what they did: a later task that would do the same on the same
// inputs is given the result instead. Bounded in number and bytes; the one that was used longest ago goes first.
//
// Invariants: each key once; `bytes` is the sum of the results'.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/task_spec.h"
#include "scheduler/core/record.h"

namespace troupe::scheduler {

/// SHA-256 over the program and its function or command, arguments, environment and working directory, and over the
/// results that it is given: all that a task sees of the world which the scheduler knows of. 32 bytes.
///
/// Cost: the bytes of the results.
std::string cache_key(const TaskSpec& spec, std::string_view program, const std::vector<std::string_view>& inputs);

struct CacheLimits {
  std::size_t results = 0;
  std::size_t bytes = 0;
};

class ResultCache {
 public:
  /// Takes what the store holds: the order of use starts anew as the order in which they were saved.
  void load(std::vector<CachedResult> stored);

  /// The result, which has just been used; nullptr when there is none.
  const Bytes* find(const std::string& key);

  /// Takes one more, unless it is there or larger than the limit; `keys` of those that went for it.
  struct Added {
    bool is_new = false;
    std::vector<std::string> dropped;
  };
  Added add(CachedResult result, const CacheLimits& limits);

  std::size_t size() const { return by_key_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  std::list<CachedResult> by_use_;                                             // the last used first
  std::unordered_map<std::string, std::list<CachedResult>::iterator> by_key_;  // lookup only
  std::size_t bytes_ = 0;
};

}  // namespace troupe::scheduler
