#include "scheduler/core/cluster.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_stale = 64;  // so that no one question pays for many changes

Milli gpus_of(const Grant& grant) {
  Milli sum = 0;
  for (const auto& share : grant.gpus) sum += share.amount;
  return sum;
}

NodeCapacity with_name(NodeCapacity capacity, const std::string& name) {
  std::erase_if(capacity.labels.as_vector(), [](const auto& label) { return label.first == node_label; });
  capacity.labels.emplace_back(node_label, name);
  std::sort(capacity.labels.begin(), capacity.labels.end());
  return capacity;
}

}  // namespace

Node& Cluster::join(const NodeJoined& joined, Time now) {
  const auto [place, is_new] = nodes_.try_emplace(joined.node);
  Node& node = place->second;
  if (is_new) by_id_.add(joined.node, &node);
  if (node.takes_work()) leave(node);
  clear(node);
  node.id = joined.node;
  node.incarnation = joined.incarnation;
  node.name = joined.name;
  node.ledger = NodeLedger(with_name(joined.capacity, joined.name), planted_);
  node.lasting = node.ledger;
  node.heard = now;
  if (!std::exchange(node.alive, true)) ++alive_;
  ++version_;
  if (node.takes_work()) enter(node);
  return node;
}

void Cluster::lose(Node& node, Time now) {
  if (node.takes_work()) leave(node);
  clear(node);
  node.heard = now;
  if (std::exchange(node.alive, false)) --alive_;
}

void Cluster::erase(NodeId id) {
  Node& node = nodes_.at(id);
  if (node.takes_work()) leave(node);
  clear(node);
  if (node.alive) --alive_;
  std::erase(stale_, &node);
  std::erase(gained_, &node);
  by_id_.erase(id);
  nodes_.erase(id);
  ++version_;
}

void Cluster::set_drains(Node& node, bool drains) {
  if (node.drains == drains) return;
  if (node.takes_work()) leave(node);
  node.drains = drains;
  if (node.takes_work()) enter(node);
}

/// Forgets all that it holds. Requires: it is not among those that take work.
void Cluster::clear(Node& node) {
  for (const auto& [key, holding] : node.holdings)
    if (holding->kind == Holding::Kind::orphan) orphans_.erase({key.task, key.attempt, node.id});
  node.holdings.clear();
  node.owed.clear();
  node.ahead.clear();
  have_ahead_.erase(node.id);
  node.awaiting = 0;
  node.behind.clear();
  node.ledger = node.ledger.emptied();
  node.lasting = node.ledger;
}

void Cluster::enter(Node& node) {
  const NodeCapacity& capacity = node.ledger.capacity();
  total_.cpus += capacity.cpus;
  total_.gpus += static_cast<Milli>(capacity.gpus.size()) * 1000;
  total_.memory_bytes += capacity.memory_bytes;
  free_.cpus += node.ledger.free_cpus();
  free_.gpus += node.ledger.free_gpus();
  node.place = &index_.put(node.space());
  gained_.push_back(&node);
  ++lasting_gains_;
}

void Cluster::leave(Node& node) {
  TROUPE_CHECK(node.spare == nullptr, "a node is let go before it leaves");
  const NodeCapacity& capacity = node.ledger.capacity();
  total_.cpus -= capacity.cpus;
  total_.gpus -= static_cast<Milli>(capacity.gpus.size()) * 1000;
  total_.memory_bytes -= capacity.memory_bytes;
  free_.cpus -= node.ledger.free_cpus();
  free_.gpus -= node.ledger.free_gpus();
  index_.drop(node.id);
  node.place = nullptr;
}

void Cluster::books_changed(Node& node, bool gained) {
  if (!node.takes_work()) return;
  if (gained) gained_.push_back(&node);
  if (!node.is_stale) {
    node.is_stale = true;
    stale_.push_back(&node);
  }
  if (stale_.size() > most_stale) refresh();
}

void Cluster::refresh() {
  for (Node* node : stale_) {
    node->is_stale = false;
    if (node->takes_work()) index_.put(node->space(), *node->place);
  }
  stale_.clear();
}

std::vector<Node*> Cluster::take_gained() {
  std::sort(gained_.begin(), gained_.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  gained_.erase(std::unique(gained_.begin(), gained_.end()), gained_.end());
  return std::exchange(gained_, {});
}

const Rooms& Cluster::rooms() {
  refresh();
  return index_;
}

const RoomIndex& Cluster::empty_rooms() {
  if (empty_version_ == version_) return empty_rooms_;
  empty_version_ = version_;
  empty_rooms_ = {};
  empty_ledgers_.clear();
  for (const auto& [id, node] : nodes_) {
    empty_ledgers_.push_back(node.ledger.emptied());
    empty_rooms_.put({.node = id, .ledger = &empty_ledgers_.back()});
  }
  return empty_rooms_;
}

std::vector<NodeSpace> Cluster::lasting_spaces(std::size_t most) {
  refresh();
  std::vector<NodeSpace> spaces = index_.with_room({.cpus = 0}, most + kept_);
  std::erase_if(spaces, [](const NodeSpace& space) { return space.spare != nullptr; });
  if (spaces.size() > most) spaces.resize(most);
  for (auto& space : spaces) space.ledger = &find(space.node)->lasting;
  return spaces;
}

void Cluster::keep(Node& node, std::uint64_t request, const std::vector<const Resources*>& needs) {
  TROUPE_CHECK(node.kept_for == 0 && node.takes_work(), "a node is kept for one request at a time");
  ++kept_;
  node.kept_for = request;
  node.kept_as = ++keeps_;
  node.spare = std::make_unique<NodeLedger>(node.lasting);
  for (const Resources* each : needs)
    TROUPE_CHECK(node.spare->take(*each).has_value(), "what a node is kept for fits beside what lasts");
  for (auto& [key, holding] : node.holdings)
    if (holding->lasting) holding->spared_by = node.kept_as;
  books_changed(node, false);
}

void Cluster::let_go(Node& node) {
  --kept_;
  ++lasting_gains_;
  node.kept_for = 0;
  node.spare.reset();
  books_changed(node, true);
}

Holding& Cluster::take(Node& node, AttemptKey key, const Resources& needs, bool lasting) {
  NodeLedger& books = node.spare ? *node.spare : node.ledger;
  auto grant = books.take(needs);
  TROUPE_CHECK(grant.has_value(), "a policy places only where there is room");
  if (node.spare) TROUPE_CHECK(node.ledger.take_exactly(*grant), "what is spare is free");
  if (lasting) {
    TROUPE_CHECK(node.lasting.take_exactly(*grant), "what lasts is a part of what runs");
    ++lasting_version_;
  }
  Holding& holding = node.holdings.add(key);
  holding.grant = std::move(*grant);
  holding.lasting = lasting;
  holding.spared_by = node.spare ? node.kept_as : 0;
  free_.cpus -= holding.grant.cpus;
  free_.gpus -= gpus_of(holding.grant);
  books_changed(node, false);
  return holding;
}

void Cluster::wait_ahead(Node& node, AttemptKey key) {
  node.ahead.push_back(key);
  have_ahead_.insert(node.id);
}

Holding& Cluster::give_ahead(Node& node, AttemptKey key, const Resources& needs, bool awaits) {
  Holding& holding = node.holdings.add(key);
  holding.ahead = Grant{.cpus = needs.cpus, .memory_bytes = needs.memory_bytes, .named = needs.named};
  holding.awaiting = awaits;
  if (awaits) {
    ++node.awaiting;
  } else {
    wait_ahead(node, key);
  }
  return holding;
}

void Cluster::stop_awaiting(Node& node, AttemptKey key, Holding& holding) {
  holding.awaiting = false;
  --node.awaiting;
  wait_ahead(node, key);
}

std::vector<AttemptKey> Cluster::book_ahead(Node& node) {
  std::vector<AttemptKey> booked;
  for (; !node.ahead.empty(); node.ahead.pop_front()) {
    Holding* holding = node.holdings.find(node.ahead.front());
    if (holding == nullptr || !holding->ahead) continue;  // it is over, and perhaps back with room of its own
    if (!node.ledger.take_exactly(*holding->ahead)) break;
    holding->grant = std::move(*holding->ahead);
    holding->ahead.reset();
    if (node.takes_work()) {
      free_.cpus -= holding->grant.cpus;
      free_.gpus -= gpus_of(holding->grant);
    }
    booked.push_back(node.ahead.front());
  }
  if (node.ahead.empty()) have_ahead_.erase(node.id);
  if (!booked.empty()) books_changed(node, false);
  return booked;
}

Holding& Cluster::recognise(Node& node, const RunningAttempt& running, Holding::Kind kind, bool lasting) {
  const AttemptKey key{running.task, running.attempt};
  Holding& holding = node.holdings.add(key);
  holding.kind = kind;
  holding.address = running.address;
  Grant grant = running.grant;
  const bool lacks_cpus =
      running.cpus != GrantedCpus::held && !lasting && node.ledger.emptied().fits_exactly(running.grant);
  const Milli lent = lacks_cpus ? std::exchange(grant.cpus, 0) : 0;
  if (node.ledger.take_exactly(grant)) {
    holding.grant = grant;
    holding.lent = lent;
    holding.lasting = lasting && node.lasting.take_exactly(grant);
    ++lasting_version_;
    if (node.takes_work()) {
      free_.cpus -= holding.grant.cpus;
      free_.gpus -= gpus_of(holding.grant);
    }
    books_changed(node, false);
  } else if (!lasting && node.ledger.emptied().fits_exactly(running.grant)) {
    holding.ahead = running.grant;
    wait_ahead(node, key);
  }
  if (kind == Holding::Kind::orphan) orphans_.insert({running.task, running.attempt, node.id});
  if (holding.lent > 0) running.cpus == GrantedCpus::owed ? take_lent_cpus(node, key) : lend_cpus(node, key);
  return holding;
}

void Cluster::set_kind(Node& node, AttemptKey key, Holding::Kind kind) {
  Holding& holding = node.holdings.at(key);
  if (holding.kind == Holding::Kind::orphan) orphans_.erase({key.task, key.attempt, node.id});
  holding.kind = kind;
  holding.unheard = 0;
}

void Cluster::make_lasting(Node& node, AttemptKey key) {
  TROUPE_CHECK(node.kept_for == 0, "what is spare on a kept node is counted once");
  Holding& holding = node.holdings.at(key);
  if (holding.lasting || holding.ahead || holding.lent > 0) return;
  holding.lasting = node.lasting.take_exactly(holding.grant);
  ++lasting_version_;
}

void Cluster::release(Node& node, AttemptKey key) {
  const Holding& holding = node.holdings.at(key);
  node.ledger.give_back(holding.grant);
  if (holding.lasting) {
    node.lasting.give_back(holding.grant);
    ++lasting_gains_;
  }
  if (node.spare && holding.spared_by == node.kept_as) node.spare->give_back(holding.grant);
  if (node.takes_work()) {
    free_.cpus += holding.grant.cpus;
    free_.gpus += gpus_of(holding.grant);
  }
  if (holding.awaiting) --node.awaiting;
  books_changed(node, true);
  if (holding.kind == Holding::Kind::orphan) orphans_.erase({key.task, key.attempt, node.id});
  node.holdings.erase(key);
  if (node.owed.empty()) return;
  std::erase(node.owed, key);
  take_what_is_owed(node);
}

void Cluster::lend_cpus(Node& node, AttemptKey key) {
  std::erase(node.owed, key);
  Holding& holding = node.holdings.at(key);
  if (holding.lent == 0) {
    const Grant cpus{.cpus = std::exchange(holding.grant.cpus, 0)};
    holding.lent = cpus.cpus;
    node.ledger.give_back(cpus);
    if (node.spare && holding.spared_by == node.kept_as) node.spare->give_back(cpus);
    if (node.takes_work()) free_.cpus += cpus.cpus;
    books_changed(node, true);
  }
  lasts_while_it_waits(node, holding);
}

/// What it waits for may need a node that is kept for somebody who waits for what it holds.
void Cluster::lasts_while_it_waits(Node& node, Holding& holding) {
  if (holding.lasting || node.kept_for != 0 || !holding.holds_more_than_cpus()) return;
  holding.lasting = node.lasting.take_exactly(holding.grant);
  ++lasting_version_;
}

void Cluster::take_lent_cpus(Node& node, AttemptKey key) {
  Holding& holding = node.holdings.at(key);
  if (std::exchange(holding.lasting, false)) {
    node.lasting.give_back(holding.grant);
    ++lasting_gains_;
  }
  if (std::find(node.owed.begin(), node.owed.end(), key) == node.owed.end()) node.owed.push_back(key);
  take_what_is_owed(node);
}

void Cluster::take_what_is_owed(Node& node) {
  std::erase_if(node.owed, [&](const AttemptKey& key) {
    Holding& holding = node.holdings.at(key);
    const Grant cpus{.cpus = holding.lent};
    NodeLedger* const spare = node.spare && holding.spared_by == node.kept_as ? node.spare.get() : nullptr;
    if (!node.ledger.fits_exactly(cpus) || (spare != nullptr && !spare->take_exactly(cpus))) return false;
    TROUPE_CHECK(node.ledger.take_exactly(cpus), "what fits is taken");
    if (node.takes_work()) free_.cpus -= cpus.cpus;
    holding.grant.cpus = std::exchange(holding.lent, 0);
    return true;
  });
  books_changed(node, false);
}

std::vector<Cluster::OrphanKey> Cluster::orphans_of(TaskId task) const {
  std::vector<OrphanKey> found;
  for (auto each = orphans_.lower_bound({task, {}, {}}); each != orphans_.end() && each->task == task; ++each)
    found.push_back(*each);
  return found;
}

}  // namespace troupe::scheduler
