// What each job holds of the cluster, by which it takes turns with the others: see ready_queue.h.
#include <algorithm>

#include "scheduler/core/state.h"

namespace troupe::scheduler {
namespace {

constexpr std::int64_t mib = 1 << 20;

std::uint64_t part(std::int64_t held, std::int64_t total) {
  return total <= 0 ? 0 : static_cast<std::uint64_t>(held * mib / total);
}

/// Also what it lends: so what it waits for, of other jobs, comes before more of its own.
void add(Usage& usage, const Holding& holding, std::int64_t sign) {
  const Grant& grant = holding.grant;
  usage.cpus += sign * (grant.cpus + holding.lent);
  usage.memory_mib += sign * (grant.memory_bytes / mib);
  for (const auto& share : grant.gpus) usage.gpus += sign * share.amount;
}

bool is_empty(const Usage& usage) { return usage.cpus == 0 && usage.gpus == 0 && usage.memory_mib == 0; }

void weigh(Usage& usage, const Cluster& cluster) {
  usage.share = std::max({part(usage.cpus, cluster.total_cpus()), part(usage.gpus, cluster.total_gpus()),
                          part(usage.memory_mib, cluster.total_memory_bytes() / mib)});
}

}  // namespace

void Scheduler::State::bill(Job& job, Holding& holding) {
  if (has_planted(Planted::fair_share_forgets_what_runs)) return;
  holding.billed_to = job.serial;
  Usage usage = job.usage;
  add(usage, holding, 1);
  weigh(usage, cluster);
  usage.served = ++starts;
  if (is_empty(job.usage) && !is_empty(usage)) sharing.insert(job.info.id);
  ready.rank_anew(job, usage);
}

void Scheduler::State::unbill(AttemptKey key, Holding& holding) {
  Job* job = tasks.find_job(key.task.job);
  if (job == nullptr || job->serial != holding.billed_to) return;
  holding.billed_to = 0;
  Usage usage = job->usage;
  add(usage, holding, -1);
  weigh(usage, cluster);
  if (is_empty(usage)) sharing.erase(job->info.id);
  ready.rank_anew(*job, usage);
}

void Scheduler::State::unbill_all(Node& node) {
  for (auto& [key, holding] : node.holdings) unbill(key, *holding);
}

void Scheduler::State::release(Node& node, AttemptKey key) {
  unbill(key, node.holdings.at(key));
  cluster.release(node, key);
  book_ahead(node);
  placement_due = true;
}

/// After the cluster has become larger or smaller.
void Scheduler::State::share_anew() {
  std::erase_if(sharing, [this](JobId id) { return tasks.find_job(id) == nullptr; });
  for (const JobId id : sharing) {
    Job& job = *tasks.find_job(id);
    Usage usage = job.usage;
    weigh(usage, cluster);
    ready.rank_anew(job, usage);
  }
}

}  // namespace troupe::scheduler
