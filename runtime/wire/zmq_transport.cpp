#include "runtime/wire/zmq_transport.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include <zmq.hpp>

#include "runtime/wire/waker.h"

namespace troupe {
namespace {

constexpr int frames_per_turn = 4096;   // Then the caller gets to act on them.
constexpr std::size_t most_path = 107;  // What a socket address holds.
constexpr std::chrono::nanoseconds longest_wait = std::chrono::hours(1);

Error error_at(const std::string& address, const char* verb) {
  return {Fault::unavailable, std::string("cannot ") + verb + ' ' + address + ": " + zmq_strerror(zmq_errno())};
}

class ZmqTransport final : public Transport {
 public:
  ~ZmqTransport() override {
    for (auto& [id, open] : sockets_) open.socket.close();
    context_.shutdown();
  }

  Result<void> listen(const std::string& address) override {
    if (address.starts_with("ipc://") && address.size() - 6 > most_path)
      return bad_input("socket path '" + address.substr(6) + "' is longer than 107 characters: set a shorter TMPDIR");
    auto socket = make_socket(zmq::socket_type::router);
    socket.set(zmq::sockopt::router_mandatory, true);
    if (zmq_bind(socket.handle(), address.c_str()) != 0) return error_at(address, "listen on");
    keep(std::move(socket));
    return {};
  }

  Result<PeerId> connect(const std::string& address) override {
    auto socket = make_socket(zmq::socket_type::dealer);
    if (zmq_connect(socket.handle(), address.c_str()) != 0) return error_at(address, "connect to");
    keep(std::move(socket));
    const PeerId peer{++last_peer_};
    peers_[peer.value] = {last_socket_, {}};
    dealers_[last_socket_] = peer;
    return peer;
  }

  void disconnect(PeerId peer) override {
    const auto found = peers_.find(peer.value);
    if (found == peers_.end() || !found->second.routing_id.empty()) return;
    dealers_.erase(found->second.socket);
    sockets_.erase(found->second.socket);
    peers_.erase(found);
  }

  bool is_gone(PeerId peer) const override { return !peers_.contains(peer.value); }

  void send(PeerId to, Bytes frame) override {
    const auto found = peers_.find(to.value);
    if (found == peers_.end()) return;
    const Route& route = found->second;
    OpenSocket& open = sockets_.at(route.socket);
    zmq::socket_t& socket = open.socket;
    open.may_hold_frames = true;
    if (!route.routing_id.empty()) {
      const std::string& id = route.routing_id;
      if (zmq_send(socket.handle(), id.data(), id.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        TROUPE_CHECK(zmq_errno() == EHOSTUNREACH || zmq_errno() == EAGAIN, "only peers that are gone are refused");
        routes_.erase({route.socket, id});
        peers_.erase(found);
        return;
      }
    }
    TROUPE_CHECK(frame.size() <= most_frame_bytes, "who makes a frame keeps to its limit");
    // EAGAIN: the connection is being made anew, and nothing waits in it without a mark.
    const int sent = zmq_send(socket.handle(), frame.data(), frame.size(), ZMQ_DONTWAIT);
    TROUPE_CHECK(sent >= 0 || zmq_errno() == EHOSTUNREACH || zmq_errno() == EAGAIN, "a frame can be handed over");
  }

  std::vector<Delivery> receive(Deadline deadline, const Besides* besides) override {
    for (;;) {
      const bool is_over = poll_until(deadline, besides);
      std::vector<Delivery> arrived = take_all();
      if (is_over || !arrived.empty()) return arrived;
    }
  }

  void wake() override { waker_.wake(); }

  void watch(int descriptor, bool for_write) override { watched_[descriptor] = for_write; }
  void unwatch(int descriptor) override { watched_.erase(descriptor); }

 private:
  struct Route {
    std::uint64_t socket = 0;
    std::string routing_id;  // Empty: a DEALER, which has one peer.
  };

  struct OpenSocket {
    zmq::socket_t socket;
    int descriptor = -1;  // Readable when something has happened to the socket that it has not been asked about since.
    bool may_hold_frames = true;  // Without a sign on the descriptor: any call may have taken the sign away.
  };

  void keep(zmq::socket_t socket) {
    const int descriptor = socket.get(zmq::sockopt::fd);
    sockets_.emplace(++last_socket_, OpenSocket{std::move(socket), descriptor});
  }

  zmq::socket_t make_socket(zmq::socket_type type) {
    zmq::socket_t socket(context_, type);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.set(zmq::sockopt::rcvhwm, 0);
    socket.set(zmq::sockopt::linger, 200);
    socket.set(zmq::sockopt::reconnect_ivl, 1);
    socket.set(zmq::sockopt::reconnect_ivl_max, 100);
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(most_frame_bytes));
    socket.set(zmq::sockopt::handshake_ivl, 5000);
    return socket;
  }

  /// Waits for a sign on any descriptor, unless frames may be there already; marks the sockets that had one. True when
  /// receive() is to return, with frames or without.
  bool poll_until(Deadline deadline, const Besides* besides) {
    std::vector<pollfd> polled;
    polled.reserve(1 + watched_.size() + sockets_.size());
    polled.push_back({waker_.descriptor(), POLLIN, 0});
    for (const auto& [descriptor, for_write] : watched_)
      polled.push_back({descriptor, static_cast<short>(for_write ? POLLIN | POLLOUT : POLLIN), 0});
    if (besides != nullptr) polled.push_back({besides->bell.descriptor(), POLLIN, 0});
    const std::size_t own = polled.size();
    bool may_hold_frames = false;
    for (const auto& [id, open] : sockets_) {
      polled.push_back({open.descriptor, POLLIN, 0});
      may_hold_frames = may_hold_frames || open.may_hold_frames;
    }
    const auto left = deadline - std::chrono::steady_clock::now();
    const auto wait = std::clamp<std::chrono::nanoseconds>(left, std::chrono::nanoseconds(0), longest_wait).count();
    if (besides != nullptr) besides->bell.fall_asleep();
    const bool has_come = besides != nullptr && besides->has_come();
    const bool looks_only = may_hold_frames || has_come;
    const timespec limit{looks_only ? 0 : wait / 1'000'000'000, looks_only ? 0 : wait % 1'000'000'000};
    ::ppoll(polled.data(), polled.size(), &limit, nullptr);
    if (besides != nullptr) besides->bell.stay_awake();

    auto sign = polled.begin();
    bool is_over = left.count() <= 0 || wait == 0 || has_come;
    if (sign->revents != 0) waker_.take();
    if (besides != nullptr && polled[own - 1].revents != 0) besides->bell.clear();
    for (; sign != polled.begin() + static_cast<std::ptrdiff_t>(own); ++sign) is_over = is_over || sign->revents != 0;
    for (auto& [id, open] : sockets_) {
      if (sign->revents != 0) open.may_hold_frames = true;
      ++sign;
    }
    return is_over;
  }

  std::vector<Delivery> take_all() {
    std::vector<Delivery> arrived;
    for (auto& [id, open] : sockets_) {
      for (int taken = 0; open.may_hold_frames && taken < frames_per_turn; ++taken) {
        auto delivery = take_one(id, open.socket);
        open.may_hold_frames = delivery.has_value();
        if (delivery) arrived.push_back(std::move(*delivery));
      }
    }
    return arrived;
  }

  std::optional<Delivery> take_one(std::uint64_t id, zmq::socket_t& socket) {
    zmq::message_t part;
    if (zmq_msg_recv(part.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) return std::nullopt;
    const auto dealer = dealers_.find(id);
    PeerId from;
    if (dealer != dealers_.end()) {
      from = dealer->second;
    } else {
      from = peer_of(id, part.to_string());
      if (!part.more()) return Delivery{from, {}};
      if (zmq_msg_recv(part.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) return std::nullopt;
    }
    Delivery delivery{from, part.to_string()};
    while (part.more() && zmq_msg_recv(part.handle(), socket.handle(), ZMQ_DONTWAIT) >= 0) delivery.frame.clear();
    return delivery;
  }

  PeerId peer_of(std::uint64_t socket, std::string routing_id) {
    auto [found, is_new] = routes_.try_emplace({socket, routing_id});
    if (is_new) {
      found->second = PeerId{++last_peer_};
      peers_[last_peer_] = {socket, std::move(routing_id)};
    }
    return found->second;
  }

  zmq::context_t context_;
  Waker waker_;
  std::uint64_t last_socket_ = 0;
  std::uint64_t last_peer_ = 0;
  std::map<std::uint64_t, OpenSocket> sockets_;
  std::map<std::uint64_t, PeerId> dealers_;
  std::unordered_map<std::uint64_t, Route> peers_;
  std::map<std::pair<std::uint64_t, std::string>, PeerId> routes_;
  std::map<int, bool> watched_;
};

}  // namespace

std::unique_ptr<Transport> make_zmq_transport() { return std::make_unique<ZmqTransport>(); }

}  // namespace troupe
