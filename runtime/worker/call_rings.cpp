#include "runtime/worker/call_rings.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "runtime/wire/call_records.h"

namespace troupe {
namespace {

constexpr int calls_in_a_row = 64;                 // Of one caller, while others may wait.
constexpr std::size_t most_kept_bytes = 1u << 20;  // Of answers that a caller does not fetch: then its calls wait.

bool may_call(const RingLink& link) { return link.kept_bytes() <= most_kept_bytes; }

Bell made_bell() {
  auto bell = Bell::make();
  TROUPE_CHECK(bell, "a page of memory and a descriptor can be had");
  return std::move(*bell);
}

}  // namespace

CallRings::CallRings(const std::string& own_address, Guests guests) : guests_(std::move(guests)), bell_(made_bell()) {
  const std::string socket = ring_socket_of(own_address);
  if (socket.empty()) return;
  if (auto door = RingDoor::open(socket)) door_.emplace(std::move(*door));
}

bool CallRings::has_sign(std::vector<int>& gone) const {
  std::vector<pollfd> polled;
  for (const int descriptor : door_->descriptors()) polled.push_back({descriptor, POLLIN, 0});
  const std::size_t first_link = polled.size();
  for (const auto& [descriptor, caller] : connected_) polled.push_back({descriptor, POLLIN, 0});
  if (::poll(polled.data(), polled.size(), 0) <= 0) return false;
  for (std::size_t i = first_link; i < polled.size(); ++i)
    if (polled[i].revents != 0) gone.push_back(polled[i].fd);
  return true;
}

void CallRings::look_at_door(Transport& transport, const Post& post) {
  if (!door_) return;
  std::vector<int> gone;
  if (has_sign(gone)) {
    for (const int descriptor : gone) forget(descriptor, transport, post);
    for (RingLink& link : door_->take_requests(bell_)) take_in(std::move(link), transport, post);
  }
  if (watched_ == door_->descriptors()) return;
  for (const int descriptor : watched_) transport.unwatch(descriptor);
  watched_ = door_->descriptors();
  for (const int descriptor : watched_) transport.watch(descriptor, false);
}

std::chrono::steady_clock::time_point CallRings::look_at() const {
  using Clock = RingDoor::Clock;
  return door_ && door_->closed_until() > Clock::now() ? door_->closed_until() : Clock::time_point::max();
}

void CallRings::take_in(RingLink link, Transport& transport, const Post& post) {
  const auto same = std::find_if(connected_.begin(), connected_.end(),
                                 [&](const auto& each) { return each.second == link.caller(); });
  if (same != connected_.end()) forget(same->first, transport, post);
  connected_[link.descriptor()] = link.caller();
  transport.watch(link.descriptor(), false);
  post([this, shared = std::make_shared<RingLink>(std::move(link))] {
    guests_.greet(shared->caller());
    links_.insert_or_assign(shared->caller(), std::move(*shared));
  });
}

void CallRings::forget(int descriptor, Transport& transport, const Post& post) {
  transport.unwatch(descriptor);
  post([this, caller = connected_.extract(descriptor).mapped()] {
    links_.erase(caller);
    guests_.forget(caller);
  });
}

bool CallRings::serve(const std::function<void(message::Call)>& take) {
  bool had_any = false;
  for (auto& [caller, link] : links_) {
    int taken = 0;
    while (may_call(link)) {
      const auto bytes = link.receive();
      if (!bytes) break;
      auto call = decode_call(*bytes, caller);
      call ? take(std::move(*call)) : link.give_up();
      if (++taken == calls_in_a_row) break;
    }
    had_any = had_any || taken > 0;
    if (taken > 0) link.give_room();
    link.flush();
    if (link.is_broken()) link.give_up();
  }
  return had_any;
}

bool CallRings::has_more() const {
  for (const auto& [caller, link] : links_)
    if ((may_call(link) && link.has_more()) || link.can_flush()) return true;
  return false;
}

bool CallRings::answer(std::uint64_t caller, const message::CallAnswer& answer) {
  const auto link = links_.find(caller);
  if (link == links_.end()) return false;
  send(link->second, answer);
  return true;
}

}  // namespace troupe
