#include "runtime/wire/message_codec.h"

#include "runtime/wire/base_fields.h"

namespace troupe {

template <class Archive>
void fields(Archive& archive, Envelope& value) {
  archive("envelope", value.cluster, value.epoch, value.sender, appended(value.commit_seq));
}

namespace message {

constexpr WorkKind last_of(WorkKind) { return WorkKind::join; }

template <class Archive>
void fields(Archive& archive, DriverHello& value) {
  archive("driver hello", value.driver, value.job, appended(value.given), appended(value.unsent));
}
template <class Archive>
void fields(Archive& archive, DriverBye&) {
  archive("driver bye");
}
template <class Archive>
void fields(Archive& archive, Submit& value) {
  archive("submit", value.request, value.job, value.tasks, appended(value.from));
}
template <class Archive>
void fields(Archive& archive, Drain& value) {
  archive("drain", value.request, value.node, value.drain);
}
template <class Archive>
void fields(Archive& archive, Cancel& value) {
  archive("cancel", value.request, value.task);
}
template <class Archive>
void fields(Archive& archive, Release& value) {
  archive("release", value.tasks);
}
template <class Archive>
void fields(Archive& archive, AskTasks& value) {
  archive("ask tasks", value.request, value.job, appended(value.first), appended(value.only_actors),
          appended(value.with_attempts), appended(value.node));
}
template <class Archive>
void fields(Archive& archive, AskTask& value) {
  archive("ask task", value.request, value.task);
}
template <class Archive>
void fields(Archive& archive, AskJobs& value) {
  archive("ask jobs", value.request, value.behind);
}
template <class Archive>
void fields(Archive& archive, AskActor& value) {
  archive("ask actor", value.task);
}
template <class Archive>
void fields(Archive& archive, FindActor& value) {
  archive("find actor", value.request, value.name);
}
template <class Archive>
void fields(Archive& archive, NamedActor& value) {
  archive("named actor", value.request, value.task, value.restart, appended(value.is_sure));
}
template <class Archive>
void fields(Archive& archive, Synchronise& value) {
  archive("synchronise", value.task, value.attempt, value.confirmed_below, value.requests);
}
template <class Archive>
void fields(Archive& archive, Synchronised& value) {
  archive("synchronised", value.answers);
}
template <class Archive>
void fields(Archive& archive, DriverWelcome& value) {
  archive("driver welcome", appended(value.since));
}
template <class Archive>
void fields(Archive& archive, Answer& value) {
  archive("answer", value.request, value.refusal);
}
template <class Archive>
void fields(Archive& archive, TaskEnded& value) {
  archive("task ended", value.task, value.state, as_bytes(value.result), value.cause, value.attempts);
}
template <class Archive>
void fields(Archive& archive, ActorUp& value) {
  archive("actor up", value.task, value.attempt, value.address, appended(value.node));
}
template <class Archive>
void fields(Archive& archive, ActorDown& value) {
  archive("actor down", value.task, value.attempt, value.cause);
}
template <class Archive>
void fields(Archive& archive, CallCounts& value) {
  archive("call counts", value.answered, value.waiting, value.running, value.method, value.running_ms);
}
template <class Archive>
void fields(Archive& archive, ActorCalls& value) {
  archive("actor's calls", value.actor, value.attempt, value.counts);
}
template <class Archive>
void fields(Archive& archive, TaskSummary& value) {
  archive("task summary", value.task, value.name, value.state, value.attempts, value.node, value.is_join,
          appended(value.kind), appended(value.work), appended(value.is_up), appended(value.max_attempts),
          appended(value.gang), appended(value.records), appended(value.calls));
}
template <class Archive>
void fields(Archive& archive, TaskList& value) {
  archive("task list", value.request, value.tasks, appended(value.goes_on), appended(value.next));
}
template <class Archive>
void fields(Archive& archive, JobSummary& value) {
  archive("job summary", value.job, value.since_ms, value.drivers, value.states, value.actors);
}
template <class Archive>
void fields(Archive& archive, JobList& value) {
  archive("job list", value.request, value.jobs, value.goes_on);
}
template <class Archive>
void fields(Archive& archive, AskStatus& value) {
  archive("ask status", value.request, appended(value.with_queue));
}
template <class Archive>
void fields(Archive& archive, AskSync& value) {
  archive("ask sync", value.request);
}
template <class Archive>
void fields(Archive& archive, QueueShape& value) {
  archive("queue shape", value.needs, value.gang, value.waiting, value.first, value.name, value.why);
}
template <class Archive>
void fields(Archive& archive, ClaimSummary& value) {
  archive("claim summary", value.token, value.client, value.task, value.attempt, value.permits, value.until_ms,
          appended(value.name));
}
template <class Archive>
void fields(Archive& archive, TaskTold& value) {
  archive("task told", value.request, value.is_known, value.job, value.spec, value.summary, value.failed_attempts,
          value.iteration, value.is_cached, value.reason, value.waits, value.holders, value.before);
}
template <class Archive>
void fields(Archive& archive, LockSummary& value) {
  archive("lock summary", value.kind, value.name, value.capacity, value.free, value.holding, value.waiting,
          value.holders);
}
template <class Archive>
void fields(Archive& archive, MessageQueueSummary& value) {
  archive("message queue summary", value.name, value.options, value.ready, value.delivered, value.dead,
          value.receivers);
}
template <class Archive>
void fields(Archive& archive, SyncStatus& value) {
  archive("sync status", value.request, value.locks, value.queues);
}
template <class Archive>
void fields(Archive& archive, NodeSummary& value) {
  archive("node summary", value.node, value.name, value.capacity, value.free_cpus, value.alive, value.running,
          appended(value.drains), appended(value.free_gpus), appended(value.free_memory_bytes));
}
template <class Archive>
void fields(Archive& archive, SchedulerSummary& value) {
  archive("scheduler summary", value.memory_bytes, value.tasks, value.most_tasks, value.jobs, value.drivers,
          value.claims);
}
template <class Archive>
void fields(Archive& archive, ClusterStatus& value) {
  archive("cluster status", value.request, value.epoch, value.commit_seq, value.nodes, appended(value.queue),
          appended(value.scheduler));
}
template <class Archive>
void fields(Archive& archive, AgentJoin& value) {
  archive("agent join", value.node, value.incarnation, value.name, value.capacity, value.running);
}
template <class Archive>
void fields(Archive& archive, AgentHeartbeat& value) {
  archive("agent heartbeat", value.node, value.incarnation, value.running, appended(value.is_early),
          appended(value.calls));
}
template <class Archive>
void fields(Archive& archive, AgentBye& value) {
  archive("agent bye", value.node, value.incarnation);
}
template <class Archive>
void fields(Archive& archive, ActorReady& value) {
  archive("actor ready", value.node, value.incarnation, value.task, value.attempt, value.address);
}
template <class Archive>
void fields(Archive& archive, Report& value) {
  archive("report", value.node, value.incarnation, value.report, appended(value.passed));
}
template <class Archive>
void fields(Archive& archive, AgentWelcome&) {
  archive("agent welcome");
}
template <class Archive>
void fields(Archive& archive, HeartbeatTaken&) {
  archive("heartbeat taken");
}
template <class Archive>
void fields(Archive& archive, PleaseJoin&) {
  archive("please join");
}
template <class Archive>
void fields(Archive& archive, Run& value) {
  archive("run", value.order, appended(value.taken));
}
template <class Archive>
void fields(Archive& archive, AwaitedResult& value) {
  archive("awaited result", value.task, value.attempt, as_bytes(value.result));
}
template <class Archive>
void fields(Archive& archive, PassResult& value) {
  archive("pass result", value.task, value.attempt, value.address);
}
template <class Archive>
void fields(Archive& archive, Stop& value) {
  archive("stop", value.task, value.attempt);
}
template <class Archive>
void fields(Archive& archive, ReportTaken& value) {
  archive("report taken", value.task, value.attempt);
}
template <class Archive>
void fields(Archive& archive, WorkerHello& value) {
  archive("worker hello", value.worker, appended(value.abi), appended(value.calls));
}
template <class Archive>
void fields(Archive& archive, TaskWaits& value) {
  archive("task waits", value.task, value.attempt, value.waits, value.returned);
}
template <class Archive>
void fields(Archive& archive, Call& value) {
  archive("call", value.actor, value.attempt, value.caller, value.number, value.method, as_bytes(value.arguments),
          appended(value.open));
}
template <class Archive>
void fields(Archive& archive, CallAnswer& value) {
  archive("call answer", value.actor, value.number, value.ok, as_bytes(value.value), value.error,
          appended(value.attempt), appended(value.is_gone), appended(value.is_cancelled), appended(value.exception));
}
template <class Archive>
void fields(Archive& archive, CancelCall& value) {
  archive("cancel call", value.actor, value.attempt, value.caller, value.number);
}

}  // namespace message

namespace {

constexpr std::uint64_t protocol_version = 4;

// Arguments and results travel inline, so a frame's own size bounds its strings (zmq_transport.cpp).
constexpr DecodeLimits message_limits{.depth = 32, .array_length = 1u << 20, .string_bytes = 64u << 20};

// An Outbox begins another frame long before.
constexpr std::size_t most_messages = 65'536;

}  // namespace

FrameWriter::FrameWriter(const Envelope& envelope) {
  encoder_.array(2);
  encoder_.number(protocol_version);
  FieldWriter(encoder_).put(envelope);
}

void FrameWriter::add(const message::Message& message) { FieldWriter(encoder_).put(message); }

Bytes encode(const Envelope& envelope, const message::Message& message) {
  FrameWriter frame(envelope);
  frame.add(message);
  return frame.take();
}

Result<Letters> decode(std::string_view frame) {
  Decoder decoder(frame, message_limits);
  decoder.enter_array();
  const std::uint64_t version = decoder.unsigned_number();
  if (decoder.ok() && version != protocol_version)
    return Error{Fault::unsupported, "a message of protocol version " + std::to_string(version) +
                                         " came; this program speaks version " + std::to_string(protocol_version)};
  Letters letters;
  FieldReader reader(decoder);
  reader.take(letters.envelope);
  decoder.leave_array();
  do {
    if (letters.messages.size() == most_messages)
      return Error{Fault::corrupt, "a frame of more than " + std::to_string(most_messages) + " messages"};
    reader.take(letters.messages.emplace_back());
  } while (decoder.ok() && !decoder.at_end());
  if (!decoder.ok()) return decoder.fault();
  return letters;
}

}  // namespace troupe
