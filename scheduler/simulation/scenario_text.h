// A scenario as text: what a failure is handed on as. One thing a line, a word and `key=value`s; what is left out is as
// by default. It says all that is decided before the first event, so it stays what it is when the drawing changes.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "scheduler/simulation/scenario.h"

namespace troupe::scheduler::sim {

std::string to_text(const Scenario& scenario);

/// Fails with: bad_input (which line, what was found, what is expected).
Result<Scenario> scenario_from(std::string_view text);

const char* to_text(FaultKind kind);

}  // namespace troupe::scheduler::sim
