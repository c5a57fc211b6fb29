// A session's ways to the workers of the actors that it calls: made, heard, replaced where they break, left.
#include <poll.h>

#include <algorithm>
#include <utility>

#include "runtime/api/session_core.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int most_tries = 8;  // To have rings from a worker that carry something, after some broke.
constexpr std::chrono::milliseconds first_retry{5};
constexpr std::chrono::milliseconds longest_retry{100};  // While nobody listens.

void try_later(WorkerLink& link, Clock::time_point now) {
  link.try_at = now + first_retry * (1 << std::min(link.tries++, most_tries));
}

}  // namespace

/// By whoever talks.
void SessionCore::look_after_links() {
  for (const auto& call : std::exchange(calls_to_end_, {})) send_cancel(*call);
  for (const auto& answer : std::exchange(kept_, {})) on_what_is_kept(answer);
  hear_links();
  for (const auto& down : std::exchange(gone_, {})) {
    on_actor_down(down);
    ask_at_ = {};
  }
  replace_at_ = Clock::time_point::max();
  for (auto& [address, link] : links_) {
    if (!link.is_gone) continue;
    replace(link, Clock::now());
    if (link.is_gone && !link.next) replace_at_ = std::min(replace_at_, link.try_at);
  }
}

/// Which workers have taken their links, and which are gone.
void SessionCore::hear_links() {
  std::vector<pollfd> polled;
  for (const auto& [address, link] : links_)
    if (link.ring && !link.is_gone) polled.push_back({link.ring->descriptor(), POLLIN, 0});
  if (polled.empty() || ::poll(polled.data(), polled.size(), 0) <= 0) return;
  for (auto& [address, link] : links_) {
    if (!link.ring || link.is_gone) continue;
    const auto is_it = [own = link.ring->descriptor()](const pollfd& each) {
      return each.revents != 0 && each.fd == own;
    };
    if (std::none_of(polled.begin(), polled.end(), is_it)) continue;
    if (!link.ring->is_taken() && link.ring->take_answer()) continue;
    take_answers();  // Its last words.
    transport_->unwatch(link.ring->descriptor());
    link.ring->give_up();
    link.is_gone = true;
    ask_at_ = {};
    try_later(link, Clock::now());
    for (auto& [id, actor] : actors_)
      if (actor->is_borrowed && actor->link == &link)
        lose_calls_in_flight(*actor, Fault::peer_lost, "its worker is gone");
  }
}

/// Nobody listens any more at a worker that is dead: the scheduler will say what became of its actor. One that lives
/// takes other rings.
void SessionCore::replace(WorkerLink& link, Clock::time_point now) {
  if (!link.next && now >= link.try_at && link.tries < most_tries) {
    if (auto ring = RingLink::ask(ring_socket_of(link.address), link.caller, *bell_)) {
      link.next.emplace(std::move(*ring));
      transport_->watch(link.next->descriptor(), false);
    } else if (ring.error().fault == Fault::peer_lost) {
      link.try_at = now + longest_retry;
    } else {
      try_later(link, now);
    }
  }
  if (link.next) {
    const auto is_taken = link.next->take_answer();
    if (is_taken && !*is_taken) return;
    if (is_taken) {
      start_over(link);
      link.ring.emplace(std::move(*std::exchange(link.next, std::nullopt)));
      link.is_gone = false;
      return ask_what_is_kept(link);
    }
    transport_->unwatch(link.next->descriptor());
    link.next.reset();
    try_later(link, now);
  }
  if (link.tries < most_tries || now < link.try_at) return;
  if (!link.peer)
    if (const auto peer = transport_->connect(link.address)) link.peer = *peer;
  if (!link.peer) return try_later(link, now);
  start_over(link);
  link.ring.reset();
  link.is_gone = false;
  link.caller = random_id();  // What it may still hold of the rings' calls is another's.
  ask_what_is_kept(link);
}

void SessionCore::start_over(WorkerLink& link) {
  for (auto& [id, actor] : actors_) {
    if (actor->link != &link) continue;
    lose_calls_in_flight(*actor, Fault::peer_lost, "the link to its worker broke");
    if (actor->restart == RestartMode::none) actor->last_number = 0;
  }
  link.let_go.clear();
}

WorkerLink* SessionCore::link_to(const std::string& address) {
  const auto [found, is_new] = links_.try_emplace(address);
  WorkerLink& link = found->second;
  ++link.actors;
  if (!is_new) return &link;
  link.address = address;
  link.caller = driver_.value;
  const std::string socket = ring_socket_of(address);
  if (!socket.empty() && bell_) {
    if (auto ring = RingLink::ask(socket, link.caller, *bell_)) link.ring.emplace(std::move(*ring));
  }
  if (link.ring) {
    transport_->watch(link.ring->descriptor(), false);
  } else if (const auto peer = transport_->connect(address)) {
    link.peer = *peer;
  }
  return &link;
}

/// Requires: nothing of the actor is in flight.
void SessionCore::leave_link(ActorLine& actor) {
  if (actor.link == nullptr) return;
  if (actor.asks_what_is_kept) uncount_calls_in_flight(actor);
  WorkerLink& link = *std::exchange(actor.link, nullptr);
  if (--link.actors > 0) {
    if (actor.is_borrowed && !actor.ended) link.let_go[{actor.task, actor.attempt}] = actor.last_number;
    return;
  }
  if (link.ring && !link.is_gone) transport_->unwatch(link.ring->descriptor());
  if (link.next) transport_->unwatch(link.next->descriptor());
  if (link.peer) transport_->disconnect(*link.peer);
  links_.erase(link.address);
}

}  // namespace troupe
