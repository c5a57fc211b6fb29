#include "runtime/wire/base_fields.h"

#include <algorithm>
#include <concepts>

namespace troupe {
namespace {

/// A task comes after others of its job, mostly: then their numbers say it, in a third of the bytes.
struct Edges {
  std::vector<std::uint32_t> numbers;
  std::vector<TaskId> tasks;  ///< All of them, where one is of another job.
};

Edges edges_of(const TaskSpec& spec) {
  Edges edges;
  const auto is_own = [&](TaskId before) { return before.job == spec.id.job; };
  if (!std::all_of(spec.after.begin(), spec.after.end(), is_own)) return {{}, spec.after};
  edges.numbers.reserve(spec.after.size());
  for (const TaskId before : spec.after) edges.numbers.push_back(before.number);
  return edges;
}

void take_edges(TaskSpec& spec, Edges edges) {
  spec.after = std::move(edges.tasks);
  spec.after.reserve(spec.after.size() + edges.numbers.size());
  for (const std::uint32_t number : edges.numbers) spec.after.push_back({spec.id.job, number});
}

}  // namespace

template <class Archive>
void fields(Archive& archive, ClusterId& value) {
  archive("cluster id", value.high, value.low);
}

template <class Archive>
void fields(Archive& archive, TaskId& value) {
  archive("task id", value.job, value.number);
}

template <class Archive>
void fields(Archive& archive, AttemptId& value) {
  archive("attempt id", value.epoch, value.number);
}

template <class Archive>
void fields(Archive& archive, Error& value) {
  archive("error", value.fault, value.message);
}

template <class Archive>
void fields(Archive& archive, Resources& value) {
  archive("resources", value.cpus, value.gpus, value.memory_bytes, value.gpu_memory_bytes, value.named, value.labels);
}

template <class Archive>
void fields(Archive& archive, GpuDevice& value) {
  archive("gpu device", value.index, value.uuid, value.memory_bytes);
}

template <class Archive>
void fields(Archive& archive, NodeCapacity& value) {
  archive("node capacity", value.cpus, value.memory_bytes, value.gpus, value.named, value.labels);
}

template <class Archive>
void fields(Archive& archive, GpuShare& value) {
  archive("gpu share", value.index, value.amount, value.memory_bytes);
}

template <class Archive>
void fields(Archive& archive, Grant& value) {
  archive("grant", value.cpus, value.memory_bytes, value.gpus, value.named);
}

template <class Archive>
void fields(Archive& archive, InputRef& value) {
  archive("input", value.input);
}

// Whatever bytes its user typed.
template <class Archive>
void fields(Archive& archive, RuntimeEnvironment& value) {
  archive("runtime environment", as_bytes(value.working_directory), as_bytes(value.variables), value.niceness,
          appended(value.max_tasks));
}

template <class Archive>
void fields(Archive& archive, FunctionWork& value) {
  archive("function work", value.function, as_bytes(value.arguments), appended(value.environment));
}

// A path is whatever bytes its user typed.
template <class Archive>
void fields(Archive& archive, RestartRule& value) {
  archive("restart rule", value.mode, as_bytes(value.folder), value.checkpoint_calls, value.checkpoint_interval);
}

template <class Archive>
void fields(Archive& archive, MethodGroup& value) {
  archive("method group", value.methods, value.threads);
}

template <class Archive>
void fields(Archive& archive, Concurrency& value) {
  archive("concurrency", value.threads, value.groups);
}

template <class Archive>
void fields(Archive& archive, ActorWork& value) {
  archive("actor work", value.type, as_bytes(value.arguments), appended(value.shares_worker), appended(value.restart),
          appended(value.concurrency), appended(value.environment), appended(value.registers_name));
}

// Arguments and variables of a program are whatever bytes its user typed; so are paths.
template <class Archive>
void fields(Archive& archive, CommandWork& value) {
  archive("command work", as_bytes(value.argv), as_bytes(value.environment), as_bytes(value.working_directory),
          as_bytes(value.task_directory), value.results);
}

template <class Archive>
void fields(Archive& archive, JoinWork&) {
  archive("join work");
}

template <class Archive>
void fields(Archive& archive, GangHint& value) {
  archive("gang hint", value.gang, value.size, value.rank, value.policy, value.bytes_to_next, appended(value.stages));
}

template <class Archive>
void fields(Archive& archive, SemaphoreNeed& value) {
  archive("semaphore need", value.name, value.permits);
}

template <class Archive>
void fields(Archive& archive, Condition& value) {
  archive("condition", value.text, value.results);
}

template <class Archive>
void fields(Archive& archive, Repeat& value) {
  archive("repeat", value.condition, value.at_most);
}

template <class Archive>
void fields(Archive& archive, RetryRule& value) {
  archive("retry rule", value.exit_codes, value.signals, value.delay, value.longest_delay, appended(value.exceptions));
}

template <class Archive>
void fields(Archive& archive, TaskSpec& value) {
  constexpr bool reads = std::same_as<Archive, FieldReader>;
  Edges edges = reads ? Edges{} : edges_of(value);
  archive("task spec", value.id, value.name, value.work, value.needs, value.max_attempts, value.timeout, edges.tasks,
          value.inputs, value.gang, appended(value.locks), appended(value.semaphores), appended(value.priority),
          appended(value.preemptible), appended(value.spreads), appended(value.cache), appended(value.when),
          appended(value.repeat), appended(value.retry), appended(edges.numbers), appended(value.inputs_epoch),
          appended(value.near));
  if constexpr (reads) take_edges(value, std::move(edges));
}

// The message may end in a program's output, which need not be text.
template <class Archive>
void fields(Archive& archive, Cause& value) {
  archive("cause", value.exit_code, value.signal, as_bytes(value.message), appended(value.exception));
}

template <class Archive>
void fields(Archive& archive, AttemptRecord& value) {
  archive("attempt record", value.id, value.node, value.started_ms, value.ended_ms, value.end, value.cause);
}

template <class Archive>
void fields(Archive& archive, Awaited& value) {
  archive("awaited attempt", value.task, value.attempt, value.input);
}

template <class Archive>
void fields(Archive& archive, RunOrder& value) {
  archive("run order", value.task, value.attempt, value.name, as_bytes(value.program), value.work,
          as_bytes(value.inputs), value.grant, value.timeout, value.gang, appended(value.token), appended(value.ahead),
          appended(value.awaits), appended(value.durable));
  archive.expect(!std::holds_alternative<JoinWork>(value.work), "an order to run a join",
                 "work that is done somewhere");
}

template <class Archive>
void fields(Archive& archive, RunningAttempt& value) {
  archive("running attempt", value.task, value.attempt, value.grant, value.address, appended(value.awaited),
          appended(value.cpus));
}

template <class Archive>
void fields(Archive& archive, AttemptReport& value) {
  archive("attempt report", value.task, value.attempt, value.end, as_bytes(value.result), value.cause);
}

template <class Archive>
void fields(Archive& archive, JobInfo& value) {
  archive("job info", value.id, value.name, as_bytes(value.program), value.durable);
}

template <class Archive>
void fields(Archive& archive, WaitReason& value) {
  archive("wait reason", value.what, value.text, value.task, value.others, value.name, value.until_ms);
}

namespace sync {

template <class Archive>
void fields(Archive& archive, Acquire& value) {
  archive("acquire", value.kind, value.name, value.permits, value.capacity, value.lease, value.patience, value.held);
}
template <class Archive>
void fields(Archive& archive, Release& value) {
  archive("release", value.token);
}
template <class Archive>
void fields(Archive& archive, Renew& value) {
  archive("renew", value.tokens);
}
template <class Archive>
void fields(Archive& archive, Arrive& value) {
  archive("arrive", value.name, value.parties, value.passed, value.round, value.patience);
}
template <class Archive>
void fields(Archive& archive, QueueOptions& value) {
  archive("queue options", value.capacity, value.max_deliveries, value.durable);
}
template <class Archive>
void fields(Archive& archive, OpenQueue& value) {
  archive("open queue", value.name, value.options);
}
template <class Archive>
void fields(Archive& archive, Send& value) {
  archive("send", value.queue, as_bytes(value.body), value.durable);
}
template <class Archive>
void fields(Archive& archive, Receive& value) {
  archive("receive", value.queue, value.lease, value.patience, value.outlives_client, value.held, value.message);
}
template <class Archive>
void fields(Archive& archive, Acknowledge& value) {
  archive("acknowledge", value.queue, value.token);
}
template <class Archive>
void fields(Archive& archive, GiveUp& value) {
  archive("give up", value.request);
}
template <class Archive>
void fields(Archive& archive, Recall& value) {
  archive("recall", value.name, value.passed);
}
template <class Archive>
void fields(Archive& archive, Request& value) {
  archive("request", value.number, value.operation);
}
template <class Archive>
void fields(Archive& archive, Answer& value) {
  archive("sync answer", value.request, value.outcome, value.token, value.message, value.deliveries,
          as_bytes(value.body), value.refusal, value.lost);
}

}  // namespace sync

#define TROUPE_COMPILE_FIELDS(Type)                  \
  template void fields(FieldWriter& archive, Type&); \
  template void fields(FieldReader& archive, Type&);
TROUPE_COMPILE_FIELDS(ClusterId)
TROUPE_COMPILE_FIELDS(TaskId)
TROUPE_COMPILE_FIELDS(AttemptId)
TROUPE_COMPILE_FIELDS(Error)
TROUPE_COMPILE_FIELDS(Resources)
TROUPE_COMPILE_FIELDS(GpuDevice)
TROUPE_COMPILE_FIELDS(NodeCapacity)
TROUPE_COMPILE_FIELDS(GpuShare)
TROUPE_COMPILE_FIELDS(Grant)
TROUPE_COMPILE_FIELDS(InputRef)
TROUPE_COMPILE_FIELDS(RuntimeEnvironment)
TROUPE_COMPILE_FIELDS(FunctionWork)
TROUPE_COMPILE_FIELDS(RestartRule)
TROUPE_COMPILE_FIELDS(MethodGroup)
TROUPE_COMPILE_FIELDS(Concurrency)
TROUPE_COMPILE_FIELDS(ActorWork)
TROUPE_COMPILE_FIELDS(CommandWork)
TROUPE_COMPILE_FIELDS(JoinWork)
TROUPE_COMPILE_FIELDS(GangHint)
TROUPE_COMPILE_FIELDS(SemaphoreNeed)
TROUPE_COMPILE_FIELDS(Condition)
TROUPE_COMPILE_FIELDS(Repeat)
TROUPE_COMPILE_FIELDS(RetryRule)
TROUPE_COMPILE_FIELDS(TaskSpec)
TROUPE_COMPILE_FIELDS(Cause)
TROUPE_COMPILE_FIELDS(AttemptRecord)
TROUPE_COMPILE_FIELDS(RunOrder)
TROUPE_COMPILE_FIELDS(RunningAttempt)
TROUPE_COMPILE_FIELDS(AttemptReport)
TROUPE_COMPILE_FIELDS(JobInfo)
TROUPE_COMPILE_FIELDS(WaitReason)
namespace sync {
TROUPE_COMPILE_FIELDS(QueueOptions)
TROUPE_COMPILE_FIELDS(Request)
TROUPE_COMPILE_FIELDS(Answer)
}  // namespace sync
#undef TROUPE_COMPILE_FIELDS

}  // namespace troupe
