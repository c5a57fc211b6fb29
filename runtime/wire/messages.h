// Every message as a plain struct, in one list. Who may send what to whom is in the headings.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/orders.h"
#include "runtime/base/synchronisation.h"
#include "runtime/base/wait_reason.h"

namespace troupe::message {

// --- driver to scheduler ---------------------------------------------------------------------------------------------

/// Logs in, and again every heartbeat: a scheduler that was started anew learns of its drivers this way.
struct DriverHello {
  DriverId driver;
  JobInfo job;
  std::uint32_t given = 0;            ///< The numbers that it has given to tasks of its job: 1 to this.
  std::vector<std::uint32_t> unsent;  ///< Of these, actors that it has not submitted yet; not more than 1,000.
};
struct DriverBye {};
struct Submit {
  std::uint64_t request = 0;
  JobInfo job;
  std::vector<TaskSpec> tasks;
  TaskId from;  ///< The running task that adds them to its own graph; none: the driver submits for itself.
};
struct Cancel {
  std::uint64_t request = 0;
  TaskId task;
};
struct Drain {  ///< No new work for a node; `drain` false: again some. Answered.
  std::uint64_t request = 0;
  NodeId node;
  bool drain = true;
};
struct Release {
  std::vector<TaskId> tasks;
};
struct AskTasks {  ///< Answered by TaskList: the tasks of a job as they stand.
  std::uint64_t request = 0;
  JobId job;
  std::uint32_t first = 0;  ///< Only those with this number and higher ones.
  bool only_actors = false;
  bool with_attempts = false;
  NodeId node;  ///< Instead of a job: what holds something on this node, as far as its tasks are known.
};
/// Answered by TaskTold: one task with all that is known of it, and why it waits.
struct AskTask {
  std::uint64_t request = 0;
  TaskId task;
};
/// Answered by JobList: all jobs, those of drivers and the durable ones, in the order of their ids.
struct AskJobs {
  std::uint64_t request = 0;
  JobId behind;  ///< Only those with higher ids.
};
/// Where an actor is that another driver spawned. Answered by ActorUp, or by TaskEnded; while it is on its way by
/// nothing.
struct AskActor {
  TaskId task;
};
/// Answered by NamedActor.
struct FindActor {
  std::uint64_t request = 0;
  std::string name;
};
struct NamedActor {
  std::uint64_t request = 0;
  TaskId task;  ///< {}: there is none.
  RestartMode restart = RestartMode::none;
  bool is_sure = true;  ///< Else it may not have come back to a scheduler that was just started anew.
};
/// Requests to locks, semaphores, barriers and queues, as many as there are at the time. Answered by Synchronised.
struct Synchronise {
  TaskId task;  ///< The attempt on whose behalf; none: the driver's own.
  AttemptId attempt;
  std::uint64_t confirmed_below = 0;  ///< The answers to all requests with lower numbers have arrived.
  std::vector<sync::Request> requests;
};

struct AskStatus {  ///< Answered by ClusterStatus.
  std::uint64_t request = 0;
  bool with_queue = false;  ///< Also what waits, which costs more to tell.
};
struct AskSync {  ///< Answered by SyncStatus.
  std::uint64_t request = 0;
};

// --- scheduler to driver ---------------------------------------------------------------------------------------------

/// Answers each DriverHello.
struct DriverWelcome {
  std::uint64_t since = 0;  ///< Changes, within one epoch, when the driver was taken for dead and all of it dropped.
};
struct Answer {
  std::uint64_t request = 0;
  std::string refusal;
};
struct TaskEnded {
  TaskId task;
  TaskState state = TaskState::done;
  Bytes result;
  std::string cause;
  std::vector<AttemptRecord> attempts;
};
struct ActorUp {
  TaskId task;
  AttemptId attempt;
  std::string address;
  NodeId node;
};
struct ActorDown {
  TaskId task;
  AttemptId attempt;
  Cause cause;
};
/// In the order of the alternatives of Work.
enum class WorkKind : std::uint8_t { function, actor, command, join };
/// What an actor's worker tells of its calls, by now.
struct CallCounts {
  std::uint64_t answered = 0;
  std::uint64_t waiting = 0;  ///< For a thread: what still lies in its callers' rings is not counted.
  std::uint64_t running = 0;
  std::string method;           ///< Of those that run, the one that began last.
  std::int64_t running_ms = 0;  ///< For how long none has begun or ended, as far as it was looked at: once a second.
  friend bool operator==(const CallCounts&, const CallCounts&) = default;
};
struct ActorCalls {
  TaskId actor;
  AttemptId attempt;
  CallCounts counts;
};
struct TaskSummary {
  TaskId task;
  std::string name;
  TaskState state = TaskState::waiting;
  std::uint32_t attempts = 0;
  NodeId node;
  bool is_join = false;
  WorkKind kind = WorkKind::function;
  std::string work;    ///< The name of a function or an actor's type, the program of a command.
  bool is_up = false;  ///< An actor that takes calls.
  std::int32_t max_attempts = 1;
  Boxed<GangHint> gang;
  std::vector<AttemptRecord> records;  ///< Of its attempts, when they were asked for.
  Boxed<CallCounts> calls;             ///< Of an actor that is up, once its node has told.
};
struct TaskList {
  std::uint64_t request = 0;
  std::vector<TaskSummary> tasks;  ///< In the order of their numbers.
  bool goes_on = false;            ///< There may be more.
  std::uint32_t next = 0;          ///< Then: those with this number and higher ones.
};
struct JobSummary {
  JobInfo job;
  std::int64_t since_ms = 0;          ///< Of a driver's own: when the scheduler took the driver in.
  std::uint32_t drivers = 0;          ///< That are there and are told of its tasks.
  std::vector<std::uint64_t> states;  ///< How many tasks are in each TaskState, joins not counted.
  std::uint64_t actors = 0;           ///< Among them.
};
struct JobList {
  std::uint64_t request = 0;
  std::vector<JobSummary> jobs;
  bool goes_on = false;  ///< There may be more, with higher ids.
};
struct Synchronised {
  std::vector<sync::Answer> answers;
};
struct NodeSummary {
  NodeId node;
  std::string name;
  NodeCapacity capacity;
  Milli free_cpus = 0;
  bool alive = false;
  std::uint32_t running = 0;  ///< Attempts that hold something there.
  bool drains = false;        ///< Takes no new work.
  Milli free_gpus = 0;
  std::int64_t free_memory_bytes = 0;  ///< Not granted to anybody.
};
/// The scheduler's process, and how much its tables hold.
struct SchedulerSummary {
  std::uint64_t memory_bytes = 0;  ///< Resident.
  std::uint64_t tasks = 0;         ///< Waiting, running, or ended and still known; actors too.
  std::uint64_t most_tasks = 0;
  std::uint64_t jobs = 0;
  std::uint64_t drivers = 0;
  std::uint64_t claims = 0;  ///< On locks, semaphores, barriers and queues.
};
/// Tasks that are ready and need the same, or gangs whose members do.
struct QueueShape {
  Resources needs;
  std::uint32_t gang = 0;  ///< Members; 0: single tasks.
  std::uint64_t waiting = 0;
  TaskId first;  ///< In line.
  std::string name;
  std::string why;  ///< It waits.
};
struct ClusterStatus {
  std::uint64_t request = 0;
  std::uint32_t epoch = 0;
  std::uint64_t commit_seq = 0;  ///< Of the last batch that is on disk.
  std::vector<NodeSummary> nodes;
  std::vector<QueueShape> queue;
  SchedulerSummary scheduler;
};
struct ClaimSummary {
  std::uint64_t token = 0;
  DriverId client;  ///< None: the task's own.
  TaskId task;      ///< The attempt on whose behalf; none: the client's own.
  AttemptId attempt;
  std::uint32_t permits = 1;
  std::int64_t until_ms = 0;  ///< The end of the lease, since 1970; 0: it ends with the attempt.
  std::string name;           ///< Of the task, or of the client's job.
};
/// A lock or a semaphore that somebody holds or waits for.
struct LockSummary {
  sync::Kind kind = sync::Kind::lock;
  std::string name;
  std::uint32_t capacity = 1;
  std::uint32_t free = 0;
  std::uint64_t holding = 0;
  std::uint64_t waiting = 0;
  std::vector<ClaimSummary> holders;  ///< The first few.
};
struct TaskTold {
  std::uint64_t request = 0;
  bool is_known = false;  ///< Else all that follows says nothing.
  JobInfo job;
  TaskSpec spec;        ///< Without its arguments, and with the first few hundred that it comes after.
  TaskSummary summary;  ///< With the records of its attempts.
  std::int32_t failed_attempts = 0;
  std::uint32_t iteration = 0;
  bool is_cached = false;
  std::string reason;  ///< Why it was skipped, cancelled or failed.
  WaitReason waits;
  std::vector<ClaimSummary> holders;  ///< Of the lock or semaphore that it waits for, the first few.
  std::vector<TaskSummary> before;    ///< What it comes after, the first few, those that have not ended first.
};
struct MessageQueueSummary {
  std::string name;
  sync::QueueOptions options;
  std::uint64_t ready = 0;
  std::uint64_t delivered = 0;  ///< And not acknowledged.
  std::uint64_t dead = 0;
  std::uint64_t receivers = 0;  ///< That wait, dead letters included.
};
struct SyncStatus {
  std::uint64_t request = 0;
  std::vector<LockSummary> locks;
  std::vector<MessageQueueSummary> queues;
};

// --- agent to scheduler ----------------------------------------------------------------------------------------------

struct AgentJoin {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::string name;
  NodeCapacity capacity;
  std::vector<RunningAttempt> running;
};
struct AgentHeartbeat {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::vector<RunningAttempt> running;
  bool is_early = false;  ///< Soon after another, for what has changed.
  std::vector<ActorCalls> calls;
};
struct AgentBye {
  NodeId node;
  std::uint64_t incarnation = 0;
};
/// Also from worker to agent, without node and incarnation.
struct ActorReady {
  NodeId node;
  std::uint64_t incarnation = 0;
  TaskId task;
  AttemptId attempt;
  std::string address;
};
/// Also from worker to agent, without node and incarnation.
struct Report {
  NodeId node;
  std::uint64_t incarnation = 0;
  AttemptReport report;
  std::uint32_t passed = 0;  ///< From a worker: so many of the PassResults for it were followed, the first.
};

// --- scheduler to agent ----------------------------------------------------------------------------------------------

struct AgentWelcome {};
struct HeartbeatTaken {};
struct PleaseJoin {};
/// Also from agent to worker.
struct Run {
  RunOrder order;
  std::uint64_t taken = 0;  ///< From an agent: so many reports of this worker's it has.
};
/// Also from agent to worker: not to begin what it has not begun yet, to end an actor that shares it.
struct Stop {
  TaskId task;
  AttemptId attempt;
};
struct ReportTaken {
  TaskId task;
  AttemptId attempt;
};

// --- agent to worker -------------------------------------------------------------------------------------------------

/// Of an attempt elsewhere on the node, that some of the worker's orders await. Also from worker to worker.
struct AwaitedResult {
  TaskId task;
  AttemptId attempt;
  Bytes result;
};
/// An order in another worker awaits the result of this attempt: it is to be sent there as soon as it is made.
struct PassResult {
  TaskId task;
  AttemptId attempt;
  std::string address;
};

// --- worker to agent -------------------------------------------------------------------------------------------------

/// Logs in, and again every second: a sign of life.
struct WorkerHello {
  WorkerId worker;
  std::uint32_t abi = 0;          ///< `abi_version` of what it was built with.
  std::vector<ActorCalls> calls;  ///< Of which it has not told the same before.
};
/// The task that it runs waits for other work from now on, or no longer; and again every second while it waits.
struct TaskWaits {
  TaskId task;
  AttemptId attempt;
  bool waits = false;
  std::vector<std::pair<TaskId, AttemptId>> returned;  ///< Orders that it will not begin: others may.
};

// --- caller to actor and back, by-passing the scheduler --------------------------------------------------------------

/// Calls of one caller are numbered from 1: for each incarnation of the actor, or, with a RestartMode, over all of
/// them, and number 0 asks which is the last that is in the state (api/session_restarts.cpp).
struct Call {
  TaskId actor;
  AttemptId attempt;
  std::uint64_t caller = 0;
  std::uint64_t number = 0;
  std::string method;
  std::vector<Bytes> arguments;
  std::uint32_t open = 0;  ///< Of the caller's calls up to this one so many are not answered; 0: it does not say.
};
/// By frames, so that it overtakes calls that wait in a ring.
struct CancelCall {
  TaskId actor;
  AttemptId attempt;
  std::uint64_t caller = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const CancelCall&, const CancelCall&) = default;
};
/// What a caller asks an actor whose state survives a restart by its number 0, and is answered.
struct WhatIsKept {
  std::uint64_t number = 0;  ///< Of its next call; answered: of its last one that is in the state.
  std::uint64_t turns = 0;   ///< Of the actor, as it was told last: how many calls it had run; answered: by now.
};
/// That is no longer known.
inline constexpr std::uint64_t not_remembered = ~std::uint64_t{0};

struct CallAnswer {
  TaskId actor;
  std::uint64_t number = 0;
  bool ok = false;
  Bytes value;        ///< When ok.
  std::string error;  ///< When not: what the method threw, or why it was not run.
  AttemptId attempt;
  bool is_gone = false;       ///< That attempt does not live there, or no longer.
  bool is_cancelled = false;  ///< Before it began.
  std::string exception{};    ///< The name of the type of what the method threw.
};

using Message =
    std::variant<DriverHello, DriverBye, Submit, Cancel, Release, AskTasks, DriverWelcome, Answer, TaskEnded, ActorUp,
                 ActorDown, TaskList, AgentJoin, AgentHeartbeat, AgentBye, ActorReady, Report, AgentWelcome, PleaseJoin,
                 Run, Stop, ReportTaken, WorkerHello, Call, CallAnswer, AskStatus, ClusterStatus, HeartbeatTaken,
                 Synchronise, Synchronised, Drain, AskSync, SyncStatus, AskActor, AwaitedResult, PassResult, CancelCall,
                 FindActor, NamedActor, TaskWaits, AskTask, TaskTold, AskJobs, JobList>;

}  // namespace troupe::message
