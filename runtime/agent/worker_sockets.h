// The sockets that a node's workers listen at, as they lie in its folder.
#pragma once

#include <string>

namespace troupe {

/// Of one worker, which is gone.
void remove_sockets(const std::string& address);

/// Of all whose address begins as this one does, up to half of the id in it: what an earlier agent's workers left,
/// which died with it.
void remove_sockets_like(const std::string& address, const std::string& id);

}  // namespace troupe
