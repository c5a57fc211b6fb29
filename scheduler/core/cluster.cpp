#include "scheduler/core/cluster.h"

#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler {

Node* Cluster::find(NodeId id) {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : &found->second;
}

Node* Cluster::find_alive(NodeId id, std::uint64_t incarnation) {
  Node* node = find(id);
  return node != nullptr && node->alive && node->incarnation == incarnation ? node : nullptr;
}

Node& Cluster::join(const NodeJoined& joined, Time now) {
  Node& node = nodes_[joined.node];
  drop_holdings(node);
  node.id = joined.node;
  node.incarnation = joined.incarnation;
  node.name = joined.name;
  node.ledger = NodeLedger(joined.capacity);
  node.lasting = NodeLedger(joined.capacity);
  node.heard = now;
  node.alive = true;
  list_spaces();
  return node;
}

void Cluster::lose(Node& node, Time now) {
  drop_holdings(node);
  node.ledger = NodeLedger(node.ledger.capacity());
  node.lasting = NodeLedger(node.ledger.capacity());
  node.heard = now;
  node.alive = false;
  list_spaces();
}

void Cluster::erase(NodeId id) {
  drop_holdings(nodes_.at(id));
  nodes_.erase(id);
  list_spaces();
}

Holding& Cluster::take(Node& node, AttemptKey key, const Resources& needs, bool lasting) {
  auto grant = node.ledger.take(needs);
  TROUPE_CHECK(grant.has_value(), "a policy places only what fits");
  if (lasting) TROUPE_CHECK(node.lasting.take_exactly(*grant), "what lasts is a part of what runs");
  const auto [place, is_new] = node.holdings.try_emplace(key);
  TROUPE_CHECK(is_new, "an attempt is given once");
  place->second.grant = std::move(*grant);
  place->second.lasting = lasting;
  return place->second;
}

Holding& Cluster::recognise(Node& node, const RunningAttempt& running, Holding::Kind kind, bool lasting) {
  const AttemptKey key{running.task, running.attempt};
  const auto [place, is_new] = node.holdings.try_emplace(key);
  TROUPE_CHECK(is_new, "an attempt is booked once");
  Holding& holding = place->second;
  holding.kind = kind;
  holding.address = running.address;
  if (node.ledger.take_exactly(running.grant)) {
    holding.grant = running.grant;
    holding.lasting = lasting && node.lasting.take_exactly(running.grant);
  }
  if (kind == Holding::Kind::orphan) orphans_.insert({running.task, running.attempt, node.id});
  return holding;
}

void Cluster::set_kind(Node& node, AttemptKey key, Holding::Kind kind) {
  Holding& holding = node.holdings.at(key);
  if (holding.kind == Holding::Kind::orphan) orphans_.erase({key.task, key.attempt, node.id});
  holding.kind = kind;
  holding.unheard = 0;
}

void Cluster::release(Node& node, AttemptKey key) {
  const auto found = node.holdings.find(key);
  TROUPE_CHECK(found != node.holdings.end(), "only what is held is released");
  const Holding& holding = found->second;
  node.ledger.give_back(holding.grant);
  if (holding.lasting) node.lasting.give_back(holding.grant);
  if (holding.kind == Holding::Kind::orphan) orphans_.erase({key.task, key.attempt, node.id});
  node.holdings.erase(found);
}

std::vector<Cluster::OrphanKey> Cluster::orphans_of(TaskId task) const {
  std::vector<OrphanKey> found;
  for (auto each = orphans_.lower_bound({task, {}, {}}); each != orphans_.end() && each->task == task; ++each)
    found.push_back(*each);
  return found;
}

std::vector<NodeSpace> Cluster::all_spaces() const {
  std::vector<NodeSpace> spaces;
  for (const auto& [id, node] : nodes_) spaces.push_back({id, &node.ledger});
  return spaces;
}

void Cluster::drop_holdings(Node& node) {
  for (const auto& [key, holding] : node.holdings)
    if (holding.kind == Holding::Kind::orphan) orphans_.erase({key.task, key.attempt, node.id});
  node.holdings.clear();
}

void Cluster::list_spaces() {
  spaces_.clear();
  lasting_spaces_.clear();
  for (const auto& [id, node] : nodes_) {
    if (!node.alive) continue;
    spaces_.push_back({id, &node.ledger});
    lasting_spaces_.push_back({id, &node.lasting});
  }
}

}  // namespace troupe::scheduler
