// What an agent decides, as a value: events and the time go in, effects come out; the shell around it owns the
// processes and the sockets and decides nothing.
//
// An attempt comes as an order, waits until its grant fits the node's own books, runs in a worker (functions, actors)
// or as a program of its own (commands), ends, and is reported until the scheduler has acknowledged the report. A
// worker runs one attempt at a time; one whose function has ended is kept for the next order of the same program and
// shape. Orders that were given ahead wait until there is room for them, in the line or, where a worker runs what needs
// the same, behind that in the worker itself: it goes on without asking. Orders may await the ends of other attempts
// here: awaited.cpp. A task that waits lends its cpus: lending.cpp. Actors that say so share a few workers: each ends
// alone, or all of them with the worker, for which those are blamed whose code it died under.
//
// Invariants: the grants of what runs never exceed the node's capacity, whatever the scheduler orders, but for the cpus
// of a task that goes on before those have ended that borrowed them: until then nothing is started. An attempt runs
// at most once here; each attempt ends in exactly one report, and is listed to the scheduler until that is
// acknowledged; what a scheduler says whose store is older than one seen, or foreign, is refused. Orders, stops,
// acknowledgements may be lost, doubled, reordered: a stop that overtakes its order leaves a report behind that refuses
// the order.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/orders.h"
#include "runtime/base/planted.h"
#include "runtime/base/resources.h"
#include "runtime/base/store_age.h"

namespace troupe {

/// The names of what an agent hears and does are short, and some are the scheduler's too.
namespace agent {

using Time = std::chrono::milliseconds;
using WorkerNumber = std::uint32_t;  ///< Of one worker process of this agent; from 1, never used twice.

// --- events: from the scheduler, each with the age of its store that its message named
// -------------------------------------------

struct OrderArrived {
  StoreAge store;
  RunOrder order;
};
struct StopArrived {
  StoreAge store;
  TaskId task;
  AttemptId attempt;
};
struct ReportAcknowledged {
  StoreAge store;
  TaskId task;
  AttemptId attempt;
};
/// The scheduler knows this node under its present incarnation.
struct Welcomed {
  StoreAge store;
};
/// It took a heartbeat.
struct HeartbeatTaken {
  StoreAge store;
};
struct AskedToJoin {
  StoreAge store;
};

// --- events: from this node
// -------------------------------------------------------------------------------------------

/// The worker has started and takes an order; and again while it lives.
struct WorkerReady {
  WorkerNumber worker = 0;
};
struct WorkerExited {
  WorkerNumber worker = 0;
  Cause cause;
  std::uint64_t begun = 0;  ///< How many orders it has begun to carry out, in the order in which it got them.
  std::vector<std::uint64_t> blamed{};  ///< Which of those it died under, from 1, where actors shared it.
};
/// The worker's function ended; or its actor did, or could not be made.
struct ReportArrived {
  WorkerNumber worker = 0;
  AttemptReport report;
  std::size_t passed = 0;  ///< So many of the PassResults for it were followed, the first.
};
/// The task that it runs waits for other work, or goes on; and again while it waits.
struct TaskWaits {
  WorkerNumber worker = 0;
  TaskId task;
  AttemptId attempt;
  bool waits = false;
  std::vector<std::pair<TaskId, AttemptId>> returned;  ///< Orders that it has forgotten, unbegun.
};
struct ActorUp {
  WorkerNumber worker = 0;
  TaskId task;
  AttemptId attempt;
  std::string address;
};
/// The command's process is gone, and all its children.
struct CommandExited {
  AttemptReport report;
};
struct Tick {};

using Event = std::variant<OrderArrived, StopArrived, ReportAcknowledged, Welcomed, HeartbeatTaken, AskedToJoin,
                           WorkerReady, WorkerExited, ReportArrived, TaskWaits, ActorUp, CommandExited, Tick>;

// --- effects
// ----------------------------------------------------------------------------------------------------------

/// WorkerReady or WorkerExited follows. The grant says how many threads it may use and which devices it sees.
struct StartWorker {
  WorkerNumber worker = 0;
  std::string program;
  Grant grant;
  Boxed<RuntimeEnvironment> environment;
};
struct GiveOrder {
  WorkerNumber worker = 0;
  RunOrder order;
  std::uint64_t taken = 0;  ///< So many of its reports have arrived: of those before, no later order awaits one.
};
/// The result of another attempt, that some of what it was given awaits.
struct GiveResult {
  WorkerNumber worker = 0;
  TaskId task;
  AttemptId attempt;
  Bytes result;
};
/// Something in the other worker awaits the result of this attempt: it is to go straight there.
struct PassResult {
  WorkerNumber worker = 0;
  TaskId task;
  AttemptId attempt;
  WorkerNumber to = 0;
};
/// It is not to begin what it was given, if it has not yet, and to end an actor that shares it. A report of the attempt
/// follows either way.
struct TakeBack {
  WorkerNumber worker = 0;
  TaskId task;
  AttemptId attempt;
};
/// CommandExited follows.
struct StartCommand {
  RunOrder order;
};
/// Asks it to end (TERM); `at_once`: makes it (KILL). WorkerExited follows.
struct KillWorker {
  WorkerNumber worker = 0;
  bool at_once = false;
};
struct KillCommand {
  TaskId task;
  AttemptId attempt;
  bool at_once = false;
};
struct SendReport {
  AttemptReport report;
  std::string_view name{};      ///< Of its task; until the next step.
  std::optional<Time> began{};  ///< When it is reported for the first time, and had begun.
  Time ended{};                 ///< Likewise.
};
struct SendActorStarted {
  TaskId task;
  AttemptId attempt;
  std::string address;
};
struct SendHeartbeat {
  std::vector<RunningAttempt> running;
  bool is_early = false;  ///< Because of tasks that wait, or have gone on.
};
struct SendJoin {
  std::vector<RunningAttempt> running;
};
/// Keeps this through a crash of the agent: what its next incarnation starts with.
struct RememberStore {
  StoreAge seen;
};
/// The next Tick must come by then.
struct WakeAt {
  Time at{};
};
/// The event changed nothing.
struct Ignored {
  std::string reason;
};

using Effect =
    std::variant<StartWorker, GiveOrder, GiveResult, PassResult, TakeBack, StartCommand, KillWorker, KillCommand,
                 SendReport, SendActorStarted, SendHeartbeat, SendJoin, RememberStore, WakeAt, Ignored>;
using Effects = std::vector<Effect>;

}  // namespace agent

struct AgentSettings {
  NodeCapacity capacity;
  StoreAge seen;  ///< What an earlier incarnation remembered; of the cluster that it belongs to.
  agent::Time heartbeat_interval{500};
  agent::Time idle_timeout{10'000};  ///< A worker idle for longer is retired.
  std::size_t most_idle_workers = 8;
  std::size_t most_given_to_worker = 64;     ///< What it runs, and what is lined up behind it.
  std::size_t shared_workers = 8;            ///< Over which actors of one kind that share are spread.
  std::size_t most_sharing_a_worker = 500;   ///< Where all are full, another one is started.
  agent::Time awaiting_patience{1'000};      ///< A worker waits so long for what its next order awaits.
  std::size_t most_input_bytes = 32u << 20;  ///< Of one order, together.
  agent::Time kill_grace{5'000};             ///< Between TERM and KILL.
  agent::Time start_timeout{30'000};         ///< Until a worker's first sign of life.
  agent::Time worker_timeout{5'000};         ///< Between two of them.
  std::size_t most_lending = 256;            ///< Tasks that wait; others keep their cpus: each has a process.
  agent::Time lending_patience{10'000};      ///< Of those others, while no task runs that does not wait.
  std::size_t most_ended_attempts = 4'096;  ///< Acknowledged ones that are remembered, so that a late order is refused.
  Planted planted = Planted::none;          ///< For tests of the simulator only.
};

class AgentCore {
 public:
  /// A new incarnation: nothing runs. The first Tick joins.
  AgentCore(AgentSettings settings, agent::Time now);

  /// Takes one event at the time `now`. Total: late, doubled and unknown events give Ignored. The effects are the
  /// caller's until the next step.
  agent::Effects& step(agent::Time now, agent::Event event);

  // Questions, for status and for the simulator.
  std::size_t attempts() const { return attempts_.size(); }
  std::size_t workers() const { return workers_.size(); }
  /// What the attempts that have processes were granted, each.
  std::vector<std::pair<std::pair<TaskId, AttemptId>, Grant>> grants_in_use() const;
  /// Orders that have not fitted so far, but for those that were given ahead. The scheduler's books keep it at none,
  /// unless it took a live node for dead.
  std::size_t waiting_for_room() const { return queue_.size(); }
  /// Whether something waits for what runs here to end.
  bool has_work_in_line() const;
  /// The newest store that a scheduler named: every message to a scheduler names it back.
  const StoreAge& seen() const { return seen_; }

 private:
  using Time = agent::Time;
  using WorkerNumber = agent::WorkerNumber;
  using Key = std::pair<TaskId, AttemptId>;

  struct Attempt {
    /// `given`: behind another in its worker.
    enum class Phase : std::uint8_t { queued, given, starting, running, ending, ended };
    Phase phase = Phase::queued;
    RunOrder order;
    WorkerNumber worker = 0;  // 0: a command, or none yet
    Time queued_at{};
    std::optional<Time> began;
    std::optional<Time> timeout_at;
    std::optional<Time> kill_at;
    std::optional<AttemptReport> verdict;  // how it ends, decided before its process is gone
    AttemptReport report;                  // once ended
    std::string address;
    std::uint64_t number = 0;      // Among the orders of its worker, from 1.
    std::vector<Key> awaited_by;   // orders that wait for its end
    std::vector<Key> passed_to;    // of those, in other workers: its own was told of them, in this order
    bool was_given_early = false;  // before all that it awaits had ended
    GrantedCpus cpus = GrantedCpus::held;
    std::optional<Time> keeps_cpus_since;  // while it waits: as many lend as may
    std::size_t input_bytes = 0;           // of one that was given early

    /// What it waits for has not ended, as far as is known here: its worker, if it has one, has not begun it.
    bool awaits() const { return !order.awaits.empty(); }
    /// And so the grant.
    bool has_process() const { return phase != Phase::queued && phase != Phase::given && phase != Phase::ended; }
    /// Of its grant, in the books.
    Grant booked() const {
      Grant grant = order.grant;
      if (cpus != GrantedCpus::held) grant.cpus = 0;
      return grant;
    }
  };
  struct Worker {
    enum class Phase : std::uint8_t { starting, idle, busy, dying };
    Phase phase = Phase::starting;
    std::string program;
    Grant shape;
    Boxed<RuntimeEnvironment> environment;
    std::deque<Key> attempts;  // the first is what it runs; where actors share it: all of them
    bool is_shared = false;    // by actors, from its first one on to its end
    std::uint64_t given = 0;   // orders
    std::uint64_t ended = 0;   // of its attempts
    Time idle_since{};
    Time heard{};                      // when it last gave a sign of life
    std::optional<Time> awaits_since;  // its first attempt
    bool waits = false;                // as it said last, whatever of what it runs: it returns what it is given
    std::optional<Time> kill_at;
    std::optional<Cause> ends_by;  // its own doing, if it is made to end for that

    /// It has been given all that its environment allows.
    bool is_used_up() const { return environment && environment->max_tasks > 0 && given >= environment->max_tasks; }
    /// A process of the kind that the order needs, for one more.
    bool serves(const RunOrder& order) const;
    /// Made to end, for nothing that it did.
    bool was_ended() const { return phase == Phase::dying && !ends_by; }
    Cause cause_of(const agent::WorkerExited& exited) const;
  };

  void on(agent::OrderArrived& arrived);
  void on(const agent::StopArrived& arrived);
  void on(const agent::ReportAcknowledged& acknowledged);
  void on(const agent::Welcomed& welcomed);
  void on(const agent::HeartbeatTaken& taken);
  void on(const agent::AskedToJoin& asked);
  void on(const agent::WorkerReady& ready);
  void on(const agent::WorkerExited& exited);
  void on(agent::ReportArrived& arrived);
  void on(const agent::TaskWaits& told);
  void on(const agent::ActorUp& up);
  void on(const agent::CommandExited& exited);
  void on(const agent::Tick& tick);

  bool is_refused(const StoreAge& store);
  void remember();
  void start_what_fits();
  void start_ahead();
  // awaited.cpp
  void take_awaiting(Key key, Attempt& attempt);
  void line_up_awaiting();
  bool line_up_behind(Key key, Attempt& attempt);
  void hand_on(Key key, Attempt& ended, WorkerNumber ended_in);
  void pass_results_to(Key key, const Attempt& attempt);
  static void fill_in(Attempt& attempt, Key awaited, const Bytes& result);
  void give_up_waiting();
  bool is_early(const agent::ReportArrived& arrived) const;
  void take_held_reports();
  void take_report(agent::ReportArrived& arrived);
  static AttemptReport not_here();
  // lending.cpp
  void take_returned(const agent::TaskWaits& told);
  void note_wait(Key key, Attempt* attempt, bool waits);
  void keep_cpus(Key key, Attempt& attempt);
  bool take_what_is_owed();
  void start_what_needs_no_cpus();
  void give_back_what_found_no_room();

  bool line_up(Key key, Attempt& attempt);
  bool may_line_up(const Worker& worker, const Attempt& attempt) const;
  void give_to(WorkerNumber number, Worker& worker, Key key, Attempt& attempt);
  void go_on(Worker& worker, Key ended_key, Attempt& ended);
  void put_back(const std::deque<Key>& keys, const char* why);
  void share(Key key, Attempt& attempt);
  void leave(Key key, Attempt& attempt);
  void shared_worker_exits(const Worker& worker, const agent::WorkerExited& exited);
  void start(Key key, Attempt& attempt);
  Worker& start_worker(Key key, Attempt& attempt);
  void hand_over(WorkerNumber number, Worker& worker, Attempt& attempt);
  void begin_in(WorkerNumber number, Worker& worker, Key key, Attempt& attempt);
  void end_early(Key key, Attempt& attempt, AttemptReport verdict);
  void end(Key key, Attempt& attempt, AttemptReport report);
  void kill(WorkerNumber number, Worker& worker);
  void retire_idle_workers();
  void kill_overdue();
  void end_silent_workers();
  Attempt* attempt_of(WorkerNumber worker, Key key);
  std::vector<RunningAttempt> running() const;
  void send_reports();
  void wait_or_run(Worker& worker, Attempt& attempt);
  void begins(Attempt& attempt);
  Time timer_at(Time at);
  Time next_timer() const;

  void emit(agent::Effect effect) { effects_.push_back(std::move(effect)); }
  void ignore(std::string reason) { emit(agent::Ignored{std::move(reason)}); }

  AgentSettings settings_;
  const NodeLedger empty_;  // Of the node with nothing running.
  NodeLedger ledger_;
  Time now_{};
  bool is_welcome_ = false;
  bool is_heard_ = false;  // The scheduler, since the reports were repeated last.
  Time next_beat_{};
  Time early_beat_ = Time::max();  // The scheduler is to hear before the next one of tasks that wait, or have gone on.
  StoreAge seen_;
  StoreAge remembered_;
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<TaskId>{}(key.first) ^
             (std::size_t{key.second.epoch} << 40 ^ key.second.number * std::size_t{0x9e3779b97f4a7c15});
    }
  };
  std::unordered_map<Key, Attempt, Hash> attempts_;  // Several are looked up for each input of each task.
  std::deque<Key> queue_;                            // in order of arrival
  std::deque<Key> ahead_;                            // likewise, behind those
  std::deque<Key> awaiting_;                         // likewise: those in no worker that wait for the ends of others
  std::size_t lending_ = 0;                          // Attempts whose cpus are lent.
  bool has_lent_ = false;                            // Ever.
  std::deque<Key> owed_;                             // Tasks that have gone on without their cpus, the first first.
  std::map<WorkerNumber, Worker> workers_;
  std::map<WorkerNumber, std::deque<agent::ReportArrived>> held_;  // Reports that came before those they awaited.
  WorkerNumber last_worker_ = 0;
  std::unordered_set<Key, Hash> acknowledged_;
  std::deque<Key> acknowledged_in_order_;
  std::optional<Time> wake_;       // What was asked for last; empty at first.
  std::optional<Time> new_timer_;  // The earliest that this step has set.
  agent::Effects effects_;
};

}  // namespace troupe
