// A driver's connection to its cluster, without types: what it submitted, what came back, and the thread that talks.
//
// A task alone leaves at once. While a submit is not answered the next tasks gather, and leave together, in the order
// in which they were made.
//
// Invariants: each object becomes ready exactly once; the calls of this driver to one actor leave in the order in which
// they were made, each as soon as its arguments are there; one task's refusal is no other's; what the scheduler has not
// answered is sent again to a scheduler of a new epoch, and to one that took this driver for dead and dropped it all.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include "runtime/api/long_waits.h"
#include "runtime/api/object.h"
#include "runtime/api/options.h"
#include "runtime/api/raw_arguments.h"
#include "runtime/api/recipe.h"
#include "runtime/api/ref.h"
#include "runtime/api/sync_client.h"
#include "runtime/api/task_graph.h"
#include "runtime/api/value.h"
#include "runtime/base/result.h"
#include "runtime/ring/ring_link.h"
#include "runtime/wire/outbox.h"
#include "runtime/wire/transport.h"

namespace troupe {

struct SessionOptions {
  std::string scheduler_address;
  /// Where that leads at present: another scheduler may take over while the one before it holds its connections. Empty:
  /// never elsewhere.
  std::function<std::string()> active_scheduler;
  ClusterId cluster;
  std::string program;  ///< Started again in the worker role to run this driver's tasks and actors.
  std::string name;
  std::chrono::milliseconds heartbeat{500};
  TaskId task;  ///< Inside a task: the attempt on whose behalf locks are taken. They end with it.
  AttemptId attempt;
  /// The way to values in shared memory; none: all travel inside messages.
  std::shared_ptr<ObjectClient> objects{};
  /// A descriptor that becomes readable when the cluster is gone; -1: none.
  int lifeline = -1;
  /// The scheduler's silence after which everything that is pending fails.
  std::chrono::milliseconds lost_after{10'000};
  /// After which a submit without an answer, or its answer, is taken for lost, and made again at the next heartbeat.
  std::chrono::milliseconds submit_patience{2'000};
};

struct RawWork {
  std::string name;      ///< For people.
  std::string function;  ///< Of a task, or an actor's type: its name in the catalog.
  std::vector<RawArgument> arguments;
};

/// The way to one worker: rings where it is on this node, else frames. Guarded by the session's mutex.
///
/// Rings that break while the worker lives are replaced by others, or, where these are not to be had, by frames. The
/// calls on each way are numbered from 1.
struct WorkerLink {
  std::string address;
  std::uint64_t caller = 0;  // Who calls, to the worker.
  std::optional<RingLink> ring;
  std::optional<PeerId> peer;    // Without rings, or for what overtakes the calls in them.
  bool is_gone = false;          // The worker closed its end, or the rings are broken.
  std::optional<RingLink> next;  // Then: what replaces them, not taken yet.
  int tries = 0;                 // To replace them, since the last answer.
  std::chrono::steady_clock::time_point try_at{};
  std::size_t actors = 0;      // That are reached by it.
  std::size_t unanswered = 0;  // Calls that went by the ring.
  // Of actors that were let go while others are still reached by it: the number of the last call to each.
  std::map<std::pair<TaskId, AttemptId>, std::uint64_t> let_go;

  /// Whether another call may be sent.
  bool can_take() const { return ring ? !is_gone && ring->kept_bytes() == 0 : peer.has_value(); }
};

/// How an actor ended for good: no incarnation follows.
struct ActorEnd {
  /// cancelled: it was told to end, or let go of; task_failed: it could not be made, or its worker died and no restart
  /// was left; peer_lost: one of these, of another driver's actor; refused, unsupported: it never was; unavailable: the
  /// cluster is gone; corrupt: its log is not whole.
  Fault fault = Fault::peer_lost;
  std::string cause;  ///< One line; then, of a worker that died, the last lines of its output.
};
template <class Archive>
void fields(Archive& archive, ActorEnd& value) {
  archive("actor end", value.fault, value.cause);
}

/// One actor as this driver sees it. Guarded by the session's mutex.
struct ActorLine {
  struct PendingCall {
    std::string method;
    std::vector<RawArgument> arguments;
    ObjectPtr result;
    std::uint32_t retries = 0;  // That it has left.
    bool was_sent = false;      // And lost.
  };

  struct SentCall {
    std::string method;
    std::vector<Bytes> arguments;
  };

  TaskId task;
  std::shared_ptr<const std::string> name;
  std::size_t handles = 1;   // That this program has.
  bool is_borrowed = false;  // Another driver spawned it: the scheduler does not tell what becomes of it, but is asked.
  RestartMode restart = RestartMode::none;
  std::uint32_t call_retries = 0;
  std::uint32_t max_pending_calls = 0;
  AttemptId attempt;
  NodeId node;                    // Of that attempt.
  WorkerLink* link = nullptr;     // None while it is not up.
  std::uint64_t last_number = 0;  // Of a call that was sent; with a RestartMode counted over all restarts.
  // With a RestartMode, after each new link: it was asked which calls are in the state, and others wait.
  bool asks_what_is_kept = false;
  std::deque<PendingCall> waiting;  // In the order of the calls.
  struct CallInFlight {
    ObjectPtr result;                         // Null: answered.
    std::vector<ObjectPtr> held{};            // Its arguments that lie elsewhere, until then.
    std::unique_ptr<const SentCall> again{};  // For another incarnation; with RestartMode::logged.
    std::unique_ptr<PendingCall> retry{};     // What becomes of it where it is lost; none: it fails.

    bool is_open() const { return result != nullptr; }
  };
  std::deque<CallInFlight> in_flight;  // The calls up to last_number.
  std::uint64_t turns_told = 0;        // See message::WhatIsKept.
  std::size_t unsent = 0;              // The last so many of them: over this link.
  /// With RestartMode::checkpoint: first and last of those that are not in the state, by their numbers.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> rolled_back;
  bool ended = false;
  ActorEnd end;                   // Once it has.
  std::weak_ptr<Object> monitor;  // Becomes ready with it.

  /// Whether as many of its calls as may be are without an answer.
  bool is_full() const;
  std::uint64_t first_in_flight() const { return last_number + 1 - in_flight.size(); }
  bool has_to_send() const { return !waiting.empty() || unsent > 0; }
  /// Of calls, when it has ended: to their caller it is lost, however that came about.
  Fault fault_of_calls() const;
};

class SessionCore : public std::enable_shared_from_this<SessionCore> {
 public:
  SessionCore(SessionOptions options, std::unique_ptr<Transport> transport);
  ~SessionCore();

  /// Logs in; waits for the scheduler's welcome.
  Result<void> start(std::chrono::milliseconds limit);

  /// Says goodbye: everything of this driver ends.
  void stop();

  /// Its outcome is a failure where there is no room for the value.
  ObjectPtr put(EncodedValue value);
  /// Waits until the deadline for the value; it is made again, if it can be, where it was lost.
  std::variant<Payload, Failure> value_of(const ObjectPtr& object, std::chrono::steady_clock::time_point deadline);
  ObjectPtr submit(const TaskOptions& options, RawWork work);
  /// All of a gang, or one actor alone; ranks in the order of `works`.
  std::vector<std::shared_ptr<ActorLine>> spawn(const ActorOptions& options, const GangOptions* gang,
                                                std::vector<RawWork> works);
  ObjectPtr call(const std::shared_ptr<ActorLine>& actor, const CallOptions& options, std::string method,
                 std::vector<RawArgument> arguments);
  /// Another driver's actor. It ends with that driver's last handle, whoever else has one.
  std::shared_ptr<ActorLine> attach(TaskId actor, std::string name, RestartMode restart);
  /// The actor that was registered under this name, whoever spawned it.
  ///
  /// Fails with: not_found, timed_out.
  Result<std::shared_ptr<ActorLine>> find_actor(const std::string& registered, std::chrono::milliseconds limit);
  /// That actor, or else one that registers the name. Fails with: bad_input, refused, timed_out, unavailable.
  Result<std::shared_ptr<ActorLine>> find_or_spawn(ActorOptions options, const RawWork& work,
                                                   std::chrono::milliseconds limit);
  Result<std::shared_ptr<ActorLine>> find_or_spawn_detached(ActorOptions options, const RawWork& work,
                                                            std::chrono::milliseconds limit);
  /// An actor that belongs to no driver: on disk when this returns well.
  ///
  /// Fails with: bad_input, and what submit_job fails with.
  Result<std::shared_ptr<ActorLine>> spawn_detached(const ActorOptions& options, RawWork work,
                                                    std::chrono::milliseconds limit);
  bool is_rolled_back(const ActorLine& actor, const Object& call) const;
  std::uint64_t rolled_back(const ActorLine& actor) const;
  void release_actor(const std::shared_ptr<ActorLine>& actor);
  /// Becomes ready with an ActorEnd; the session must have a handle of the actor until then.
  ObjectPtr monitor(ActorLine& actor);

  /// Hands over tasks of a durable job; when this returns well they are on disk. A scheduler that is started anew is
  /// given them again as long as one of them is watched. `from` is the running task that adds them to its own graph.
  ///
  /// Fails with: bad_input (too large for one message), refused, timed_out (they may be there), unavailable.
  Result<void> submit_job(const JobInfo& job, std::vector<TaskSpec> tasks, std::chrono::milliseconds limit,
                          TaskId from = {});
  /// The same for all of a graph, however large. Fails with what submit_job fails with; some of it may then be there.
  Result<void> submit_graph(const JobInfo& job, std::vector<TaskSpec> tasks, std::chrono::milliseconds limit);
  /// A graph that was built in code, as a new job. Its tasks are watched.
  Result<SubmittedGraph> submit_graph(const TaskGraph& graph, std::chrono::milliseconds limit);
  /// A node takes no new work from now on, or (`drain` is false) takes some again; on disk when this returns well.
  Result<void> drain(NodeId node, bool drain, std::chrono::milliseconds limit);
  /// The end of a task of a job that this driver submitted with submit_job.
  ObjectPtr watch_task(TaskId task, std::string name);
  /// Of whatever job, as the scheduler has them: what has ended and was let go of it no longer has.
  Result<std::vector<message::TaskSummary>> list_tasks(JobId job, std::chrono::milliseconds limit);
  /// `wanted.first` is where it begins.
  Result<std::vector<message::TaskSummary>> list_tasks(const message::AskTasks& wanted,
                                                       std::chrono::milliseconds limit);
  /// Hands them to `take`, a page at a time, until that says that it has enough: false.
  Result<void> list_tasks(message::AskTasks wanted, std::chrono::milliseconds limit,
                          const std::function<bool(std::vector<message::TaskSummary>&& page)>& take);
  /// Of all jobs.
  Result<std::vector<message::TaskSummary>> list_actors(std::chrono::milliseconds limit);
  /// This driver's own job, those of others, and the durable ones.
  Result<std::vector<message::JobSummary>> list_jobs(std::chrono::milliseconds limit);
  /// All that is known of one task, and why it waits.
  Result<message::TaskTold> ask_task(TaskId task, std::chrono::milliseconds limit);
  /// `with_queue`: also what waits, which costs the scheduler more.
  Result<message::ClusterStatus> ask_status(std::chrono::milliseconds limit, bool with_queue = false);
  /// Locks, semaphores and queues that are in use.
  Result<message::SyncStatus> ask_sync(std::chrono::milliseconds limit);

  /// An object of a value that arrived by another way than as the result of a task or a call.
  ObjectPtr receive(std::string name, Bytes bytes);
  bool has_ended(const ActorLine& actor) const;
  /// Waits for what travels for the value; a failure, `cancelled`, where it is told to stop.
  std::variant<Bytes, Failure> await_outcome(const ObjectPtr& object, const std::stop_token& stop = {});
  /// Each of several results of a task or a call, as an object of its own.
  std::vector<ObjectPtr> parts_of(const ObjectPtr& whole, std::size_t count);
  /// Of a call that is answered with a value and then as many results as there are: these become its `items` as soon as
  /// the answer is there, so that what lies in stores is this process's from then on. The value is left as its outcome.
  void take_items_of(const ObjectPtr& call);
  template <class R>
  Refs<R> refs_to(ObjectPtr object) {
    if constexpr (!are_several<R>) {
      return Ref<R>(std::move(object));
    } else {
      const auto parts = parts_of(object, RefsTo<R>::count);
      return [&]<std::size_t... at>(std::index_sequence<at...>) {
        return Refs<R>(std::tuple_element_t<at, Refs<R>>(parts[at])...);
      }
      (std::make_index_sequence<RefsTo<R>::count>());
    }
  }
  void cancel(TaskId task);
  /// Whoever it belongs to; of another's it is known to be on its way when this returns well.
  ///
  /// Fails with: what cancel_all fails with.
  Result<void> end_actor(TaskId actor, std::chrono::milliseconds limit);
  /// Of a task or of a call.
  void cancel(const ObjectPtr& object);
  /// Cancels tasks of any job and waits until that is done; of durable ones it is then on disk.
  ///
  /// Fails with: refused (what the scheduler says of the first that it refuses), timed_out, unavailable.
  Result<void> cancel_all(std::span<const TaskId> tasks, std::chrono::milliseconds limit);

  /// The first of them that has failed, if any has.
  std::optional<Failure> first_failure(std::span<const ObjectPtr> objects) const;

  /// Waits until `count` of them are ready, or the time is over; true if they are.
  bool wait(std::span<const ObjectPtr> objects, std::size_t count, std::chrono::steady_clock::time_point deadline);

  /// Of each of them, whether it has a value or a failure.
  std::vector<bool> are_ready(std::span<const ObjectPtr> objects) const;

  SyncClient& sync() { return sync_; }
  LongWaits& waits() { return waits_; }
  JobId job() const { return job_.id; }
  /// Stands in the name of everything outside its folder that belongs to the cluster, so that it can be swept up.
  std::string cluster_text() const { return to_text(options_.cluster.high); }

 private:
  struct PendingTask {
    TaskSpec spec;                           // Without arguments and inputs: those are as they stand when it is sent.
    std::vector<RawArgument> arguments;      // Kept to the end: a scheduler of a new epoch is given the task again.
    std::uint32_t losses = 0;                // Of its arguments, before it was sent.
    std::uint32_t runs_left = most_remakes;  // After arguments were lost on the way.
    std::weak_ptr<Object> result;            // None for actors.
    std::shared_ptr<ActorLine> actor;
    bool sent = false;
    bool is_cancelled = false;  // After it was sent.
  };
  /// One gang, or tasks alone. The scheduler takes all of them or none.
  struct OpenSubmit {
    message::Submit message;
    std::chrono::steady_clock::time_point sent;
  };

  /// What was asked and is waited for, by request; a scheduler of a new epoch is asked again.
  template <class Question, class Answer>
  struct Open {
    Question question;
    std::optional<Answer> answer;
  };
  template <class Question, class Answer>
  using Questions = std::map<std::uint64_t, Open<Question, Answer>>;

  bool wait_until(std::span<const ObjectPtr> objects, std::size_t count,
                  std::chrono::steady_clock::time_point deadline);
  void run();
  bool turn(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point limit);
  void wait_for_turn(std::unique_lock<std::mutex>& lock);
  bool talk_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& are_there,
                  std::chrono::steady_clock::time_point deadline);
  void leave_turn();
  void send_now(std::unique_lock<std::mutex>& lock);
  void wake();
  void take(const Delivery& delivery);
  void on(message::Message& message);
  void on_welcome(std::uint32_t epoch, std::uint64_t since);
  void say_all_again();
  void on_answer(const message::Answer& answer);
  void on_ended(message::TaskEnded& ended);
  void on_actor_up(const message::ActorUp& up);
  void on_actor_down(const message::ActorDown& down);
  void on_call_answer(message::CallAnswer& answer);

  bool take_answers_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& are_there,
                          std::chrono::steady_clock::time_point deadline);
  bool has_answers() const;
  void take_answers();
  void watch_rings();
  std::chrono::steady_clock::time_point look_at_rings(std::chrono::steady_clock::time_point now);
  void look_after_links();
  std::chrono::steady_clock::time_point ask_for_borrowed(std::chrono::steady_clock::time_point now);
  void end_actor(ActorLine& actor, Fault fault, const std::string& cause);
  void hear_links();
  void replace(WorkerLink& link, std::chrono::steady_clock::time_point now);
  void start_over(WorkerLink& link);
  WorkerLink* link_to(const std::string& address);
  void leave_link(ActorLine& actor);
  void pump_rings();
  void send_call(ActorLine& actor, ActorLine::PendingCall& call, std::span<const std::string_view> arguments);
  void send_by_link(ActorLine& actor, std::uint64_t number, std::string_view method,
                    std::span<const std::string_view> arguments);
  bool may_send(const ActorLine& actor) const;
  void send_again(ActorLine& actor);
  void ask_what_is_kept(const WorkerLink& link);
  void ask_what_is_kept(ActorLine& actor);
  void on_what_is_kept(const message::CallAnswer& answer);
  void forget_in_flight(ActorLine& actor, const std::function<const char*(std::uint64_t)>& cause);
  void roll_back(ActorLine& actor, std::uint64_t last_kept);
  void lose_calls_in_flight(ActorLine& actor, Fault fault, const std::string& cause);
  void uncount_calls_in_flight(ActorLine& actor);
  void set_unsent(ActorLine& actor, std::size_t count);
  void count_answered(ActorLine& actor, std::size_t count);

  template <class Answer, class Question>
  Result<Answer> ask(Question question, std::chrono::milliseconds limit);
  bool are_questions_open() const;
  void take_answer(message::Message& message);
  template <class Question, class Answer>
  void take_answer(Questions<Question, Answer>& questions, message::Message& message);
  void ask_again();
  Result<void> wait_for_answer(std::unique_lock<std::mutex>& lock, std::uint64_t request,
                               std::chrono::milliseconds limit);
  void post(PeerId to, const message::Message& message);
  void say_hello();
  void ask_to_cancel(TaskId task);
  void finish(const ObjectPtr& object, std::variant<std::monostate, Bytes, Failure> outcome);
  void finish_parts(const Object& whole);
  void take_items(Object& call);
  void await_refs(const ObjectPtr& object);
  void gather_refs(const ObjectPtr& object);
  void settle_without_refs(Object& object, Failure failure);
  void is_settled(Object& object);
  void let_go(Bytes bytes);
  void pump();
  void submit_what_can_be_sent();
  std::size_t add_unit(std::span<const TaskId> unit, std::vector<TaskSpec>& tasks);
  void take_apart(const message::Submit& refused);
  void submit_again(std::chrono::steady_clock::time_point now);
  void forget_submit(std::uint64_t request);
  void pump(ActorLine& actor);
  bool prepare(PendingTask& task, TaskSpec& spec, std::size_t& bytes);
  std::vector<RawArgument> take_arguments(std::vector<RawArgument> arguments, bool travel_inside = false);
  void remake_lost(const std::vector<RawArgument>& arguments);
  static std::uint32_t losses_of(const std::vector<RawArgument>& arguments);
  static NodeId node_near(const std::vector<RawArgument>& arguments);
  void make_again(const ObjectPtr& object);
  void make_refs_again(ObjectPtr object);
  ObjectPtr object_of(const Recipe::Ingredient& ingredient);
  bool run_again_for_lost(TaskId id);
  void give_again(PendingTask task, const ObjectPtr& result);
  static bool is_lost(const Object& object);
  static bool has_lost_ref(const Object& object);
  static std::uint32_t losses_of_refs(const Object& object);
  void fail_task(TaskId id, Failure failure);
  static Failure failure_of_call(const ActorLine& actor, Fault fault, const Object& call, std::string cause);
  void fail_calls_in_flight(ActorLine& actor, Fault fault, const std::string& cause);
  void fail_waiting_calls(ActorLine& actor);
  void tell_monitor(ActorLine& actor);
  void cancel_task(TaskId task);
  void cancel_call(const ObjectPtr& call);
  void send_cancel(const Object& call);
  void set_deadline(const ObjectPtr& object, std::chrono::milliseconds deadline);
  void look_at_deadlines(std::chrono::steady_clock::time_point now);
  void fail_everything(const std::string& cause);
  void look_after_lifeline();
  bool follow_scheduler();
  void send_dropped();
  void send_sync(std::chrono::steady_clock::time_point now);
  void note_begun(const ObjectPtr& object);
  ObjectPtr make_object(std::string name, std::optional<TaskId> task);
  TaskId next_task();

  const SessionOptions options_;
  const int lifeline_;  // Its own descriptor of options_.lifeline.
  JobInfo job_;
  DriverId driver_;
  std::unique_ptr<Transport> transport_;  // Of whoever talks; others only wake it.
  PeerId scheduler_;
  std::string connected_to_;  // What active_scheduler said then.
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Who talks to other processes: `thread_`; while waits are short, whoever waits.
  std::condition_variable turn_is_free_;             // What the session's thread waits for.
  bool is_talking_ = false;                          // Some thread.
  int talkers_ = 0;                                  // Waiting threads that talk, or will when it is their turn.
  bool was_short_ = false;                           // The last wait.
  bool is_thread_asleep_ = false;                    // Until it is notified.
  std::chrono::steady_clock::time_point left_at_{};  // By a waiting thread: it is likely to be back at once.
  std::atomic<bool> is_thread_called_ = false;
  std::chrono::steady_clock::time_point next_hello_{};
  std::chrono::steady_clock::time_point look_at_ = std::chrono::steady_clock::time_point::max();  // At the rings.
  std::chrono::steady_clock::time_point ask_due_ = std::chrono::steady_clock::time_point::max();  // For borrowed ones.
  Outbox outbox_;
  std::uint32_t epoch_ = 0;
  std::uint64_t since_ = 0;  // When that scheduler took this driver in.
  bool welcomed_ = false;
  bool stopping_ = false;
  bool has_news_ = false;  // Of objects, since the last turn.
  std::string lost_;       // Why, once the scheduler is given up.
  std::chrono::steady_clock::time_point last_heard_;
  std::uint32_t last_task_ = 0;
  std::uint64_t last_request_ = 0;
  std::map<TaskId, PendingTask> tasks_;                          // Not ended; actors too.
  std::set<TaskId> unsent_;                                      // Those of them that the scheduler has not been given.
  std::optional<OpenSubmit> open_submit_;                        // Not answered.
  TaskId one_by_one_to_;                                         // Up to here somebody is refused: nobody knows who.
  std::map<std::uint64_t, std::optional<std::string>> answers_;  // Of submit_job and drain: empty while open.
  std::tuple<Questions<message::AskTasks, message::TaskList>, Questions<message::AskTask, message::TaskTold>,
             Questions<message::AskJobs, message::JobList>, Questions<message::AskStatus, message::ClusterStatus>,
             Questions<message::AskSync, message::SyncStatus>, Questions<message::FindActor, message::NamedActor>>
      questions_;
  std::map<std::uint64_t, TaskId> cancels_;          // Waited for, by request.
  std::vector<message::Submit> handed_in_;           // By submit_job, while they may have to be handed in again.
  std::map<TaskId, std::weak_ptr<Object>> watched_;  // Tasks of jobs handed in by submit_job.
  std::map<TaskId, std::shared_ptr<ActorLine>> actors_;
  std::chrono::steady_clock::time_point ask_at_{};  // Where borrowed actors are.
  std::chrono::milliseconds ask_pause_{};
  struct Deadline {
    std::weak_ptr<Object> object;
    std::optional<TaskId> task;
    std::chrono::milliseconds length;
  };
  std::multimap<std::chrono::steady_clock::time_point, Deadline> deadlines_;
  std::size_t most_deadlines_ = 4096;        // Before those are forgotten that nobody waits for.
  std::vector<ObjectPtr> calls_to_end_;      // That have left, for whoever talks.
  std::set<TaskId> released_;                // Actors that end when they have answered everything.
  std::map<std::string, WorkerLink> links_;  // By address.
  std::vector<message::ActorDown> gone_;     // As their workers say.
  std::vector<message::CallAnswer> kept_;    // To what was asked of restarted actors.
  std::optional<Bell> bell_;                 // Rung when there are answers; none: no rings.
  std::size_t waiting_calls_ = 0;            // Not sent.
  std::size_t unanswered_ = 0;               // Of those that went by rings.
  int spinning_ = 0;                         // Threads that look for answers by themselves.
  int parked_ = 0;                           // Threads that wait to be told, or talk meanwhile.
  std::chrono::steady_clock::time_point replace_at_ =
      std::chrono::steady_clock::time_point::max();  // Rings that broke.
  bool is_timed_ = false;                            // The session's thread looks for answers within a millisecond.

  /// Tasks to which no ref is left. Apart from the session, which a last ref must neither lock nor end.
  struct Dropped {
    std::mutex mutex;
    std::vector<TaskId> tasks;
  };
  const std::shared_ptr<Dropped> dropped_ = std::make_shared<Dropped>();
  LongWaits waits_;
  SyncClient sync_{[this] { wake(); }, waits_};
};

}  // namespace troupe
