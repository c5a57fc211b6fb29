#include "scheduler/service/event_fields.h"

namespace troupe::scheduler {

// --- settings --------------------------------------------------------------------------------------------------------

template <class Archive>
void fields(Archive& archive, SyncSettings& value) {
  archive("sync settings", value.grace, value.most_names, value.most_claims, value.most_body_bytes,
          value.most_queued_bytes);
}
template <class Archive>
void fields(Archive& archive, Settings& value) {
  archive("settings", value.node_timeout, value.keep_finished, value.most_summaries, value.driver_timeout,
          value.most_lost_attempts, value.most_input_bytes, value.most_tasks, value.most_nodes, value.most_drivers,
          value.rejoin_grace, value.line_patience, value.timeout_grace, value.most_cached_results,
          value.most_cached_bytes, value.most_watchers, value.most_shapes, value.sync, appended(value.quick),
          appended(value.most_attempts_kept), appended(value.long_run));
}
template void fields(FieldWriter& archive, Settings&);
template void fields(FieldReader& archive, Settings&);

// --- events ----------------------------------------------------------------------------------------------------------

template <class Archive>
void fields(Archive& archive, NodeJoined& value) {
  archive("node joined", value.node, value.incarnation, as_bytes(value.name), value.capacity, value.running);
}
template <class Archive>
void fields(Archive& archive, NodeHeard& value) {
  archive("node heard", value.node, value.incarnation, value.running, appended(value.is_early));
}
template <class Archive>
void fields(Archive& archive, NodeLeft& value) {
  archive("node left", value.node, value.incarnation);
}
template <class Archive>
void fields(Archive& archive, DriverJoined& value) {
  archive("driver joined", value.driver, value.job, appended(value.given), appended(value.unsent));
}
template <class Archive>
void fields(Archive& archive, DriverLeft& value) {
  archive("driver left", value.driver);
}
template <class Archive>
void fields(Archive& archive, TasksSubmitted& value) {
  archive("tasks submitted", value.driver, value.request, value.job, value.tasks, value.from);
}
template <class Archive>
void fields(Archive& archive, ActorStarted& value) {
  archive("actor started", value.node, value.incarnation, value.task, value.attempt, value.address);
}
template <class Archive>
void fields(Archive& archive, AttemptEnded& value) {
  archive("attempt ended", value.node, value.incarnation, value.report);
}
template <class Archive>
void fields(Archive& archive, CancelRequested& value) {
  archive("cancel requested", value.driver, value.request, value.task);
}
template <class Archive>
void fields(Archive& archive, TasksReleased& value) {
  archive("tasks released", value.driver, value.tasks);
}
template <class Archive>
void fields(Archive& archive, SyncRequested& value) {
  archive("sync requested", value.driver, value.epoch, value.task, value.attempt, value.confirmed_below,
          value.requests);
}
template <class Archive>
void fields(Archive& archive, DrainRequested& value) {
  archive("drain requested", value.driver, value.request, value.node, value.drain);
}
template <class Archive>
void fields(Archive& archive, Tick&) {
  archive("tick");
}

void write(FieldWriter& archive, const Event& event) { archive.put(event); }
void read(FieldReader& archive, Event& event) { archive.take(event); }

// --- effects ---------------------------------------------------------------------------------------------------------

template <class Archive>
void fields(Archive& archive, SaveJob& value) {
  archive("save job", value.job);
}
template <class Archive>
void fields(Archive& archive, SaveTask& value) {
  archive("save task", value.spec);
}
template <class Archive>
void fields(Archive& archive, SaveProgress& value) {
  archive("save progress", value.task, value.progress);
}
template <class Archive>
void fields(Archive& archive, SaveSummary& value) {
  archive("save summary", value.summary);
}
template <class Archive>
void fields(Archive& archive, DropSummary& value) {
  archive("drop summary", value.job);
}
template <class Archive>
void fields(Archive& archive, SaveQueue& value) {
  archive("save queue", value.queue, value.options);
}
template <class Archive>
void fields(Archive& archive, SaveMessage& value) {
  archive("save message", value.queue, value.number, value.message);
}
template <class Archive>
void fields(Archive& archive, SaveCached& value) {
  archive("save cached", value.cached);
}
template <class Archive>
void fields(Archive& archive, DropCached& value) {
  archive("drop cached", as_bytes(value.key));
}
template <class Archive>
void fields(Archive& archive, SaveDrain& value) {
  archive("save drain", value.node, value.drains);
}
template <class Archive>
void fields(Archive& archive, WelcomeNode& value) {
  archive("welcome node", value.node, value.incarnation);
}
template <class Archive>
void fields(Archive& archive, AskToJoin& value) {
  archive("ask to join", value.node);
}
template <class Archive>
void fields(Archive& archive, RunTask& value) {
  archive("run task", value.node, value.task, value.attempt);
}
template <class Archive>
void fields(Archive& archive, StopAttempt& value) {
  archive("stop attempt", value.node, value.task, value.attempt);
}
template <class Archive>
void fields(Archive& archive, AcknowledgeReport& value) {
  archive("acknowledge report", value.node, value.task, value.attempt);
}
template <class Archive>
void fields(Archive& archive, WelcomeDriver& value) {
  archive("welcome driver", value.driver, value.since);
}
template <class Archive>
void fields(Archive& archive, AnswerRequest& value) {
  archive("answer request", value.driver, value.request, value.refusal);
}
template <class Archive>
void fields(Archive& archive, TellTaskEnded& value) {
  archive("tell task ended", value.driver, value.task, value.state, as_bytes(value.result), as_bytes(value.cause),
          value.attempts);
}
template <class Archive>
void fields(Archive& archive, TellActorUp& value) {
  archive("tell actor up", value.driver, value.task, value.attempt, value.address, appended(value.node));
}
template <class Archive>
void fields(Archive& archive, TellActorDown& value) {
  archive("tell actor down", value.driver, value.task, value.attempt, value.cause);
}
template <class Archive>
void fields(Archive& archive, AnswerSync& value) {
  archive("answer sync", value.driver, value.answers);
}
template <class Archive>
void fields(Archive& archive, WakeAt& value) {
  archive("wake at", value.at);
}
template <class Archive>
void fields(Archive& archive, Ignored& value) {
  archive("ignored", value.reason);
}

void write(FieldWriter& archive, const Effects& effects) { archive.put(effects); }

}  // namespace troupe::scheduler
