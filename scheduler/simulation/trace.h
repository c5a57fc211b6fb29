// What happens in a world, as one number, so that two runs can be compared; as text only for who reads it.
//
// Invariant: the number is the same in every build: it is made of ids, times and bytes, never of addresses, of
// std::hash, or of the order of an unordered container.
#pragma once

#include <cstdint>
#include <string_view>

#include "scheduler/core/effect.h"
#include "scheduler/core/event.h"

namespace troupe::scheduler::sim {

class Trace {
 public:
  explicit Trace(bool is_printing) : is_printing_(is_printing) {}

  void mix(std::uint64_t value) {
    hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15u;
    hash_ ^= hash_ >> 29;
  }
  void mix(std::string_view bytes);

  /// One step of a scheduler.
  void step(Time now, std::uint32_t scheduler, const Event& event, const Effects& effects);
  /// Something else, in a few words, about one process or thing.
  void note(Time now, std::string_view what, std::uint64_t about, std::uint64_t more = 0);

  std::uint64_t hash() const { return hash_; }
  bool is_printing() const { return is_printing_; }

 private:
  bool is_printing_;
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace troupe::scheduler::sim
