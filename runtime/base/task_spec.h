// What is handed in: a task or an actor, as plain data that can be printed, compared, stored and sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/boxed.h"
#include "runtime/base/condition.h"
#include "runtime/base/ids.h"
#include "runtime/base/rare_vector.h"
#include "runtime/base/resources.h"

namespace troupe {

using Bytes = std::string;  ///< Encoded values: bytes, not text.

/// An argument is a value, or the result of a task named by its place in `TaskSpec::inputs`.
struct InputRef {
  std::uint32_t input = 0;
  friend bool operator==(const InputRef&, const InputRef&) = default;
};
using Argument = std::variant<Bytes, InputRef>;

/// What a worker's process is started in, besides what its node and its grant say.
struct RuntimeEnvironment {
  std::string working_directory{};                               ///< Absolute; empty: the agent's.
  std::vector<std::pair<std::string, std::string>> variables{};  ///< On top of the agent's.
  std::int32_t niceness = 0;                                     ///< 0 to 19: how much it gives way to others.
  std::uint32_t max_tasks = 0;  ///< After so many it ends: for code that leaks. 0: however many.
  friend bool operator==(const RuntimeEnvironment&, const RuntimeEnvironment&) = default;
};

/// Runs a catalogued function once.
struct FunctionWork {
  std::string function;
  std::vector<Argument> arguments;
  Boxed<RuntimeEnvironment> environment{};  ///< None: as every worker.
  friend bool operator==(const FunctionWork&, const FunctionWork&) = default;
};

/// What a restart means for an actor's state and for its calls (runtime/README.md, "State that survives").
enum class RestartMode : std::uint8_t {
  none,        ///< A new state. What was sent and not answered is not known to have been applied.
  checkpoint,  ///< The state of the last checkpoint. Callers learn which of their calls are not in it.
  logged,      ///< All calls, each once: they are on disk before they run.
};

struct RestartRule {
  RestartMode mode = RestartMode::none;
  std::string folder;                                ///< Absolute; empty: in that of the cluster on its node.
  std::uint32_t checkpoint_calls = 0;                ///< A checkpoint after so many calls; 0: however many.
  std::chrono::milliseconds checkpoint_interval{0};  ///< After a call, at the latest; 0: however long.
  friend bool operator==(const RestartRule&, const RestartRule&) = default;
};

/// So many calls of these methods run at once.
struct MethodGroup {
  std::vector<std::string> methods;
  std::uint32_t threads = 1;
  friend bool operator==(const MethodGroup&, const MethodGroup&) = default;
};

/// An actor of which several methods run at once, each group in threads of its own.
struct Concurrency {
  std::uint32_t threads = 1;  ///< Of all methods that are in no group.
  std::vector<MethodGroup> groups;
  friend bool operator==(const Concurrency&, const Concurrency&) = default;
};

/// Creates a catalogued actor and keeps it until its driver leaves or it is cancelled. The task is `running` while the
/// actor lives; another attempt is a restart.
struct ActorWork {
  std::string type;
  std::vector<Argument> arguments;
  bool shares_worker = false;        ///< With others that say so, of the same program, number of cpus and devices.
  Boxed<RestartRule> restart{};      ///< None: RestartMode::none.
  Boxed<Concurrency> concurrency{};  ///< None: one method after another.
  Boxed<RuntimeEnvironment> environment{};
  bool registers_name = false;  ///< Others find it by the task's name, which no other has at the same time.
  friend bool operator==(const ActorWork&, const ActorWork&) = default;
};

/// Runs a program. `{task}` and `{task.key}` in `argv` and `environment` stand for results, by the names in `results`.
struct CommandWork {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string working_directory;  ///< Empty: the task's own directory.
  std::string task_directory;     ///< Where its files and its output go; made before it starts.
  std::vector<std::pair<std::string, std::uint32_t>> results;  ///< Name in braces -> place in `TaskSpec::inputs`.
  friend bool operator==(const CommandWork&, const CommandWork&) = default;
};

/// Does nothing: the task is done as soon as all before it are. It joins many edges, so that N tasks before M others
/// are N + M edges and not N · M. Of all else that a task may have it has a name and a priority.
struct JoinWork {
  friend bool operator==(const JoinWork&, const JoinWork&) = default;
};

using Work = std::variant<FunctionWork, ActorWork, Boxed<CommandWork>, JoinWork>;

/// Of a function or an actor; none: as every worker.
const Boxed<RuntimeEnvironment>& environment_of(const Work& work);

/// nullptr when it is something else.
const CommandWork* command_of(const Work& work);
CommandWork* command_of(Work& work);

enum class GangPolicy : std::uint8_t { data, model, mesh };

/// This task starts only together with the others of its gang.
struct GangHint {
  std::uint32_t gang = 0;  ///< Names the gang within the job.
  std::uint32_t size = 1;
  std::uint32_t rank = 0;  ///< 0 … size-1, each once.
  GangPolicy policy = GangPolicy::data;
  std::int64_t bytes_to_next = 0;  ///< model, mesh: on the edge to the next stage, per step.
  std::uint32_t stages = 1;        ///< mesh: of each pipeline; stage = rank % stages, pipeline = rank / stages.
  friend bool operator==(const GangHint&, const GangHint&) = default;
};

/// A permit of a semaphore that `permits` may hold at once.
struct SemaphoreNeed {
  std::string name;
  std::uint32_t permits = 1;
  friend bool operator==(const SemaphoreNeed&, const SemaphoreNeed&) = default;
};

/// Runs a task again after it is done, as long as a condition on its own result holds.
struct Repeat {
  Condition condition;        ///< Asked about one result: the task's own.
  std::uint32_t at_most = 1;  ///< Runs that are done; after the last one it is done, whatever the condition says.
  friend bool operator==(const Repeat&, const Repeat&) = default;
};

/// After which failures there is another attempt, and how long after. Those that are lost are not meant.
struct RetryRule {
  std::vector<std::int32_t> exit_codes;  ///< With no signals and exceptions either: after every failure.
  std::vector<std::int32_t> signals;
  std::chrono::milliseconds delay{0};  ///< After the first failure; doubles with each further one.
  std::chrono::milliseconds longest_delay{0};
  std::vector<std::string> exceptions{};  ///< Names of types.
  friend bool operator==(const RetryRule&, const RetryRule&) = default;
};

/// That a task may ask for, or runs of one that repeats: each is in its record.
inline constexpr std::int32_t most_attempts = 1000;

struct TaskSpec {
  TaskId id;
  std::string name;
  Work work;
  Resources needs;
  std::int32_t priority = 0;       ///< Higher goes first.
  bool preemptible = false;        ///< May be stopped, and run again later, when higher priority waits for its room.
  bool spreads = false;            ///< Goes to the node with the most room, not the least.
  bool cache = false;              ///< Takes the result of an earlier task that did the same on the same inputs.
  std::int32_t max_attempts = 1;   ///< Bounds attempts that fail by their own doing.
  std::uint32_t inputs_epoch = 0;  ///< Of the scheduler that told its driver of a result among its arguments, the last.
  NodeId near;  ///< Where most bytes of its arguments lie, as far as its driver knows and they are many; or none.
  std::chrono::milliseconds timeout{0};  ///< Of one attempt; 0: none.
  std::vector<TaskId> after;             ///< All of them must be done before this one starts.
  RareVector<TaskId> inputs;             ///< Subset of `after`: their results travel with the order to run.
  Boxed<GangHint> gang;
  Boxed<Condition> when;  ///< Asked about `inputs` once all before it have ended; if it does not hold, it is skipped.
  Boxed<Repeat> repeat;
  Boxed<RetryRule> retry;
  RareVector<std::string> locks;         ///< It runs only while it holds all of them.
  RareVector<SemaphoreNeed> semaphores;  ///< And a permit of each of these.

  bool is_actor() const { return std::holds_alternative<ActorWork>(work); }
  bool is_join() const { return std::holds_alternative<JoinWork>(work); }
  friend bool operator==(const TaskSpec&, const TaskSpec&) = default;
};

/// Whether it is an actor that others find by its name.
bool registers_name(const TaskSpec& spec);

/// About the bytes in which it travels.
std::size_t bytes_of(const TaskSpec& spec);

enum class TaskState : std::uint8_t { waiting, ready, running, done, failed, cancelled, skipped };

constexpr bool is_final(TaskState state) { return state >= TaskState::done; }
const char* to_text(TaskState state);

/// How an attempt ended. `failed` counts against max_attempts; `lost`, with its node or worker, does not, nor does
/// `preempted`, ended for the sake or by the doing of others: to make room, or with a worker that another task took
/// down.
enum class AttemptEnd : std::uint8_t { done, failed, lost, cancelled, preempted };

const char* to_text(AttemptEnd end);

/// Why, for people and programs: one of exit code, signal, time-out, exception, loss.
struct Cause {
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  std::string message;      ///< One line; then, if there is any, the last lines of output.
  std::string exception{};  ///< The name of the type of what was thrown.
  friend bool operator==(const Cause&, const Cause&) = default;
};

/// One attempt as it is remembered. Times are milliseconds since 1970 by the scheduler's clock, 0 while open.
struct AttemptRecord {
  AttemptId id;
  NodeId node;
  std::int64_t started_ms = 0;
  std::int64_t ended_ms = 0;
  AttemptEnd end = AttemptEnd::done;
  Cause cause;
  friend bool operator==(const AttemptRecord&, const AttemptRecord&) = default;
};

}  // namespace troupe
