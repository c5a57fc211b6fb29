#include "runtime/worker/neighbours.h"

#include <algorithm>

namespace troupe {
namespace {

constexpr std::chrono::seconds kept_unused{10};

}  // namespace

std::vector<PeerId> Neighbours::at(const std::vector<std::string>& addresses, Time now) {
  std::vector<PeerId> peers;
  for (const std::string& address : addresses) {
    auto known = neighbours_.find(address);
    if (known == neighbours_.end()) {
      const auto peer = transport_.connect(address);
      if (!peer) continue;
      known = neighbours_.emplace(address, Neighbour{*peer}).first;
    }
    known->second.used = now;
    if (std::find(peers.begin(), peers.end(), known->second.peer) == peers.end()) peers.push_back(known->second.peer);
  }
  return peers;
}

void Neighbours::look_after(Time now) {
  std::erase_if(neighbours_, [&](const auto& each) {
    const bool is_unused = now - each.second.used > kept_unused;
    if (is_unused) transport_.disconnect(each.second.peer);
    return is_unused;
  });
}

}  // namespace troupe
