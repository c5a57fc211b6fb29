// What a scheduler knows, and the moves it is made of. Each group of moves has a file of its own: scheduler.cpp (the
// switchboard), submits.cpp (what drivers ask), nodes.cpp (what nodes say), lifecycle.cpp (what becomes of tasks),
// awaiting.cpp (what nodes are given before its inputs are there), control.cpp (conditions, loops, cached results),
// retries.cpp (delays and time-outs), placement.cpp (who starts where), reservations.cpp (nodes that are kept for those
// who wait), fair_share.cpp (what each job holds), compaction.cpp (what is left of ended graphs), synchronisation.cpp
// (locks, semaphores, barriers, queues), waiting.cpp (why each waits, for those who ask).
//
// Invariants: invariants.cpp.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "scheduler/core/cluster.h"
#include "scheduler/core/lock_waiters.h"
#include "scheduler/core/ready_queue.h"
#include "scheduler/core/reservations.h"
#include "scheduler/core/result_cache.h"
#include "scheduler/core/scheduler.h"
#include "scheduler/core/task_table.h"
#include "scheduler/policies/placement_policy.h"
#include "scheduler/sync/synchronisation.h"

namespace troupe::scheduler {

struct Driver {
  JobId own;
  Time since{};             ///< It was taken in then.
  Time heard{};             ///< Its last sign of life.
  std::set<JobId> watches;  ///< Jobs whose ends it is told; those it lost to another driver since are still here.
  std::map<std::uint64_t, std::string> answered;  ///< Submits of late, by request: the refusal.
  std::deque<std::uint64_t> answered_in_order;
};

/// What becomes of a task that has nothing left to do.
struct Ending {
  Slot slot = no_slot;
  TaskState state = TaskState::done;
  std::string reason;
  bool not_taken = false;  ///< Skipped by a condition.
};

struct Scheduler::State {
  State(Settings settings, StoredState stored, Time now);

  // --- scheduler.cpp
  Effects step(Time now, const Event& event);
  void count_from_now();
  void give_grace_if_late();
  void on(const Tick&);
  Time longest_sleep() const { return settings.node_timeout / 4; }
  void lose_silent_nodes();
  std::optional<Time> next_timer() const;
  void wake_by(Time at);
  Effects effects_of_step();

  void send(Effect effect) { sends.push_back(std::move(effect)); }
  void ignore(std::string reason) { sends.push_back(Ignored{std::move(reason)}); }
  bool has_planted(Planted bug) const { return settings.planted == bug; }
  /// Nodes and drivers that are still there after a restart.
  bool all_have_come() const { return now >= started + settings.node_timeout || epoch == 1; }

  // --- submits.cpp
  /// Whether a task that is not known is one that its driver may yet submit.
  bool may_come(TaskId id) const;
  void on(const DriverJoined& joined);
  void on(const DriverLeft& left);
  void drop_silent_drivers();
  void on(const TasksSubmitted& submitted);
  void on(const CancelRequested& cancel);
  void on(const TasksReleased& released);
  void on(const DrainRequested& request);
  std::string drain(NodeId id, bool drains);
  Job& add_job(const JobInfo& info);
  void accept(Job& job, const std::vector<TaskSpec>& tasks);
  /// What has ended before a task that waits decides on it, as far as it can.
  void settle(Slot slot);
  std::string address_of(const Task& task) const;
  void tell_again(DriverId driver, const std::vector<TaskSpec>& known);
  void drop_job(Job& job);

  // --- nodes.cpp
  void on(const NodeJoined& joined);
  void on(const NodeHeard& heard);
  void on(const NodeLeft& left);
  void on(const ActorStarted& started);
  void on(const AttemptEnded& ended);
  void prefetch(std::span<const EndingAttempt> ending) const;
  /// The node under this incarnation; nullptr after an answer to whoever it was.
  Node* expect(NodeId id, std::uint64_t incarnation);
  /// Of the task of what is held; no_slot: it is gone.
  Slot slot_of(const AttemptKey& key, const Holding& holding) const;
  /// Compares what the node lists with what it should run.
  void compare(Node& node, const std::vector<RunningAttempt>& running, bool is_early);
  void note_wait(Node& node, AttemptKey key, const Holding& held, bool waits);
  void take_in(Node& node, const RunningAttempt& running);
  void repeat_if_lost(Node& node, AttemptKey key, Holding& holding);
  void actor_is_up(Slot slot, const std::string& address);
  /// All that ran on the node is lost but what it still lists.
  void lose_attempts(const std::vector<AttemptKey>& attempts, const std::string& why,
                     AttemptEnd end = AttemptEnd::lost);
  void node_is_dead(Node& node, const std::string& why, AttemptEnd end = AttemptEnd::lost);
  bool is_lost_for_good(const std::vector<AttemptRecord>& attempts) const;
  void forget_dead_nodes();

  // --- lifecycle.cpp
  void load(StoredState stored);
  void touch(Slot slot);
  /// Why the results that it would be handed are too many bytes; empty if they are not.
  std::string too_much_input(const Task& task) const;
  void make_ready(Slot slot);
  void stand_in_line(Slot slot);
  void leave_ready(Slot slot);
  /// Whether it is placed with its gang.
  bool is_in_gang(const Task& task) const {
    return task.spec.gang.has_value() && !has_planted(Planted::gang_reserved_one_by_one);
  }
  bool stands_in_line(const Gang& gang) const { return ready.holds_gang(gang.priority, gang.order); }
  void run(Slot slot, Node& node);
  void make_room_for_one(RareVector<AttemptRecord>& attempts) const;
  void start(Slot slot, Node& node, bool is_ahead);
  void adopt(Slot slot, Node& node, AttemptId attempt);
  std::optional<RunOrder> order_for(TaskId task, AttemptId attempt);
  void stop(NodeId node, AttemptKey key);
  void close_attempt(Slot slot, AttemptEnd end, const Cause& cause);
  /// The current attempt is over: what becomes of its task, and of its gang.
  void attempt_is_over(Slot slot, AttemptEnd end, const Cause& cause, const Bytes& result);
  void restart_gang_of(Slot slot, const Cause& cause);
  /// Ends a task for good, and all that cannot go on without it.
  void finish(Slot slot, TaskState state, std::string reason) { finish(Ending{slot, state, std::move(reason)}); }
  void finish(Ending first);
  void end(const Ending& ending);
  /// To each who is told of the job.
  template <class Told>
  void tell_all(const Job& job, Told told) {
    for (const DriverId driver : job.watchers) {
      told.driver = driver;
      send(told);
    }
  }
  static TellTaskEnded end_of(const Task& task);

  // --- control.cpp
  /// All before the task have ended: how it ends at once; none: it may start.
  std::optional<Ending> fate_of(Slot slot);
  std::optional<Ending> fate_by_condition(Slot slot);
  const Task* hangs_on(const Task& task) const;
  /// The result is in: whether the task runs once more.
  Result<bool> repeats(const Task& task, const Bytes& result) const;
  void publish_to_cache(const Task& task);
  std::string cache_key_of(const Task& task) const;
  std::vector<std::string_view> inputs_of(const Task& task) const;

  // --- retries.cpp
  /// The next attempt comes now, or after the delay that the task asks for.
  void retry(Slot slot);
  void resume_delay(Slot slot);
  void start_delayed();
  void end_delay(Slot slot);
  void guard(const Task& task);
  void unguard(const Task& task);
  std::optional<Time> guard_ends(const Task& task) const;
  /// Attempts whose time is long over, though their nodes have not said so.
  void stop_overdue();
  void forget_if_released(Slot slot);

  // --- ahead.cpp
  std::int64_t most_ahead(const Node& node, const Task& task) const;
  void note_duration(const Task& task, const Node& node, Time since);
  void give_ahead();
  void book_ahead(Node& node);
  void take_back_ahead();
  std::optional<Time> ahead_ends(const Node& node) const;
  std::optional<Time> ahead_since(const Node& node) const;

  // --- awaiting.cpp
  Node* node_behind(const Task& task);
  void may_be_given_behind(Slot slot);
  void note_start(const Task& task);
  void give_awaiting();
  void all_before_have_ended(const Task& task);
  void take_back_awaiting(Slot slot, const Cause& why);
  void wait_anew(Slot slot);

  // --- placement.cpp
  void place_ready();
  void end_gang_round(const ReadyQueue::GangRank& last, bool is_cut);
  void take_gains();
  void start_single(const Head& head);
  bool may_have_seats(const std::vector<Slot>& members);
  bool is_worth_a_try(Slot first) const;
  bool start_gang(Slot first, const std::vector<Slot>& failed);
  std::vector<Slot> members_of(Slot slot) const;
  std::vector<std::size_t> seating_order(const std::vector<Slot>& members) const;
  Placement try_to_place(const std::vector<Slot>& members, const Rooms& rooms, const Rooms* if_empty) const;
  std::vector<NodeId> nodes_near(const Task& task) const;
  void adopt_orphans();
  std::optional<NodeId> node_after_loss(const Task& task);

  // --- waiting.cpp
  enum class Detail { brief, exact };
  /// Cost of what is exact: the nodes.
  WaitReason why_waiting(Slot slot, Detail detail);
  WaitReason why_behind_others(const Task& task) const;
  WaitReason why_short_of_its_gang(const Task& task) const;
  WaitReason why_without_permit(const Task& task) const;
  WaitReason why_without_room(Slot slot, Detail detail);
  WaitReason why_no_node(const Task& task, std::string why) const;
  WaitReason why_not_begun(const Task& task) const;
  const Task* first_open_before(const Task& task) const;
  std::string name_of_holder(const Holder& holder) const;

  // --- reservations.cpp
  void keep_nodes_for_the_patient();
  std::vector<Head> the_patient(const std::optional<ReadyQueue::GangRank>& behind);
  bool reserve(const Head& head);
  bool takes_from_lower(const Head& head);
  void take_what_lower_ones_keep();
  bool has_room_for(const Node& node, const std::vector<Slot>& seated, NodeLedger books) const;
  void start_if_kept_room_is_free(std::uint64_t order);
  void preempt_for(const Reservation& reservation);
  void preempt_for_all();
  void preempt(AttemptKey key, const Cause& why);
  void drop_reservation(std::uint64_t order);
  void withdraw(Node& node);
  void drop_hopeless_reservations();

  // --- compaction.cpp
  void load_finished(const std::vector<GraphSummary>& stored, const std::vector<Slot>& loaded);
  void count_end(const Task& task);
  void reopen(const Job& job);
  void compact_finished();
  GraphSummary summary_of(const Job& job) const;
  std::optional<Time> next_compaction() const;
  Time due(Time ended) const { return ended + settings.keep_finished; }

  // --- fair_share.cpp
  void bill(Job& job, Holding& holding);
  void unbill(AttemptKey key, Holding& holding);
  void unbill_all(Node& node);
  void release(Node& node, AttemptKey key);
  void share_anew();

  // --- synchronisation.cpp
  void on(const SyncRequested& requested);
  /// Nothing of the attempt is left on its node: what it held is free.
  void give_back(AttemptKey key) { sync.attempt_over(now, key.task, key.attempt); }
  void give_back_all_but(const Node& node, const std::vector<RunningAttempt>& listed);
  /// Hands on what came of it in this step.
  void take_from_sync();
  /// A task that is ready, but for its locks and semaphores: it stands in line when all of them are free.
  void wait_for_locks(Slot slot);
  void wait_for(Slot slot, LockWaiters::Name lacks);
  void queue_for(Slot slot, const LockWaiters::Name& name);
  void note_free_locks_of(const TaskSpec& spec);
  bool wake_lock_waiters();
  bool leaves_for_locks(Slot slot);

  Settings settings;
  std::uint32_t epoch = 0;
  Time now{};
  Time made_at{};             ///< By its own clock.
  bool is_under_way = false;  ///< Has taken an event.
  Time started{};             ///< With the first.
  Time placing_from{};
  bool placement_due = false;
  std::set<ReadyQueue::GangRank> new_gangs;  ///< In line, and not tried yet.
  bool gangs_gained = false;                 ///< Some node has gained room since all that were tried had their turn.
  bool gained_in_round = false;              ///< Since the first round began that is not over.
  Time next_gang_round{};                    ///< When they are tried again.
  std::optional<ReadyQueue::GangRank> round_until;  ///< The last that had its turn, of a round that is not over.
  Time next_sweep{};                                ///< When the patient are looked for again.
  /// Where an attempt was done in this step, and the shape of its task.
  std::pair<NodeId, ShapeIndex> ended_here;
  std::vector<NodeId> look_behind;  ///< Nodes to which this step may give what awaits something there.

  TaskTable tasks;
  ShapeTable& shapes = tasks.shapes;
  Cluster cluster;
  ReadyQueue ready{tasks};
  Synchronisation sync;
  LockWaiters lock_waiters;
  std::set<LockWaiters::Name> freed_locks;  ///< Which of those that wait have not heard of.
  ResultCache cache;
  std::set<NodeId> drained;                      ///< Also those that are not there.
  std::set<std::pair<Time, Slot>> delayed;       ///< Tasks that wait for their next attempt.
  std::set<std::pair<Time, AttemptKey>> guards;  ///< Running attempts that have a time-out.
  Time guarded_from{};                           ///< Before this no guard is asked.
  Reservations reservations;
  std::map<std::uint64_t, Hopeless> hopeless_for;  ///< Of those that wait, by order.
  /// The last of the patient that was looked at, where not all were.
  std::optional<ReadyQueue::GangRank> patient_until;
  std::uint64_t lasting_seen = 0;  ///< The cluster's lasting_version for which they were found to be sound.
  std::uint64_t starts = 0;        ///< Of attempts, so far.
  std::set<JobId> sharing;         ///< Jobs that hold something; some of them may have been dropped.
  std::map<DriverId, Driver> drivers;
  Time nodes_heard_until{};    ///< Before this none can have been silent for too long.
  Time drivers_heard_until{};  ///< Likewise.
  /// Running according to the store, on nodes that have not joined yet.
  std::map<NodeId, std::vector<AttemptKey>> awaited;
  Time awaited_until{};
  /// Jobs that were dropped, with the highest attempt number each had given, the last few thousand of them: the same
  /// job, back again, counts on from there.
  std::map<JobId, std::uint32_t> dropped;
  std::deque<JobId> dropped_in_order;

  std::map<JobId, std::size_t> ended_tasks;  ///< Of durable jobs.
  std::map<JobId, Time> finished;            ///< Durable jobs whose tasks have all ended, and when.
  std::set<std::pair<Time, JobId>> finished_in_order;
  std::deque<JobId> summaries;  ///< The oldest first.

  std::optional<Time> wake;  // what was asked for last
  std::vector<Slot> dirty;
  Effects writes;
  Effects sends;
};

}  // namespace troupe::scheduler
