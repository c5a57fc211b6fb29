// METG(50 %) of a one-dimensional stencil: how small tasks may be before half of the machine goes into running them.
//
// The graph is held, the work of each task shrinks. A task comes after its (up to) three neighbours of the step before,
// takes their outputs of 16 bytes and checks them, so that each run is a test of its own.
#pragma once

#include "runtime/api/catalog.h"
#include "runtime/api/session.h"

namespace troupe::cli {

inline constexpr std::uint64_t stencil_width = 4;
inline constexpr std::uint64_t stencil_steps = 1000;

void enroll_stencil(Catalog& catalog);

/// The smallest mean granularity (wall time x cores / tasks) at which half of the best rate of useful work is reached,
/// in microseconds. The best rate is that of the largest tasks; interpolated between two sizes.
double metg_of_stencil(Session& session);

}  // namespace troupe::cli
