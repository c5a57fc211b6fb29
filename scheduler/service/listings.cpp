#include "scheduler/service/listings.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_tasks_told = 65'536;    // in one message
constexpr std::size_t most_names_told = 8u << 20;  // likewise, in bytes
constexpr std::size_t most_shapes_told = 256;
constexpr std::size_t most_holders_told = 16;  // of one lock

message::ClaimSummary summary_of(sync::Token token, const Claim& claim) {
  return {.token = token,
          .client = claim.client,
          .task = claim.holder.task,
          .attempt = claim.holder.attempt,
          .permits = claim.permits,
          .until_ms = claim.until == never ? 0 : claim.until.count()};
}

void append(sync::Kind kind, const Permits& permits, const Claims& claims, std::vector<message::LockSummary>& locks) {
  for (const auto& [name, pool] : permits.pools()) {
    message::LockSummary& lock = locks.emplace_back(message::LockSummary{.kind = kind,
                                                                         .name = name,
                                                                         .capacity = pool.capacity,
                                                                         .free = pool.free,
                                                                         .holding = pool.holding.size(),
                                                                         .waiting = pool.waiting.size(),
                                                                         .holders = {}});
    for (const sync::Token token : pool.holding) {
      if (lock.holders.size() == most_holders_told) break;
      lock.holders.push_back(summary_of(token, claims.at(token)));
    }
  }
}

}  // namespace

message::TaskList task_list(const Scheduler& core, const message::AskTasks& ask) {
  message::TaskList answer{ask.request, {}};
  std::size_t bytes = 0;
  for (const auto& [spec, progress] : core.tasks_of(ask.job, ask.first, most_tasks_told + 1)) {
    answer.goes_on = answer.tasks.size() == most_tasks_told || bytes > most_names_told;
    if (answer.goes_on) break;
    bytes += spec.name.size();
    const auto& attempts = progress.attempts;
    answer.tasks.push_back({spec.id, spec.name, progress.state, static_cast<std::uint32_t>(attempts.size()),
                            attempts.empty() ? NodeId{} : attempts.back().node, spec.is_join()});
  }
  return answer;
}

std::optional<message::Message> actor_status(const Scheduler& core, TaskId actor) {
  auto view = core.actor(actor);
  if (is_final(view.state)) return message::TaskEnded{actor, view.state, {}, std::move(view.reason), {}};
  if (view.address.empty()) return std::nullopt;
  return message::ActorUp{actor, view.attempt, std::move(view.address), view.node};
}

message::ClusterStatus cluster_status(const Scheduler& core, const message::AskStatus& ask, const StoreAge& age) {
  message::ClusterStatus answer{
      .request = ask.request, .epoch = age.epoch, .commit_seq = age.commit_seq, .nodes = {}, .queue = {}};
  for (const auto& view : core.nodes())
    answer.nodes.push_back({view.node, view.name, view.capacity, view.free_cpus, view.alive,
                            static_cast<std::uint32_t>(view.running), view.drains});
  if (!ask.with_queue) return answer;
  for (auto& view : core.waiting(most_shapes_told))
    answer.queue.push_back(
        {std::move(view.needs), view.gang, view.waiting, view.first, std::move(view.name), std::move(view.why)});
  return answer;
}

message::SyncStatus sync_status(const Scheduler& core, const message::AskSync& ask) {
  const Synchronisation& all = core.synchronisation();
  message::SyncStatus answer{.request = ask.request, .locks = {}, .queues = {}};
  append(sync::Kind::lock, all.locks(), all.claims(), answer.locks);
  append(sync::Kind::semaphore, all.semaphores(), all.claims(), answer.locks);
  for (const auto& [name, queue] : all.queues().queues()) {
    const std::size_t in_line = queue.live.ready.size() + queue.dead.ready.size();
    answer.queues.push_back({.name = name,
                             .options = queue.options,
                             .ready = queue.live.ready.size(),
                             .delivered = queue.messages.size() - in_line,
                             .dead = queue.dead.ready.size(),
                             .receivers = queue.live.waiting.size() + queue.dead.waiting.size()});
  }
  return answer;
}

}  // namespace troupe::scheduler
