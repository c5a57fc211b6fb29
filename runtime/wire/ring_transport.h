// The transport between processes of one node: a link of two rings for each connection, no thread of its own, and one
// wake for a frame to somebody who sleeps. Addresses are `ipc://` and the path of a socket.
#pragma once

#include <memory>

#include "runtime/wire/transport.h"

namespace troupe {

std::unique_ptr<Transport> make_ring_transport();

}  // namespace troupe
