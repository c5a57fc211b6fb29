// What the scheduler's core wants done. Writes are committed first; what is sent goes out after the commit it follows.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "runtime/base/orders.h"
#include "scheduler/core/event.h"
#include "scheduler/core/record.h"
#include "scheduler/sync/records.h"

namespace troupe::scheduler {

// --- writes: of jobs and tasks the durable ones only
// -------------------------------------------------------------------

struct SaveJob {
  JobInfo job;
};
struct SaveTask {
  Boxed<TaskSpec> spec;  ///< Never none. Boxed, so that effects are not as large as it.
};
struct SaveProgress {
  TaskId task;
  TaskProgress progress;
};

/// Takes the place of the job with all its tasks.
struct SaveSummary {
  GraphSummary summary;
};
struct DropSummary {
  JobId job;
};
// SaveQueue and SaveMessage: scheduler/sync/records.h.

struct SaveCached {
  CachedResult cached;
};
struct DropCached {
  std::string key;
};
struct SaveDrain {
  NodeId node;
  bool drains = false;
};

// --- sends -----------------------------------------------------------------------------------------------------------

/// The node is known under this incarnation; its heartbeats count from now.
struct WelcomeNode {
  NodeId node;
  std::uint64_t incarnation = 0;
};
/// A heartbeat came from a node, or an incarnation, that is not known: it must join first.
struct AskToJoin {
  NodeId node;
};
/// The order is asked for when it is sent (Scheduler::order): by then it may be of no use any more.
struct RunTask {
  NodeId node;
  TaskId task;
  AttemptId attempt;
};
/// Ends an attempt, running or not; harmless when it is not there.
struct StopAttempt {
  NodeId node;
  TaskId task;
  AttemptId attempt;
};
/// The report was taken (or is of no use): the node forgets the attempt.
struct AcknowledgeReport {
  NodeId node;
  TaskId task;
  AttemptId attempt;
};
struct WelcomeDriver {
  DriverId driver;
  Time since{};  ///< When it was taken in. Changes when it was taken for dead meanwhile, and all of it was dropped.
};
/// Answers TasksSubmitted, CancelRequested and DrainRequested. Empty refusal: accepted, and for a durable job on disk.
struct AnswerRequest {
  DriverId driver;
  std::uint64_t request = 0;
  std::string refusal;
};
/// A task of the driver reached its final state.
struct TellTaskEnded {
  DriverId driver;
  TaskId task;
  TaskState state = TaskState::done;
  Bytes result;
  std::string cause;  ///< One line, when not done: the last attempt's, or why it was skipped.
  std::vector<AttemptRecord> attempts;
};
/// An actor of the driver takes calls. A higher attempt of the same task is a restart.
struct TellActorUp {
  DriverId driver;
  TaskId task;
  AttemptId attempt;
  std::string address;
  NodeId node;
};
/// The incarnation is gone; another one follows unless TellTaskEnded says otherwise.
struct TellActorDown {
  DriverId driver;
  TaskId task;
  AttemptId attempt;
  Cause cause;
};
/// Answers of SyncRequested, now or when their time has come; a claim that has ended is told unasked.
struct AnswerSync {
  DriverId driver;
  std::vector<sync::Answer> answers;
};

// --- neither ---------------------------------------------------------------------------------------------------------

/// The next Tick must come by then.
struct WakeAt {
  Time at{};
};
/// The event changed nothing.
struct Ignored {
  std::string reason;
};

using Effect =
    std::variant<SaveJob, SaveTask, SaveProgress, SaveSummary, DropSummary, SaveQueue, SaveMessage, SaveCached,
                 DropCached, SaveDrain, WelcomeNode, AskToJoin, RunTask, StopAttempt, AcknowledgeReport, WelcomeDriver,
                 AnswerRequest, TellTaskEnded, TellActorUp, TellActorDown, AnswerSync, WakeAt, Ignored>;
using Effects = std::vector<Effect>;

constexpr bool is_write(const Effect& effect) {
  return std::holds_alternative<SaveJob>(effect) || std::holds_alternative<SaveTask>(effect) ||
         std::holds_alternative<SaveProgress>(effect) || std::holds_alternative<SaveSummary>(effect) ||
         std::holds_alternative<DropSummary>(effect) || std::holds_alternative<SaveQueue>(effect) ||
         std::holds_alternative<SaveMessage>(effect) || std::holds_alternative<SaveCached>(effect) ||
         std::holds_alternative<DropCached>(effect) || std::holds_alternative<SaveDrain>(effect);
}

}  // namespace troupe::scheduler
