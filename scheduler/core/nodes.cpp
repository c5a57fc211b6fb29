#include <algorithm>
#include <utility>

#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

constexpr std::uint8_t heartbeats_until_lost = 2;  // the first may have been under way when the order was
constexpr std::size_t most_dead_nodes_kept = 1000;

/// The task's own doing: it had begun.
bool is_own_end(AttemptEnd end) { return end == AttemptEnd::done || end == AttemptEnd::failed; }

std::string flaw_of(const std::vector<RunningAttempt>& running) {
  for (const auto& each : running)
    if (std::string flaw = flaw_of(each.grant); !flaw.empty()) return flaw;
  return {};
}

}  // namespace

Node* Scheduler::State::expect(NodeId id, std::uint64_t incarnation) {
  Node* node = cluster.find(id);
  if (node != nullptr && incarnation < node->incarnation) {
    ignore("it comes from an earlier incarnation of node '" + node->name + "'");
    return nullptr;
  }
  if (node == nullptr || !node->alive || incarnation > node->incarnation) {
    send(AskToJoin{id});
    return nullptr;
  }
  node->heard = now;
  return node;
}

Slot Scheduler::State::slot_of(const AttemptKey& key, const Holding& holding) const {
  const Slot slot = holding.slot;
  return tasks.holds(slot) && tasks[slot].spec.id == key.task ? slot : tasks.find(key.task);
}

void Scheduler::State::on(const NodeJoined& joined) {
  for (const auto& flaw : {troupe::flaw_of(joined.capacity), flaw_of(joined.running)})
    if (!flaw.empty()) return ignore("node '" + joined.name + "' tells nonsense: " + flaw);
  Node* known = cluster.find(joined.node);
  if (known != nullptr && joined.incarnation < known->incarnation)
    return ignore("a later incarnation of node '" + joined.name + "' has joined");
  if (known == nullptr && cluster.nodes().size() >= settings.most_nodes)
    return ignore("there are " + std::to_string(cluster.nodes().size()) + " nodes, the most there may be");

  if (known != nullptr && known->alive && known->incarnation == joined.incarnation) {
    // It may be a copy from before orders that arrived since: no proof that those are lost.
    known->heard = now;
    send(WelcomeNode{joined.node, joined.incarnation});
    return compare(*known, joined.running, false);
  }

  std::vector<AttemptKey> earlier;
  if (known != nullptr)
    for (const auto& [key, holding] : known->holdings)
      if (holding->kind == Holding::Kind::running) earlier.push_back(key);
  if (auto waiting = awaited.extract(joined.node); !waiting.empty())
    earlier.insert(earlier.end(), waiting.mapped().begin(), waiting.mapped().end());

  if (known != nullptr) {
    withdraw(*known);
    unbill_all(*known);
    give_back_all_but(*known, joined.running);
  }
  Node& node = cluster.join(joined, now);
  cluster.set_drains(node, drained.contains(node.id));
  share_anew();
  node.over.clear();
  placement_due = true;
  send(WelcomeNode{joined.node, joined.incarnation});
  for (const auto& running : joined.running) take_in(node, running);
  std::erase_if(earlier, [&](const AttemptKey& key) { return node.holdings.contains(key); });
  if (!has_planted(Planted::restarted_node_keeps_its_attempts))
    lose_attempts(earlier, "node '" + node.name + "' came back without it");
  wake_by(now + longest_sleep());
}

void Scheduler::State::on(const NodeHeard& heard) {
  if (const auto flaw = flaw_of(heard.running); !flaw.empty()) return ignore("a node tells nonsense: " + flaw);
  if (Node* node = expect(heard.node, heard.incarnation)) compare(*node, heard.running, heard.is_early);
}

void Scheduler::State::compare(Node& node, const std::vector<RunningAttempt>& running, bool is_early) {
  std::set<AttemptKey> listed;
  for (const auto& each : running) {
    const AttemptKey key{each.task, each.attempt};
    listed.insert(key);
    Holding* held = node.holdings.find(key);
    if (held == nullptr) {
      if (std::find(node.over.begin(), node.over.end(), key) == node.over.end()) take_in(node, each);
    } else if (!each.address.empty() && held->address != each.address) {
      held->address = each.address;
      if (held->kind == Holding::Kind::running) actor_is_up(tasks.find(each.task), each.address);
    }
    if (held != nullptr) note_wait(node, key, *held, each.cpus == GrantedCpus::lent);
  }
  std::erase_if(node.over, [&](const AttemptKey& key) { return !listed.contains(key); });
  for (const auto& [key, held] : node.holdings) {
    Holding& holding = *held;
    if (holding.kind == Holding::Kind::running && listed.contains(key)) {
      holding.unheard = 0;
    } else if (!is_early) {
      repeat_if_lost(node, key, holding);
    }
  }
}

/// A task that waits for other work lends its cpus.
void Scheduler::State::note_wait(Node& node, AttemptKey key, const Holding& held, bool waits) {
  if (held.is_actor() || held.ahead || held.grant.cpus + held.lent == 0) return;
  if (waits) {
    const bool begins = held.lent == 0;
    if (node.kept_for != 0 && !held.lasting && held.holds_more_than_cpus()) drop_reservation(node.kept_for);
    cluster.lend_cpus(node, key);
    if (!begins) return;
    book_ahead(node);
    placement_due = true;
  } else if (held.lent > 0) {
    cluster.take_lent_cpus(node, key);
  }
}

void Scheduler::State::repeat_if_lost(Node& node, AttemptKey key, Holding& holding) {
  if (holding.kind == Holding::Kind::orphan || ++holding.unheard < heartbeats_until_lost) return;
  holding.unheard = 0;
  if (holding.kind == Holding::Kind::stopping) {
    if (!has_planted(Planted::lost_stop_never_given_again)) send(StopAttempt{node.id, key.task, key.attempt});
  } else if (!has_planted(Planted::lost_order_never_given_again)) {
    send(RunTask{node.id, key.task, key.attempt});
  }
}

/// An attempt that the node lists and this scheduler has no books of.
void Scheduler::State::take_in(Node& node, const RunningAttempt& running) {
  const AttemptKey key{running.task, running.attempt};
  if (node.holdings.contains(key)) return;
  const Slot slot = tasks.find(running.task);
  const Task* task = slot == no_slot ? nullptr : &tasks[slot];

  const bool is_current =
      task != nullptr && task->is_running() && task->attempt().id == running.attempt && task->attempt().node == node.id;
  if (is_current) {
    Holding& holding = cluster.recognise(node, running, Holding::Kind::running, task->spec.is_actor());
    holding.since = now;
    bill(*task->job, holding);
    if (!running.address.empty()) actor_is_up(slot, running.address);
    return;
  }
  // Given by an earlier scheduler to a driver's task: the driver may come back for it. But whether what it waited for
  // was what became of those before it, nobody knows any more.
  const bool is_unknown = task == nullptr && (tasks.find_job(running.task.job) == nullptr ||
                                              !tasks.find_job(running.task.job)->info.durable);
  const bool is_untried = task != nullptr && !task->is_final() && task->progress.attempts.empty();
  const bool may_be_adopted = !running.awaited || has_planted(Planted::what_awaited_others_adopted);
  if (running.attempt.epoch < epoch && may_be_adopted && (is_unknown || is_untried)) {
    Holding& orphan = cluster.recognise(node, running, Holding::Kind::orphan, !running.address.empty());
    orphan.until = now + settings.node_timeout;
    placement_due = true;
    return wake_by(orphan.until);
  }
  cluster.recognise(node, running, Holding::Kind::stopping, !running.address.empty());
  send(StopAttempt{node.id, running.task, running.attempt});
}

void Scheduler::State::on(const NodeLeft& left) {
  Node* node = cluster.find(left.node);
  if (node == nullptr || left.incarnation < node->incarnation) return ignore("the node is not there");
  node_is_dead(*node, "node '" + node->name + "' left", AttemptEnd::preempted);
  cluster.erase(left.node);
}

void Scheduler::State::node_is_dead(Node& node, const std::string& why, AttemptEnd end) {
  std::vector<AttemptKey> attempts;
  for (const auto& [key, holding] : node.holdings)
    if (holding->kind == Holding::Kind::running) attempts.push_back(key);
  withdraw(node);
  unbill_all(node);
  give_back_all_but(node, {});
  cluster.lose(node, now);
  share_anew();
  placement_due = true;
  lose_attempts(attempts, why, end);
}

void Scheduler::State::lose_attempts(const std::vector<AttemptKey>& attempts, const std::string& why, AttemptEnd end) {
  for (const AttemptKey key : attempts) {
    give_back(key);
    const Slot slot = tasks.find(key.task);
    // The loss of one may have ended the others of its gang.
    if (slot == no_slot || !tasks[slot].is_running() || tasks[slot].attempt().id != key.attempt) continue;
    attempt_is_over(slot, end, {.message = why}, {});
  }
}

void Scheduler::State::forget_dead_nodes() {
  std::vector<std::pair<Time, NodeId>> dead;
  for (const auto& [id, node] : cluster.nodes())
    if (!node.alive) dead.emplace_back(node.heard, id);
  if (dead.size() <= most_dead_nodes_kept) return;
  std::sort(dead.begin(), dead.end());
  dead.resize(dead.size() - most_dead_nodes_kept);
  for (const auto& [since, id] : dead) cluster.erase(id);
}

void Scheduler::State::on(const ActorStarted& started) {
  Node* node = expect(started.node, started.incarnation);
  if (node == nullptr) return;
  Holding* held = node->holdings.find({started.task, started.attempt});
  if (held == nullptr || held->kind == Holding::Kind::stopping)
    return ignore("the actor's attempt is not the current one");
  if (held->address == started.address) return ignore("it is known that the actor is up");
  held->address = started.address;
  if (held->kind == Holding::Kind::running) actor_is_up(tasks.find(started.task), started.address);
}

void Scheduler::State::actor_is_up(Slot slot, const std::string& address) {
  Task& task = tasks[slot];
  task.is_up = true;
  tell_all(*task.job, TellActorUp{{}, task.spec.id, task.attempt().id, address, task.attempt().node});
}

/// What an end needs is found from place to place, and each is mostly in none of the caches: all wait for their first
/// place side by side, then for their second.
void Scheduler::State::prefetch(std::span<const EndingAttempt> ending) const {
  std::vector<std::pair<const Node*, AttemptKey>> nodes;
  for (const auto& each : ending) {
    const Node* node = cluster.find(each.node);
    if (node == nullptr) continue;
    troupe::prefetch(node, sizeof(Node));
    nodes.push_back({node, {each.task, each.attempt}});
  }
  for (const auto& [node, key] : nodes) {
    node->holdings.prefetch();
    node->ledger.prefetch_devices();
  }
  std::vector<const Holding*> holdings;
  for (const auto& [node, key] : nodes) {
    const Holding* holding = node->holdings.find(key);
    if (holding == nullptr) continue;
    troupe::prefetch(holding, sizeof(Holding));
    holdings.push_back(holding);
  }
  for (const Holding* holding : holdings) {
    tasks.prefetch(holding->slot);
    troupe::prefetch(holding->grant.gpus.data(), holding->grant.gpus.size() * sizeof(GpuShare));
  }
  for (const Holding* holding : holdings)
    if (tasks.holds(holding->slot)) tasks[holding->slot].progress.attempts.prefetch();
}

void Scheduler::State::on(const AttemptEnded& ended) {
  const AttemptReport& report = ended.report;
  Node* node = expect(ended.node, ended.incarnation);
  if (node == nullptr) return;
  const AttemptKey key{report.task, report.attempt};
  const Holding* held = node->holdings.find(key);
  if (held != nullptr) tasks.prefetch(held->slot);
  const Slot slot = held == nullptr ? no_slot : slot_of(key, *held);

  if (held == nullptr) {
    ignore("the attempt is not the current one, or has been reported");
  } else if (held->kind == Holding::Kind::orphan) {
    return ignore("the attempt's driver has not come back yet");  // not acknowledged: it will be sent again
  } else if (held->kind == Holding::Kind::running && tasks[slot].open_predecessors > 0 && is_own_end(report.end) &&
             !has_planted(Planted::published_before_what_it_awaited)) {
    return ignore("what the attempt waited for has not been reported yet");  // likewise
  } else {
    const Time since = held->since;
    const bool is_current =
        held->kind == Holding::Kind::running ||
        (has_planted(Planted::publish_without_comparing_attempt) && slot != no_slot && tasks[slot].is_running());
    if (is_current || !has_planted(Planted::stopped_attempt_keeps_its_resources)) release(*node, key);
    give_back(key);
    node->over.push_back(key);
    if (is_current) {
      // A node that ends an attempt nobody asked it to end has lost it.
      const AttemptEnd end = report.end == AttemptEnd::cancelled ? AttemptEnd::lost : report.end;
      if (end == AttemptEnd::done) note_duration(tasks[slot], *node, since);
      if (!node->behind.empty()) look_behind.push_back(node->id);
      attempt_is_over(slot, end, report.cause, report.result);
    } else {
      ignore("the attempt was told to stop");
    }
  }
  send(AcknowledgeReport{node->id, report.task, report.attempt});
}

}  // namespace troupe::scheduler
