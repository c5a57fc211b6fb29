// The transport between processes of one node: a link of two rings for each connection, no thread of its own, and one
// wake for a frame to somebody who sleeps. Addresses are `ipc://` and the path of a socket.
#pragma once

#include <memory>

#include "runtime/wire/transport.h"

namespace troupe {

/// `most_kept_bytes`: for one peer that does not read them; with more of them its connection is dropped. By far more
/// than what is under way to one that does.
std::unique_ptr<Transport> make_ring_transport(std::size_t most_kept_bytes = std::size_t{1} << 30);

}  // namespace troupe
