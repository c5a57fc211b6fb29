#include "runtime/wire/ring_transport.h"

#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/ring/ring_link.h"
#include "runtime/ring/spin.h"
#include "runtime/wire/waker.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int frames_per_turn = 4096;   // Of one peer; then the caller gets to act on them.
constexpr std::size_t most_path = 107;  // What a socket address holds.
constexpr std::chrono::nanoseconds longest_wait = std::chrono::hours(1);
constexpr std::chrono::microseconds longest_unpolled{50};  // While there are frames.
constexpr std::chrono::milliseconds first_retry{1};
constexpr std::chrono::milliseconds longest_retry{100};
constexpr std::chrono::milliseconds linger{200};  // For what a process said last.

Bell made_bell() {
  auto bell = Bell::make();
  TROUPE_CHECK(bell, "a page of memory and a descriptor can be had");
  return std::move(*bell);
}

Result<std::string> path_of(const std::string& address) {
  constexpr std::string_view scheme = "ipc://";
  if (!address.starts_with(scheme))
    return bad_input("address '" + address + "' is not on this node: expected ipc://PATH");
  std::string path = address.substr(scheme.size());
  if (path.size() > most_path)
    return bad_input("socket path '" + path + "' is longer than 107 characters: set a shorter TMPDIR");
  return path;
}

class RingTransport final : public Transport {
 public:
  explicit RingTransport(std::size_t most_kept_bytes) : most_kept_bytes_(most_kept_bytes), bell_(made_bell()) {}

  ~RingTransport() override {
    for (const auto end = Clock::now() + linger; Clock::now() < end && owes_frames(); ::poll(nullptr, 0, 1)) {
      look_at_links();
      for (auto& [id, peer] : peers_) flush(peer);
    }
  }

  Result<void> listen(const std::string& address) override {
    const auto path = path_of(address);
    if (!path) return path.error();
    auto door = RingDoor::open(*path);
    if (!door) return door.error();
    doors_.push_back(std::move(*door));
    return {};
  }

  Result<PeerId> connect(const std::string& address) override {
    auto path = path_of(address);
    if (!path) return path.error();
    const PeerId id{++last_peer_};
    Peer& peer = peers_[id.value];
    peer.path = std::move(*path);
    try_to_connect(peer, Clock::now());
    return id;
  }

  void disconnect(PeerId peer) override {
    const auto found = peers_.find(peer.value);
    if (found != peers_.end() && !found->second.path.empty()) peers_.erase(found);
  }

  bool is_gone(PeerId peer) const override { return !peers_.contains(peer.value); }

  void send(PeerId to, Bytes frame) override {
    TROUPE_CHECK(frame.size() <= most_frame_bytes, "who makes a frame keeps to its limit");
    const auto found = peers_.find(to.value);
    if (found == peers_.end()) return;
    Peer& peer = found->second;
    if (peer.link) {
      const std::string_view whole = frame;
      peer.link->send({&whole, 1});
    } else {
      peer.waiting_bytes += frame.size();
      peer.waiting.push_back(std::move(frame));
    }
    if ((peer.link ? peer.link->kept_bytes() : peer.waiting_bytes) > most_kept_bytes_) drop_what_is_kept(to, peer);
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
  struct Peer {
    std::string path;  // Of who was connected to; empty: it came to a door.
    std::optional<RingLink> link;
    std::deque<Bytes> waiting;  // Until there is a link.
    std::size_t waiting_bytes = 0;
    Clock::time_point retry_at{};
    std::chrono::milliseconds back_off = first_retry;
  };

  void try_to_connect(Peer& peer, Clock::time_point now) {
    auto link = RingLink::ask(peer.path, 0, bell_);
    if (!link) {
      peer.retry_at = now + peer.back_off;
      peer.back_off = std::min(2 * peer.back_off, longest_retry);
      return;
    }
    peer.link.emplace(std::move(*link));
    for (const std::string_view frame : std::exchange(peer.waiting, {})) peer.link->send({&frame, 1});
    peer.waiting_bytes = 0;
  }

  /// What was under way is lost with the link.
  void lose_link(Peer& peer, Clock::time_point now) {
    peer.link.reset();
    peer.retry_at = now + peer.back_off;
    peer.back_off = std::min(2 * peer.back_off, longest_retry);
  }

  /// Of a peer that is stopped or away: what matters is said again until it is answered.
  void drop_what_is_kept(PeerId id, Peer& peer) {
    std::fprintf(stderr, "troupe: a peer%s%s has not read the last %zu MiB: they are dropped, and its connection\n",
                 peer.path.empty() ? "" : " at ", peer.path.c_str(), most_kept_bytes_ >> 20);
    peer.waiting.clear();
    peer.waiting_bytes = 0;
    if (peer.path.empty()) {
      peers_.erase(id.value);
    } else if (peer.link) {
      lose_link(peer, Clock::now());
    }
  }

  /// Waits for a sign, unless there are frames already. True when receive() is to return, with frames or without.
  bool poll_until(Deadline deadline, const Besides* besides) {
    const auto have_others_come = [besides] { return besides != nullptr && besides->has_come(); };
    if (deadline > Clock::now()) spin_until([&] { return has_frames() || waker_.is_woken() || have_others_come(); });
    if ((has_frames() || have_others_come()) && Clock::now() < polled_at_ + longest_unpolled) return have_others_come();
    std::vector<pollfd> polled;
    polled.push_back({waker_.descriptor(), POLLIN, 0});
    for (const auto& [descriptor, for_write] : watched_)
      polled.push_back({descriptor, static_cast<short>(for_write ? POLLIN | POLLOUT : POLLIN), 0});
    if (besides != nullptr) polled.push_back({besides->bell.descriptor(), POLLIN, 0});
    const std::size_t own = polled.size();
    polled.push_back({bell_.descriptor(), POLLIN, 0});
    for (const RingDoor& door : doors_)
      for (const int descriptor : door.descriptors()) polled.push_back({descriptor, POLLIN, 0});
    auto until = deadline;
    for (const RingDoor& door : doors_)
      if (door.closed_until() > Clock::now()) until = std::min(until, door.closed_until());
    for (const auto& [id, peer] : peers_) {
      if (peer.link) {
        polled.push_back({peer.link->descriptor(), POLLIN, 0});
      } else {
        until = std::min(until, peer.retry_at);
      }
    }
    bell_.fall_asleep();
    if (besides != nullptr) besides->bell.fall_asleep();
    const bool have_come = have_others_come();
    const auto wait = has_frames() || have_come ? std::chrono::nanoseconds(0)
                                                : std::clamp<std::chrono::nanoseconds>(
                                                      until - Clock::now(), std::chrono::nanoseconds(0), longest_wait);
    const timespec limit{wait.count() / 1'000'000'000, wait.count() % 1'000'000'000};
    ::ppoll(polled.data(), polled.size(), &limit, nullptr);
    bell_.stay_awake();
    if (besides != nullptr) besides->bell.stay_awake();

    const auto has_sign = [](const pollfd& each) { return each.revents != 0; };
    polled_at_ = Clock::now();
    const bool is_over = polled_at_ >= deadline || have_come ||
                         std::any_of(polled.begin(), polled.begin() + static_cast<std::ptrdiff_t>(own), has_sign);
    if (has_sign(polled[0])) waker_.take();
    if (besides != nullptr && has_sign(polled[own - 1])) besides->bell.clear();
    if (has_sign(polled[own])) bell_.clear();
    if (until < deadline || std::any_of(polled.begin() + static_cast<std::ptrdiff_t>(own) + 1, polled.end(), has_sign))
      look_at_links();
    return is_over;
  }

  bool has_frames() const {
    return std::any_of(peers_.begin(), peers_.end(), [](const auto& each) {
      const auto& link = each.second.link;
      return link && (link->has_more() || link->can_flush());
    });
  }

  /// Takes who comes to the doors, connects again to who was not there, and forgets who is gone.
  void look_at_links() {
    const auto now = Clock::now();
    std::vector<pollfd> polled;
    std::vector<std::uint64_t> ids;
    for (auto& [id, peer] : peers_) {
      if (!peer.link && now >= peer.retry_at) try_to_connect(peer, now);
      if (!peer.link) continue;
      polled.push_back({peer.link->descriptor(), POLLIN, 0});
      ids.push_back(id);
    }
    if (!polled.empty()) ::poll(polled.data(), polled.size(), 0);
    for (std::size_t i = 0; i < polled.size(); ++i)
      if (polled[i].revents != 0) hear(ids[i], now);
    for (RingDoor& door : doors_)
      for (RingLink& link : door.take_requests(bell_)) peers_[++last_peer_].link.emplace(std::move(link));
  }

  /// Its descriptor has a sign: it has taken the link, or is gone.
  void hear(std::uint64_t id, Clock::time_point now) {
    Peer& peer = peers_.at(id);
    if (!peer.link->is_taken()) {
      if (const auto answer = peer.link->take_answer()) {
        if (*answer) peer.back_off = first_retry;
        return;
      }
    }
    take(id, peer, last_frames_);  // What it said last.
    if (!peer.path.empty()) return lose_link(peer, now);
    peers_.erase(id);
  }

  std::vector<Delivery> take_all() {
    std::vector<Delivery> arrived = std::exchange(last_frames_, {});
    for (auto& [id, peer] : peers_) {
      if (!peer.link) continue;
      take(id, peer, arrived);
      flush(peer);
    }
    return arrived;
  }

  static void take(std::uint64_t id, Peer& peer, std::vector<Delivery>& arrived) {
    int taken = 0;
    while (taken < frames_per_turn) {
      const auto frame = peer.link->receive();
      if (!frame) break;
      arrived.push_back({PeerId{id}, Bytes(*frame)});
      ++taken;
    }
    if (taken > 0) peer.link->give_room();
    if (peer.link->is_broken()) peer.link->give_up();
  }

  static void flush(Peer& peer) {
    if (peer.link && peer.link->kept_bytes() > 0) peer.link->flush();
  }

  bool owes_frames() const {
    return std::any_of(peers_.begin(), peers_.end(), [](const auto& each) {
      const Peer& peer = each.second;
      return peer.link ? peer.link->kept_bytes() > 0 || !peer.link->is_taken() : !peer.waiting.empty();
    });
  }

  const std::size_t most_kept_bytes_;
  Bell bell_;
  Waker waker_;
  Clock::time_point polled_at_{};
  std::uint64_t last_peer_ = 0;
  std::map<std::uint64_t, Peer> peers_;
  std::vector<RingDoor> doors_;
  std::map<int, bool> watched_;
  std::vector<Delivery> last_frames_;  // Of peers that are gone.
};

}  // namespace

std::unique_ptr<Transport> make_ring_transport(std::size_t most_kept_bytes) {
  return std::make_unique<RingTransport>(most_kept_bytes);
}

}  // namespace troupe
