// METG(50 %) of graphs in the shapes of Task Bench: how small tasks may be before half of the machine goes into running
// them.
//
// The graph is held, the work of each task shrinks. A task comes after points of the step before, takes their outputs
// of 24 bytes and checks them, so that each run is a test of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/api/catalog.h"
#include "runtime/api/session.h"

namespace troupe::cli {

struct MetgGraph {
  const char* name;  ///< Of the measurement.
  /// A point comes after so many of the step before: itself, and half of the others on each side, where there are; 0:
  /// after none. 3 is a stencil, 5 Task Bench's `nearest`.
  std::uint64_t radix;
  std::uint64_t least_width;   ///< Points of a step; wider where there are more cpus.
  std::uint64_t graphs = 1;    ///< Side by side.
  bool is_imbalanced = false;  ///< A task's work is drawn by chance, from none to twice as much.
  bool has_actors = false;     ///< Each point is an actor, its steps are calls.
};

inline constexpr MetgGraph metg_graphs[] = {
    {"metg_stencil_1d", 3, 4},
    {"metg_stencil_1d_x4", 3, 4, 4},
    {"metg_stencil_1d_imbalance", 3, 4, 1, true},
    {"metg_stencil_1d_actors", 3, 4, 1, false, true},
    {"metg_nearest_1d", 5, 8},
    {"metg_trivial", 0, 4},
};

void enroll_metg(Catalog& catalog);

struct MetgSize {
  double cpus = 1;  ///< Of the cluster.
  int runs = 7;
  std::uint64_t tasks = 4000;  ///< At the least width.
};

/// The smallest mean granularity (wall time x cpus / tasks) at which half of the best rate of useful work is reached,
/// in microseconds, once for each run. The best rate is that of the largest tasks, shared by all runs; interpolated
/// between two sizes.
std::vector<double> metg_of(Session& session, const MetgGraph& graph, const MetgSize& size);

}  // namespace troupe::cli
