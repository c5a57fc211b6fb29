// Which fields lie beside the graphs, as a number that is stored with them: a removal leaves no record whose checksum
// could tell that the file's copy of it was damaged, so that something else was removed, or nothing.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "scheduler/store/task_store.h"

namespace troupe::scheduler {

/// The fields of the queues, the cached results and the drained nodes. Equal fields give equal texts, in whatever order
/// they came. Memory: some 50 bytes a field.
class Tally {
 public:
  Tally() = default;
  /// Of what was loaded.
  explicit Tally(const StoredState& state);

  void add(std::string_view key, std::string_view field);
  void remove(const std::string& key, std::string_view field);
  void remove_all(const std::string& key);

  /// How many there are, and the sum of their hashes (FNV-1a, modulo 2^64): "3 1234567".
  std::string text() const;

 private:
  std::unordered_map<std::string, std::unordered_set<std::uint64_t>> fields_;  // hashes by key; looked up only
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

}  // namespace troupe::scheduler
