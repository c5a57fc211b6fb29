// Tasks that are given to a node before it has room for them: where a job's tasks end within milliseconds, a node would
// otherwise stand idle for a round trip, and with durable work for a commit, after each. The node keeps them in line
// and starts the first when something there has ended. They hold nothing until then, in the books of both.
//
// Bounds: only behind tasks of the same shape, of jobs whose tasks have been quick; as many as take 20 ms by what the
// job's took before; none on a node that is kept for somebody, nor while it is another's turn that could have the room.
// What waited there for `ahead_patience` is taken back.
#include <algorithm>
#include <optional>

#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

constexpr std::int64_t most_ahead_a_seat = 128;
constexpr int most_given_a_step = 8;
constexpr Time ahead_patience{1000};

/// How many of the job's tasks may wait behind one that runs: as many as take four times `quick`, about.
std::int64_t ahead_a_seat(const Job& job, Time quick) {
  if (job.duration_sum > duration_weight * quick) return 0;
  return std::min(most_ahead_a_seat, 4 * quick * duration_weight / std::max(job.duration_sum, Time{1}));
}

}  // namespace

/// An attempt was done that began at `since`: others like it may be given ahead.
void Scheduler::State::note_duration(const Task& task, const Node& node, Time since) {
  Time& sum = task.job->duration_sum;
  sum += now - since - (sum + Time{duration_weight - 1}) / duration_weight;  // Down to nothing, if they take none.
  const Resources& needs = task.spec.needs;
  if (task.spec.gang || task.spec.is_actor() || task.spec.spreads || needs.gpus > 0 || needs.cpus == 0) return;
  ended_here = {node.id, task.shape};
}

/// How many of the task's kind may wait at the node.
std::int64_t Scheduler::State::most_ahead(const Node& node, const Task& task) const {
  return node.ledger.capacity().cpus / task.spec.needs.cpus * ahead_a_seat(*task.job, settings.quick);
}

void Scheduler::State::give_ahead() {
  const auto ended = std::exchange(ended_here, {});
  Node* node = cluster.find(ended.first);
  const ShapeIndex shape = ended.second;
  if (node == nullptr || !node->takes_work() || node->kept_for != 0 || !shapes.waiting().has(shape)) return;
  if (shapes.is_open(shape)) return;  // there is room for it
  const auto first = ready.next_of(shape);
  if (!first || most_ahead(*node, tasks[first->slot]) == 0) return;
  // The room that comes free here is for whoever has the next turn, of all that could have it.
  std::optional<Bits> could_have_it;
  const auto next_turn = [&] {
    const auto turn = ready.next(could_have_it ? *could_have_it : shapes.waiting());
    if (!turn || tasks[turn->slot].shape == shape || could_have_it) return turn;
    could_have_it.emplace();
    shapes.waiting().for_each([&](std::size_t other) {
      if (other == shape || node->lasting.fits(shapes[static_cast<ShapeIndex>(other)].needs)) could_have_it->set(other);
    });
    return ready.next(*could_have_it);
  };
  for (int given = 0; given < most_given_a_step; ++given) {
    const auto head = next_turn();
    if (!head || tasks[head->slot].shape != shape) return;
    const TaskSpec& spec = tasks[head->slot].spec;
    const auto given_already = static_cast<std::int64_t>(node->ahead.size() + node->awaiting);
    if (given_already >= most_ahead(*node, tasks[head->slot])) return;
    if (!spec.locks.empty() || !spec.semaphores.empty()) return;
    if (const auto near = nodes_near(tasks[head->slot]); !near.empty() && near.front() != node->id) return;
    if (node->ahead.empty()) wake_by(now + ahead_patience);
    start(head->slot, *node, true);
  }
}

/// Some room is free on the node: those that it starts now hold theirs from now on.
void Scheduler::State::book_ahead(Node& node) {
  if (has_planted(Planted::given_ahead_never_booked)) return;
  for (const AttemptKey& key : cluster.book_ahead(node)) {
    Holding& holding = node.holdings.at(key);
    holding.since = now;
    Job* job = tasks.find_job(key.task.job);
    if (job != nullptr && holding.billed_to == job->serial) bill(*job, holding);  // also one that is being stopped
  }
}

/// What they wait behind takes longer than expected: others may have room.
void Scheduler::State::take_back_ahead() {
  for (const NodeId id : std::vector<NodeId>(cluster.have_ahead().begin(), cluster.have_ahead().end())) {
    const Node& node = *cluster.find(id);
    const auto since = ahead_since(node);
    if (!since || now < *since + ahead_patience) continue;
    for (const AttemptKey& key : std::vector<AttemptKey>(node.ahead.begin(), node.ahead.end())) {
      const Holding* holding = node.holdings.find(key);
      if (holding != nullptr && holding->ahead && holding->kind == Holding::Kind::running)
        preempt(key, {.message = "what it waited behind takes long"});
    }
  }
}

std::optional<Time> Scheduler::State::ahead_ends(const Node& node) const {
  const auto since = ahead_since(node);
  return since ? std::optional(*since + ahead_patience) : std::nullopt;
}

/// Since when the first of those that may be taken back waits.
std::optional<Time> Scheduler::State::ahead_since(const Node& node) const {
  for (const AttemptKey& key : node.ahead) {
    const Holding* holding = node.holdings.find(key);
    if (holding != nullptr && holding->ahead && holding->kind == Holding::Kind::running) return holding->since;
  }
  return std::nullopt;
}

}  // namespace troupe::scheduler
