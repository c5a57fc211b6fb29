// What may be said about a task or an actor besides what it runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/resources.h"
#include "runtime/base/task_spec.h"

namespace troupe {

struct TaskOptions {
  Resources needs{};
  std::int32_t max_attempts = 1;         ///< Attempts that fail by their own doing; lost ones are not counted.
  std::chrono::milliseconds timeout{0};  ///< Of one attempt; 0: none.
  /// Then, from when it is submitted, its value is a failure, `timed_out`, and it is cancelled, with what it has begun;
  /// 0: never. A graph's tasks, which outlive their driver, have none.
  std::chrono::milliseconds deadline{0};
  std::string name{};                        ///< For people; empty: the function's.
  std::int32_t priority = 0;                 ///< Higher goes first.
  bool preemptible = false;                  ///< May be stopped, and run again later, to make room for higher priority.
  bool spreads = false;                      ///< Goes to the node with the most room, not the least.
  std::chrono::milliseconds retry_delay{0};  ///< After the first failure; doubles with each further one.
  std::chrono::milliseconds longest_retry_delay{std::chrono::minutes(1)};
  /// Another attempt after these only; all empty: after any failure. Exit codes and signals that its worker ended with,
  /// and the types of what it threw, by their names: "std::runtime_error", "shop::OutOfStock". A base class's name is
  /// not theirs.
  std::vector<std::int32_t> retry_on_exit_codes{};
  std::vector<std::int32_t> retry_on_signals{};
  std::vector<std::string> retry_on_exceptions{};
  std::vector<std::string> locks{};         ///< It runs only while it holds all of them.
  std::vector<SemaphoreNeed> semaphores{};  ///< And a permit of each of these.
  /// Of its worker, which serves others that say the same.
  RuntimeEnvironment environment{};
};

/// None where it says nothing.
Boxed<RuntimeEnvironment> boxed(const RuntimeEnvironment& environment);

/// A task's spec without id, work and what it comes after. `function`: its name if none is given.
TaskSpec spec_of(const TaskOptions& options, const std::string& function);

/// Of one call of an actor's method.
struct CallOptions {
  /// Then, from now, the answer is a failure, `timed_out`, and the call is cancelled, with what it has begun; 0: never.
  std::chrono::milliseconds deadline{0};
  /// How often it is made again, where it is lost with its actor's worker and not known to have been applied: it may
  /// then be applied more than once. None: as ActorOptions::call_retries says to who spawned the actor, 0 to others.
  /// Not of an actor with a RestartMode.
  std::optional<std::uint32_t> retries{};
};

struct ActorOptions {
  Resources needs{.cpus = 0};
  std::int32_t max_restarts = 0;               ///< -1: any number.
  std::chrono::milliseconds restart_delay{0};  ///< After the first failure; doubles with each further one.
  std::chrono::milliseconds longest_restart_delay{std::chrono::minutes(1)};
  std::string name{};
  std::int32_t priority = 0;
  bool spreads = false;
  /// It lives in a process with other actors that say so, of the same program, number of cpus and devices, each in a
  /// thread of its own: it is made without a process, and its calls take longer. One that takes the process down has
  /// failed; the others are started anew, without their state, which is not counted against `max_restarts`.
  bool shares_worker = false;
  /// Others find it by its name (`Session::find_actor`), which no other living actor may have.
  bool registers_name = false;
  /// Of that name: others register the same one in other namespaces. It is shown, and lasts, as NAME_SPACE/NAME.
  std::string name_space{};
  std::uint32_t call_retries = 0;  ///< Of calls that do not say: see CallOptions.
  /// So many calls of who spawned it wait for answers at most: one more has failed at once, `refused`. 0: any number.
  std::uint32_t max_pending_calls = 0;
  /// So many of its calls run at once, in threads that are its own: its methods must bear that. Calls of one caller
  /// begin in their order. Its state cannot survive a restart.
  std::uint32_t concurrency = 1;
  RuntimeEnvironment environment{};  ///< Of its worker.
  /// Methods with threads apart from those of all others: a long one does not keep a short one waiting.
  std::vector<MethodGroup> groups{};
  /// What a restart means for its state. `checkpoint` wants an actor with hooks (runtime/api/catalog.h, `HasHooks`) and
  /// a worker of its own. `logged` wants methods that do the same whenever they are run again on the same state, a
  /// worker of its own, and answers of at most 1 MiB; with hooks its log is cut at each checkpoint, else it grows.
  RestartMode restart = RestartMode::none;
  /// Where that is kept, in a folder of the actor's own; one that all nodes reach survives the loss of a node. Empty:
  /// in the folder of the cluster's sockets on its node, with which it goes; a detached actor's, where `troupe start`
  /// started the cluster, in the folder in which that keeps its store, with which it stays.
  std::string state_folder{};
  std::uint32_t checkpoint_calls = 1000;             ///< A checkpoint after so many calls; 0: however many.
  std::chrono::milliseconds checkpoint_interval{0};  ///< After a call, at the latest; 0: however long.
};

/// As which an actor is known to others.
std::string registered_name(const std::string& name_space, const std::string& name);

/// Of a task that streams (api/stream.h).
struct StreamOptions {
  Resources needs{};
  /// Times that it is started anew when its worker or node is lost: it must then make the same results, and those that
  /// were read are not given again. What it throws ends it. -1: any number.
  std::int32_t max_restarts = 0;
  std::string name{};         ///< For people; empty: the function's.
  std::int32_t priority = 0;  ///< Higher goes first.
  bool spreads = false;       ///< Goes to the node with the most room, not the least.
  RuntimeEnvironment environment{};
};
/// As which it runs.
ActorOptions actor_of(const StreamOptions& options);

/// A caller sends an actor whose calls are logged so many and waits for answers: which it may ask for again is bounded.
inline constexpr std::size_t most_logged_in_flight = 1024;
inline constexpr std::size_t most_logged_answer_bytes = 1u << 20;

/// One stage of a pipeline.
struct StageOptions {
  Resources needs{.cpus = 0};
  std::int64_t bytes_to_next = 0;  ///< Per step. Neighbours between which there are many share a node where they can.
};

/// Actors that are placed all together or not at all.
struct GangOptions {
  std::uint32_t size = 1;
  GangPolicy policy = GangPolicy::data;
  ActorOptions each{};  ///< The policy says where they go: not `spreads`. Member 2 registers `name` as NAME[2].
  /// model, mesh: the stages of each pipeline, in order; member r is stage r modulo so many, and needs what that says
  /// in place of what `each` does. Empty: all need the same, and a mesh's pipelines have one stage.
  std::vector<StageOptions> stages{};
};

/// An actor may have so many, all its groups together.
inline constexpr std::uint32_t most_threads = 1000;

/// What makes no sense, as one sentence; empty when all does.
std::string flaw_of(const RuntimeEnvironment& environment);
std::string flaw_of(const ActorOptions& actor);
std::string flaw_of(const GangOptions& gang);

}  // namespace troupe
