#include "runtime/wire/memory_transport.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace troupe {

struct MemoryNetwork::State {
  struct End {
    std::vector<Delivery> inbox;
    bool woken = false;
  };
  struct Route {
    std::string address;  // Where a connection leads; empty on the listener's side.
    std::uint64_t other_end = 0;
    PeerId other_peer;
    std::vector<Bytes> waiting;  // Until somebody listens at the address.
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t last_end = 0;
  std::uint64_t last_peer = 0;
  std::map<std::uint64_t, End> ends;
  std::map<std::string, std::uint64_t> listeners;
  std::map<std::uint64_t, Route> routes;  // By peer id, which is unique over the network.

  void deliver(PeerId from, Bytes frame) {
    Route& route = routes.at(from.value);
    if (route.other_end == 0) {
      const auto listener = listeners.find(route.address);
      if (listener == listeners.end()) {
        route.waiting.push_back(std::move(frame));
        return;
      }
      route.other_end = listener->second;
      route.other_peer = PeerId{++last_peer};
      routes[route.other_peer.value] = {"", owner_of[from.value], from, {}};
      owner_of[route.other_peer.value] = route.other_end;
    }
    const auto end = ends.find(route.other_end);
    if (end != ends.end()) end->second.inbox.push_back({route.other_peer, std::move(frame)});
    changed.notify_all();
  }

  std::map<std::uint64_t, std::uint64_t> owner_of;  // Peer id -> the end that sends through it.
};

class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(MemoryNetwork::State& network) : network_(network) {
    const std::lock_guard lock(network_.mutex);
    id_ = ++network_.last_end;
    network_.ends[id_];
  }

  ~MemoryTransport() override {
    const std::lock_guard lock(network_.mutex);
    network_.ends.erase(id_);
    std::erase_if(network_.listeners, [&](const auto& each) { return each.second == id_; });
  }

  Result<void> listen(const std::string& address) override {
    const std::lock_guard lock(network_.mutex);
    if (!network_.listeners.emplace(address, id_).second)
      return Error{Fault::refused, "somebody listens on " + address + " already"};
    for (auto& [peer, route] : network_.routes) {
      if (route.address != address) continue;
      for (auto& frame : std::exchange(route.waiting, {})) network_.deliver(PeerId{peer}, std::move(frame));
    }
    return {};
  }

  Result<PeerId> connect(const std::string& address) override {
    const std::lock_guard lock(network_.mutex);
    const PeerId peer{++network_.last_peer};
    network_.routes[peer.value] = {address, 0, {}, {}};
    network_.owner_of[peer.value] = id_;
    return peer;
  }

  void disconnect(PeerId peer) override {
    const std::lock_guard lock(network_.mutex);
    network_.routes.erase(peer.value);
  }

  bool is_gone(PeerId peer) const override {
    const std::lock_guard lock(network_.mutex);
    const auto route = network_.routes.find(peer.value);
    return route == network_.routes.end() ||
           (route->second.other_end != 0 && !network_.ends.contains(route->second.other_end));
  }

  void send(PeerId to, Bytes frame) override {
    const std::lock_guard lock(network_.mutex);
    if (network_.routes.contains(to.value)) network_.deliver(to, std::move(frame));
  }

  std::vector<Delivery> receive(Deadline deadline, const Besides* besides) override {
    std::unique_lock lock(network_.mutex);
    auto& end = network_.ends.at(id_);
    const auto is_over = [&] { return !end.inbox.empty() || end.woken || (besides != nullptr && besides->has_come()); };
    if (besides == nullptr) network_.changed.wait_until(lock, deadline, is_over);
    // No descriptor can be waited for here, so the bell is not.
    while (!is_over() && std::chrono::steady_clock::now() < deadline)
      network_.changed.wait_for(lock, std::chrono::milliseconds(1));
    end.woken = false;
    return std::exchange(end.inbox, {});
  }

  void wake() override {
    const std::lock_guard lock(network_.mutex);
    network_.ends.at(id_).woken = true;
    network_.changed.notify_all();
  }

  void watch(int, bool) override {}
  void unwatch(int) override {}

 private:
  MemoryNetwork::State& network_;
  std::uint64_t id_ = 0;
};

MemoryNetwork::MemoryNetwork() : state_(std::make_unique<State>()) {}
MemoryNetwork::~MemoryNetwork() = default;
std::unique_ptr<Transport> MemoryNetwork::make_transport() { return std::make_unique<MemoryTransport>(*state_); }

}  // namespace troupe
