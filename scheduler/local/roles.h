// One library carries every role. A program that calls `play_role` first can be a driver, and is started again by the
// cluster to be its supervisor, with scheduler and agent, and its workers.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/api/catalog.h"
#include "runtime/base/abi.h"

#pragma GCC visibility push(default)  // What the shared library exports.
namespace troupe {

/// Opens /dev/null where stdin, stdout or stderr are closed. Returns in the driver. In any other role it plays it to
/// the end and exits: a worker never gets past it.
///
/// Workers of one kind are forked in here, after the first: what was made before it is called, as by what initialises
/// globals, is the same in each, a random seed too. `TROUPE_FORK_SERVER=0` in the cluster's environment starts each
/// anew.
///
/// Prints a sentence and exits with 1 when the program was compiled with the headers of another ABI version.
///
/// Requires: called before any thread is started.
void play_role(int argc, char** argv, const std::function<void(Catalog&)>& enroll,
               std::uint32_t compiled_for = abi_version);

/// Whether it was called: without it a program that is started again as a supervisor would be a driver once more.
bool has_played_role();

}  // namespace troupe
#pragma GCC visibility pop
