// One library carries every role. A program that calls `play_role` first can be a driver, and is started again by the
// cluster to be its supervisor, with scheduler and agent, and its workers.
#pragma once

#include <functional>

#include "runtime/api/catalog.h"

namespace troupe {

/// Opens /dev/null where stdin, stdout or stderr are closed. Returns in the driver. In any other role it plays it to
/// the end and exits: a worker never gets past it.
///
/// Requires: called before any thread is started.
void play_role(int argc, char** argv, const std::function<void(Catalog&)>& enroll);

/// Whether it was called: without it a program that is started again as a supervisor would be a driver once more.
bool has_played_role();

}  // namespace troupe
