// The door to ZeroMQ: the only file that includes it.
#pragma once

#include <memory>

#include "runtime/wire/transport.h"

namespace troupe {

/// A transport over ZeroMQ: ROUTER where it listens, DEALER where it connects. `ipc://PATH` within a machine.
///
/// Requires: the process does not fork while it lives, except to exec.
std::unique_ptr<Transport> make_zmq_transport();

}  // namespace troupe
