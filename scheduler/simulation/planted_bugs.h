// The bugs that prove that the simulator finds bugs: each is one line of product code behind a switch (`Planted`), and
// breaks certain invariants. Command and tests hunt them by this one table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/planted.h"

namespace troupe::scheduler::sim {

struct PlantedBug {
  Planted bug = Planted::none;
  std::string_view name;
  std::string_view breaks;  ///< The invariants that it may break: their names as in reliability, with blanks between.
};

std::span<const PlantedBug> planted_bugs();
/// nullptr when there is none of that name.
const PlantedBug* find_planted_bug(std::string_view name);

struct Hunt {
  bool found = false;      ///< By an invariant that the bug may break.
  std::uint64_t seed = 0;  ///< In which it was found.
  std::uint64_t seeds_tried = 0;
  std::string invariant;  ///< What broke, whether the bug may break it or not; empty when nothing did.
};

/// Runs seeds from `first` on, at most `most` of them, until something breaks.
Hunt hunt(const PlantedBug& bug, std::uint64_t first, std::uint64_t most = 1000);

}  // namespace troupe::scheduler::sim
