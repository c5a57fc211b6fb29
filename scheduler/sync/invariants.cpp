#include "scheduler/sync/invariants.h"

namespace troupe::scheduler {
namespace {

using sync::Kind;

std::string permits_add_up(const Synchronisation& sync, Kind kind, const Permits& permits, std::size_t& seen) {
  for (const auto& [name, pool] : permits.pools()) {
    const std::string what = "18: '" + name + "': ";
    std::uint64_t held = 0;
    for (const sync::Token token : pool.holding) {
      const Claim* claim = sync.claims().find(token);
      if (claim == nullptr || !claim->is_held || claim->kind != kind || claim->name != name)
        return what + "permits are held by nobody";
      held += claim->permits;
    }
    if (held + pool.free != pool.capacity) return what + "its permits do not add up";
    if (pool.holding.empty() && pool.waiting.empty()) return what + "it is kept for nobody";
    for (const sync::Token token : pool.waiting)
      if (const Claim* claim = sync.claims().find(token); claim == nullptr || claim->is_held)
        return what + "one waits that is not there";
    if (!pool.waiting.empty() && !sync.is_in_grace() && !sync.is_turn_of_tasks({kind, name}) &&
        sync.claims().at(*pool.waiting.begin()).permits <= pool.free)
      return "15: '" + name + "': the head of its line could be granted and waits";
    seen += pool.holding.size() + pool.waiting.size();
  }
  return {};
}

std::string messages_are_somewhere(const Synchronisation& sync, std::size_t& seen) {
  for (const auto& [name, queue] : sync.queues().queues()) {
    const std::string what = "18: queue '" + name + "': ";
    std::size_t delivered = 0;
    for (const auto& [number, message] : queue.messages) {
      const bool in_line = (message.stored.is_dead ? queue.dead : queue.live).ready.contains(number);
      if (in_line != (message.delivery == 0)) return what + "a message is nowhere, or in two places";
      if (in_line) continue;
      ++delivered;
      const Claim* claim = sync.claims().find(message.delivery);
      if (claim == nullptr || !claim->is_held || claim->number != number)
        return what + "a message is delivered to nobody";
    }
    if (queue.live.ready.size() + queue.dead.ready.size() + delivered != queue.messages.size())
      return what + "its messages do not add up";
    if (queue.messages.size() > queue.options.capacity) return "12: queue '" + name + "' is over its capacity";
    for (const auto* line : {&queue.live, &queue.dead}) {
      seen += line->waiting.size();
      if (!line->waiting.empty() && !line->ready.empty() && !sync.is_in_grace())
        return "15: queue '" + name + "': a message and a receiver wait for each other";
    }
    seen += delivered;
  }
  return {};
}

std::string barriers_are_open(const Synchronisation& sync, std::size_t& seen) {
  for (const auto& [name, barrier] : sync.barriers().barriers()) {
    if (barrier.waiting.empty() && sync.is_in_grace()) continue;
    if (barrier.waiting.empty() || barrier.waiting.size() >= barrier.parties)
      return "18: barrier '" + name + "' has " + std::to_string(barrier.waiting.size()) + " of " +
             std::to_string(barrier.parties) + " parties waiting";
    for (const sync::Token token : barrier.waiting)
      if (sync.claims().at(token).number != barrier.passed + 1)
        return "18: barrier '" + name + "': one waits for another round";
    seen += barrier.waiting.size();
  }
  return {};
}

}  // namespace

std::string broken_sync_invariant(const Synchronisation& sync) {
  std::size_t seen = 0;
  std::string broken = permits_add_up(sync, Kind::lock, sync.locks(), seen);
  if (broken.empty()) broken = permits_add_up(sync, Kind::semaphore, sync.semaphores(), seen);
  if (broken.empty()) broken = messages_are_somewhere(sync, seen);
  if (broken.empty()) broken = barriers_are_open(sync, seen);
  if (broken.empty() && seen != sync.claims().size()) broken = "18: a claim is of nothing";
  return broken;
}

}  // namespace troupe::scheduler
