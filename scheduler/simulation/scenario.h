// One world, as a value: all that is decided before its first event. Drawn from a seed, or read from a file; what is
// taken out of it (a fault, a submit, time at the end) moves nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/base/orders.h"
#include "runtime/base/planted.h"
#include "scheduler/core/event.h"

namespace troupe::scheduler::sim {

/// As in a real cluster, or all of it a number of times shorter.
struct Timing {
  Time heartbeat{500};  ///< Of agents and drivers.
  Time node_timeout{5000};
  Time rejoin_grace{700};
  Time line_patience{1000};
  Time ask_again{2000};         ///< A driver asks again after this; each time twice as long.
  Time driver_timeout{10'000};  ///< Until the scheduler knows that a driver's process is gone.
  Time idle_timeout{10'000};
  Time kill_grace{5000};
  Time lease{5000};             ///< Of the active scheduler, where another one stands by.
  Time sync_lease{10'000};      ///< Of what clients hold, and how long a new scheduler waits for them to claim it.
  Time store_patience{10'000};  ///< Until a scheduler gives up a commit that is not answered.
};

/// How things go all the time, until the faults stop.
struct Weather {
  Time shortest_delay{1};
  Time longest_delay{1};
  bool reorders = false;
  int lost_permille = 0;
  int doubled_permille = 0;
  int worker_dies_permille = 0;   ///< Of each attempt.
  int worker_stops_permille = 0;  ///< Of each start and each attempt: it says nothing more, and does not end.
  Time longest_commit{5};
  bool uses_codec = false;  ///< Messages pass as bytes.
};

enum class FaultKind : std::uint8_t {
  agent_crash,
  node_cut,   // hears and says nothing
  node_deaf,  // hears nothing
  node_mute,  // says nothing
  node_clog,  // what it hears and says arrives when this is over
  node_gone,  // dies and never comes back
  scheduler_crash,
  store_cut,  // one scheduler does not reach the store
  store_crash,
  store_slow,
  store_rolled_back,  // its files are replaced by older ones, until somebody puts the newest back
  store_foreign,      // its files are replaced by another cluster's, likewise
  second_scheduler,   // one that stands by becomes active although another one is
  scheduler_pause,
  clock_jump,  // of a scheduler's wall clock, by as much as it lasts, or back; stays
};
inline constexpr FaultKind last_fault_kind = FaultKind::clock_jump;

struct Fault {
  FaultKind kind = FaultKind::agent_crash;
  Time at{};
  Time lasts{};
  std::uint32_t target = 0;  ///< Which node, or which scheduler; from 0.
};

/// What a task does when it runs.
struct TaskScript {
  Time duration{10};   ///< Of a task; of an actor: until it dies, if it does.
  int failures = 0;    ///< This many attempts fail before one succeeds.
  bool kills = false;  ///< It fails by taking its worker down.
  TaskId waits_for;    ///< At its end it waits, as code of a task does, until its driver knows the end of this one.
};

struct PlannedBatch {
  Time at{};
  JobInfo job;
  std::vector<TaskSpec> tasks;
  std::vector<TaskScript> scripts;  ///< Of each task.
  TaskId from;                      ///< This task adds them, `at` after the start of its first attempt.
  bool is_nested = false;           ///< To its driver's own work, as its session does; not to a graph.
};

struct PlannedCancel {
  Time at{};
  TaskId task;
};

struct DriverPlan {
  JobInfo own;
  Time starts_at{};
  std::vector<PlannedBatch> batches;
  std::vector<PlannedCancel> cancels;  ///< Each actor's is among them: it ends no other way.
  std::optional<Time> dies_at;
};

/// A client of locks, semaphores, barriers and queues.
struct ClientPlan {
  Time starts_at{};
  int steps = 4;
  int rounds = 0;  ///< Of its steps, at a barrier that it shares with the other one that has them.
  std::optional<Time> dies_at;
};

/// An operator lets a node take no new work for a while.
struct PlannedDrain {
  Time at{};
  Time lasts{};  ///< At most until the faults stop.
  std::uint32_t node = 0;
};

struct NodePlan {
  NodeCapacity capacity;
  int clock_permille = 1000;  ///< How fast its clock runs.
};

struct Scenario {
  std::uint64_t seed = 0;
  Planted planted = Planted::none;
  Timing timing;
  Weather weather;
  std::int32_t most_lost_attempts = 3;
  std::uint64_t events_between_scans = 1000;
  Time faults_until{0};  ///< Then the weather clears, and what is down comes back.
  bool has_standby = false;
  int scheduler_clock_permille = 1000;
  std::vector<NodePlan> nodes;
  std::vector<Fault> faults;
  std::vector<DriverPlan> drivers;
  std::vector<ClientPlan> clients;
  std::vector<PlannedDrain> drains;

  /// Nothing goes wrong that would be a reason to repeat anything: then nothing may be repeated.
  bool is_quiet() const;
  /// Whether a node is there at the end: those that are can do the work.
  bool stays(std::size_t node) const;
};

/// Of a worker, until its agent gives it up.
Time start_timeout(const Timing& timing);
/// As drivers ask for.
Time longest_task(const Timing& timing);
/// Of a task of a job that holds nothing, while only later ones start: the product's patience until nodes are kept for
/// it, by the slowest clock; then what runs there has to end, and its end to be heard of.
Time longest_wait(const Scenario& scenario);

/// What a caller may fix; all else is drawn.
struct Wishes {
  std::size_t nodes = 0;  ///< 0: drawn.
  Planted planted = Planted::none;
};

/// Half of the worlds have the timing of a real cluster and last for ten minutes, the others are faster and shorter.
/// Each kind of fault is there in half of the worlds; one world in ten has none.
Scenario draw_scenario(std::uint64_t seed, const Wishes& wishes = {});

}  // namespace troupe::scheduler::sim
