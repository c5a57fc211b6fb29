#include "scheduler/simulation/operator_host.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "scheduler/simulation/world.h"

namespace troupe::scheduler::sim {

OperatorHost::OperatorHost(World& world)
    : world_(world), id_{world.scenario.drivers.size() + world.scenario.clients.size() + 1} {
  world.network.attach(world.places.driver(id_.value - 1), [this](Place, Letter&& letter) { take(std::move(letter)); });
}

void OperatorHost::start() {
  for (const auto& drain : world_.scenario.drains) {
    const Time until = std::min(drain.at + drain.lasts, world_.scenario.faults_until);
    world_.timeline.at(drain.at, [this, node = drain.node] { want(node, true); });
    world_.timeline.at(std::max(until, drain.at + Time{1}), [this, node = drain.node] { want(node, false); });
  }
  world_.timeline.at(world_.scenario.faults_until + 2 * world_.scenario.timing.heartbeat, [this] {
    for (auto& [node, wish] : wishes_) wish.is_met = false;
    has_looked_again_ = true;
  });
  beat();
}

void OperatorHost::want(std::uint32_t node, bool drains) {
  Wish& wish = wishes_[node];
  wish.drains = drains;
  wish.is_met = false;
}

/// One request for a node at a time: two on their way may pass each other.
void OperatorHost::beat() {
  leave_when_done();
  if (is_gone_) return;
  to_schedulers(message::DriverHello{id_, {.id = {2 * id_.value - 1}, .name = "operator", .program = "/bin/operator"}});
  for (auto& [node, wish] : wishes_) {
    if (wish.is_met) continue;
    if (wish.request == 0) {
      wish.request = ++last_request_;
      wish.asked = wish.drains;
    }
    to_schedulers(message::Drain{wish.request, {node + 1u}, wish.asked});
  }
  world_.timeline.after(world_.scenario.timing.heartbeat, [this] { beat(); });
}

void OperatorHost::take(Letter&& letter) {
  if (is_gone_ || letter.envelope.cluster != world_.cluster || letter.envelope.epoch < epoch_) return;
  if (letter.envelope.epoch > std::exchange(epoch_, letter.envelope.epoch))
    for (auto& [node, wish] : wishes_) wish.is_met = false;
  const auto* answer = std::get_if<message::Answer>(&letter.message);
  if (answer == nullptr) return;
  for (auto& [node, wish] : wishes_) {
    if (wish.request != answer->request) continue;
    wish.request = 0;
    // A node that is not known, and was not drained, takes work.
    wish.is_met = wish.asked == wish.drains && (answer->refusal.empty() || !wish.drains);
  }
}

void OperatorHost::leave_when_done() {
  const bool all_met = std::all_of(wishes_.begin(), wishes_.end(), [](const auto& each) { return each.second.is_met; });
  if (!has_looked_again_ || !all_met) return;
  to_schedulers(message::DriverBye{});
  is_gone_ = true;
  for (const auto& scheduler : world_.schedulers) scheduler->notice_gone(id_);
}

void OperatorHost::to_schedulers(message::Message&& message) {
  const Envelope envelope{world_.cluster, epoch_, id_.value};
  const Place from = world_.places.driver(id_.value - 1);
  if (world_.scenario.has_standby) {
    auto copy = message;
    world_.network.send(from, world_.places.scheduler(1), envelope, std::move(copy));
  }
  world_.network.send(from, world_.places.scheduler(0), envelope, std::move(message));
}

void OperatorHost::print_what_is_open() const {
  for (const auto& [node, wish] : wishes_)
    if (!wish.is_met) std::printf("open: node %u is to %s\n", node + 1, wish.drains ? "be drained" : "take work");
}

}  // namespace troupe::scheduler::sim
