#include "scheduler/service/listings.h"

#include <algorithm>
#include <utility>

#include "runtime/base/overloaded.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_tasks_told = 8'192;     // in one message
constexpr std::size_t most_looked_at = 65'536;     // for one, where few are told
constexpr std::size_t most_bytes_told = 8u << 20;  // likewise
constexpr std::size_t most_jobs_told = 4'096;
constexpr std::size_t most_before_told = 20;  // of one task
constexpr std::size_t most_edges_told = 256;
constexpr std::size_t most_shapes_told = 256;
constexpr std::size_t most_holders_told = 16;  // of one lock

std::string name_of_work(const Work& work) {
  return std::visit(Overloaded{
                        [](const FunctionWork& function) { return function.function; },
                        [](const ActorWork& actor) { return actor.type; },
                        [](const Boxed<CommandWork>& command) {
                          return command && !command->argv.empty() ? command->argv.front() : std::string();
                        },
                        [](const JoinWork&) { return std::string(); },
                    },
                    work);
}

message::TaskSummary summary_of(const Scheduler::TaskView& view, bool with_attempts) {
  const auto& [spec, progress, is_up] = view;
  const auto& attempts = progress.attempts;
  message::TaskSummary summary{.task = spec.id,
                               .name = spec.name,
                               .state = progress.state,
                               .attempts = static_cast<std::uint32_t>(attempts.size()),
                               .node = attempts.empty() ? NodeId{} : attempts.back().node,
                               .is_join = spec.is_join(),
                               .kind = static_cast<message::WorkKind>(spec.work.index()),
                               .work = name_of_work(spec.work),
                               .is_up = is_up,
                               .max_attempts = spec.max_attempts,
                               .gang = spec.gang,
                               .records = {}};
  if (with_attempts) summary.records = attempts;
  return summary;
}

std::size_t bytes_of(const message::TaskSummary& summary) {
  std::size_t bytes = summary.name.size() + summary.work.size();
  for (const auto& record : summary.records) bytes += sizeof record + record.cause.message.size();
  return bytes;
}

/// Values may be many and large, and mean nothing to who looks.
TaskSpec without_values(TaskSpec spec) {
  if (auto* function = std::get_if<FunctionWork>(&spec.work)) function->arguments.clear();
  if (auto* actor = std::get_if<ActorWork>(&spec.work)) actor->arguments.clear();
  if (spec.after.size() > most_edges_told) spec.after.resize(most_edges_told);
  spec.inputs = {};
  return spec;
}

message::ClaimSummary summary_of(sync::Token token, const Claim& claim, const Scheduler& core) {
  return {.token = token,
          .client = claim.client,
          .task = claim.holder.task,
          .attempt = claim.holder.attempt,
          .permits = claim.permits,
          .until_ms = claim.until == never ? 0 : claim.until.count(),
          .name = core.name_of_holder(claim.holder)};
}

/// The first few.
std::vector<message::ClaimSummary> holders_of(const Permits::Pool& pool, const Scheduler& core) {
  std::vector<message::ClaimSummary> holders;
  for (const sync::Token token : pool.holding) {
    if (holders.size() == most_holders_told) break;
    holders.push_back(summary_of(token, core.synchronisation().claims().at(token), core));
  }
  return holders;
}

void append(sync::Kind kind, const Permits& permits, const Scheduler& core, std::vector<message::LockSummary>& locks) {
  for (const auto& [name, pool] : permits.pools())
    locks.push_back({.kind = kind,
                     .name = name,
                     .capacity = pool.capacity,
                     .free = pool.free,
                     .holding = pool.holding.size(),
                     .waiting = pool.waiting.size(),
                     .holders = holders_of(pool, core)});
}

}  // namespace

message::TaskList task_list(const Scheduler& core, const message::AskTasks& ask) {
  message::TaskList answer{.request = ask.request, .tasks = {}};
  const std::size_t most = ask.only_actors ? most_looked_at : most_tasks_told;
  const auto views = ask.node ? core.tasks_on(ask.node) : core.tasks_of(ask.job, ask.first, most + 1);
  std::size_t bytes = 0;
  std::size_t looked_at = 0;
  for (const auto& view : views) {
    const bool is_full = answer.tasks.size() == most_tasks_told || bytes > most_bytes_told || looked_at == most;
    answer.goes_on = is_full && !ask.node;
    answer.next = view.spec.id.number;
    if (is_full) break;
    ++looked_at;
    if (ask.only_actors && !view.spec.is_actor()) continue;
    answer.tasks.push_back(summary_of(view, ask.with_attempts));
    bytes += bytes_of(answer.tasks.back());
  }
  return answer;
}

message::TaskTold task_told(const Scheduler& core, const message::AskTask& ask) {
  message::TaskTold answer{.request = ask.request,
                           .job = {},
                           .spec = {},
                           .summary = {},
                           .reason = {},
                           .waits = {},
                           .holders = {},
                           .before = {}};
  const auto view = core.task(ask.task);
  if (!view) return answer;
  const auto& [spec, progress, is_up] = *view;
  answer.is_known = true;
  answer.job = core.job_of(*view);
  answer.spec = without_values(spec);
  answer.summary = summary_of(*view, true);
  answer.failed_attempts = progress.failed_attempts;
  answer.iteration = progress.iteration;
  answer.is_cached = progress.cached;
  answer.reason = progress.reason;
  answer.waits = core.why_waiting(ask.task);
  const bool is_lock = answer.waits.what == WaitsFor::lock;
  if (is_lock || answer.waits.what == WaitsFor::semaphore) {
    const Synchronisation& sync = core.synchronisation();
    const Permits::Pool* pool = (is_lock ? sync.locks() : sync.semaphores()).find(answer.waits.name);
    if (pool != nullptr) answer.holders = holders_of(*pool, core);
  }
  for (const auto& before : core.before(ask.task, most_before_told)) answer.before.push_back(summary_of(before, false));
  return answer;
}

message::JobList job_list(const Scheduler& core, const message::AskJobs& ask) {
  message::JobList answer{.request = ask.request, .jobs = {}};
  for (auto& view : core.jobs(ask.behind, most_jobs_told + 1)) {
    answer.goes_on = answer.jobs.size() == most_jobs_told;
    if (answer.goes_on) break;
    answer.jobs.push_back({std::move(view.job), view.since.count(), static_cast<std::uint32_t>(view.drivers),
                           std::move(view.states), view.actors});
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
  const auto sizes = core.sizes();
  answer.scheduler = {.tasks = sizes.tasks,
                      .most_tasks = core.most_tasks(),
                      .jobs = sizes.jobs,
                      .drivers = sizes.drivers,
                      .claims = sizes.claims};
  for (const auto& view : core.nodes())
    answer.nodes.push_back({view.node, view.name, view.capacity, view.free_cpus, view.alive,
                            static_cast<std::uint32_t>(view.running), view.drains, view.free_gpus,
                            view.free_memory_bytes});
  if (!ask.with_queue) return answer;
  for (auto& view : core.waiting(most_shapes_told))
    answer.queue.push_back(
        {std::move(view.needs), view.gang, view.waiting, view.first, std::move(view.name), std::move(view.why)});
  return answer;
}

message::SyncStatus sync_status(const Scheduler& core, const message::AskSync& ask) {
  const Synchronisation& all = core.synchronisation();
  message::SyncStatus answer{.request = ask.request, .locks = {}, .queues = {}};
  append(sync::Kind::lock, all.locks(), core, answer.locks);
  append(sync::Kind::semaphore, all.semaphores(), core, answer.locks);
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
