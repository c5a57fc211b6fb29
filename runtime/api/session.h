// A driver's door to its cluster: submit tasks, spawn actors, get results.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/actor.h"
#include "runtime/api/deadline.h"
#include "runtime/api/options.h"
#include "runtime/api/ref.h"
#include "runtime/api/session_core.h"
#include "runtime/api/stream.h"
#include "runtime/api/synchronisation.h"
#include "runtime/api/task.h"

namespace troupe {

/// What `get` throws when there will be no value.
class TaskFailed : public std::runtime_error {
 public:
  explicit TaskFailed(Failure failure) : std::runtime_error(describe(failure)), failure_(std::move(failure)) {}
  const Failure& failure() const { return failure_; }

 private:
  Failure failure_;
};

/// Permits that are wanted of a semaphore that has `capacity` of them: all who use it at the same time say the same.
struct SemaphoreClaim {
  std::string name;
  std::uint32_t permits = 1;
  std::uint32_t capacity = 1;
};

/// Threads: any.
class Session {
 public:
  using Duration = std::chrono::milliseconds;
  static constexpr Duration forever = longest_wait;

  explicit Session(std::shared_ptr<SessionCore> core) : core_(std::move(core)) {}

  /// Runs a task somewhere; returns at once. An argument may be a Ref: the task runs when its value is there. Of a task
  /// that returns a std::tuple each result is a value by itself: `auto [sum, text] = session.submit(task);`.
  template <class R, class... Args, class... Given>
  Refs<R> submit(const TaskOptions& options, const Task<R(Args...)>& task, Given&&... given) {
    return core_->refs_to<R>(core_->submit(options, work<Args...>(task.name, std::forward<Given>(given)...)));
  }
  template <class R, class... Args, class... Given>
  Refs<R> submit(const Task<R(Args...)>& task, Given&&... given) {
    return submit(TaskOptions{}, task, std::forward<Given>(given)...);
  }

  /// Runs a task that streams; returns at once. Its results are read from the Stream, whose end is the task's.
  template <class T, class... Args, class... Given>
  Stream<T> stream(const StreamOptions& options, const Task<Stream<T>(Args...)>& task, Given&&... given) {
    std::vector<RawWork> works;
    works.push_back(work<Args...>(task.name, std::forward<Given>(given)...));
    return Stream<T>(core_, core_->spawn(actor_of(options), nullptr, std::move(works)).front());
  }
  template <class T, class... Args, class... Given>
  Stream<T> stream(const Task<Stream<T>(Args...)>& task, Given&&... given) {
    return stream(StreamOptions{}, task, std::forward<Given>(given)...);
  }

  /// Hands over a graph; it is on disk when this returns. Throws std::runtime_error where it is refused or the cluster
  /// does not answer within `limit`; the other form returns it.
  SubmittedGraph submit(const TaskGraph& graph, Duration limit = std::chrono::minutes(2)) {
    auto submitted = try_submit(graph, limit);
    if (!submitted) throw std::runtime_error(submitted.error().message);
    return std::move(submitted).value();
  }
  /// Fails with: refused (what the scheduler says), timed_out, unavailable.
  Result<SubmittedGraph> try_submit(const TaskGraph& graph, Duration limit = std::chrono::minutes(2)) {
    return core_->submit_graph(graph, limit);
  }

  /// Creates an actor somewhere; returns at once.
  template <class T, class... Args, class... Given>
  Actor<T> spawn(const ActorOptions& options, const ActorType<T(Args...)>& type, Given&&... given) {
    std::vector<RawWork> works;
    works.push_back(work<Args...>(type.name, std::forward<Given>(given)...));
    return Actor<T>(core_, core_->spawn(options, nullptr, std::move(works)).front());
  }
  template <class T, class... Args, class... Given>
  Actor<T> spawn(const ActorType<T(Args...)>& type, Given&&... given) {
    return spawn(ActorOptions{}, type, std::forward<Given>(given)...);
  }

  /// Creates an actor that belongs to no driver: it is durable, outlives this one and every scheduler, and ends when it
  /// is cancelled (`end`, `troupe cancel`). Throws std::runtime_error where it is refused, or not on disk within 2
  /// minutes.
  template <class T, class... Args, class... Given>
  Actor<T> spawn_detached(const ActorOptions& options, const ActorType<T(Args...)>& type, Given&&... given) {
    auto line = core_->spawn_detached(options, work<Args...>(type.name, std::forward<Given>(given)...),
                                      std::chrono::minutes(2));
    if (!line) throw std::runtime_error(line.error().message);
    return Actor<T>(core_, std::move(*line));
  }
  /// The actor that registered its name (ActorOptions), whoever spawned it. That its class is `type`'s is the caller's
  /// to know: a method that it has not fails by its name.
  ///
  /// Fails with: not_found, timed_out.
  template <class T, class... Args>
  Result<Actor<T>> find_actor(const std::string& name, const ActorType<T(Args...)>& /*type*/,
                              Duration limit = std::chrono::seconds(30), const std::string& name_space = {}) {
    auto line = core_->find_actor(registered_name(name_space, name), limit);
    if (!line) return line.error();
    return Actor<T>(core_, std::move(*line));
  }
  /// The actor that is found by the options' name, whoever spawned it, or, where there is none, one that is created
  /// now: of several that ask at once one creates it. It ends with the last handle of the driver that created it.
  ///
  /// Fails with: bad_input, refused, timed_out, unavailable.
  template <class T, class... Args, class... Given>
  Result<Actor<T>> find_or_spawn(const ActorOptions& options, const ActorType<T(Args...)>& type, Given&&... given) {
    auto line = core_->find_or_spawn(options, work<Args...>(type.name, std::forward<Given>(given)...),
                                     std::chrono::seconds(30));
    if (!line) return line.error();
    return Actor<T>(core_, std::move(*line));
  }
  /// The same with one that belongs to no driver (spawn_detached). Fails with: refused, bad_input, timed_out,
  /// unavailable.
  template <class T, class... Args, class... Given>
  Result<Actor<T>> find_or_spawn_detached(const ActorOptions& options, const ActorType<T(Args...)>& type,
                                          Given&&... given) {
    auto line = core_->find_or_spawn_detached(options, work<Args...>(type.name, std::forward<Given>(given)...),
                                              std::chrono::minutes(2));
    if (!line) return line.error();
    return Actor<T>(core_, std::move(*line));
  }
  /// Ends an actor, whoever else has it. Fails with: timed_out, unavailable, refused (there is no such actor any more).
  template <class T>
  Result<void> end(const Actor<T>& actor, Duration limit = std::chrono::seconds(30)) {
    return core_->end_actor(actor.id(), limit);
  }

  /// Creates actors that are placed all together or not at all; `arguments(rank)` is a tuple of the constructor's.
  template <class T, class... Args, class Arguments>
  requires std::is_invocable_r_v<std::tuple<Args...>, Arguments, std::uint32_t> std::vector<Actor<T>> spawn_gang(
      const GangOptions& gang, const ActorType<T(Args...)>& type, Arguments arguments) {
    std::vector<RawWork> works;
    for (std::uint32_t rank = 0; rank < gang.size; ++rank)
      works.push_back(std::apply([&](auto&&... each) { return work<Args...>(type.name, std::move(each)...); },
                                 std::tuple<Args...>(arguments(rank))));
    std::vector<Actor<T>> actors;
    for (auto& line : core_->spawn(gang.each, &gang, std::move(works))) actors.emplace_back(core_, std::move(line));
    return actors;
  }

  /// An actor of another driver's, which that driver may not have submitted yet. It ends with that driver's last Actor;
  /// calls made from here fail from then on.
  template <class T>
  Actor<T> attach(const ActorHandle<T>& handle) {
    return Actor<T>(core_, core_->attach(handle.task, handle.name, handle.restart));
  }

  /// Makes a Ref of a value that this driver has. A large one is copied once, into the shared memory of its node, where
  /// it stays as long as a Ref, or anybody who looks at it. Throws TaskFailed where there is no room for it.
  template <Value T>
  Ref<T> put(const T& value) {
    const Ref<T> ref(core_->put(encode_pieces(value)));
    if (auto failure = core_->first_failure({&ref.object(), 1})) throw TaskFailed(std::move(*failure));
    return ref;
  }

  /// Waits for the value. Throws TaskFailed when there will be none.
  template <class T>
  T get(const Ref<T>& ref) {
    const auto found = core_->value_of(ref.object(), std::chrono::steady_clock::now() + forever);
    if (const auto* failure = std::get_if<Failure>(&found)) throw TaskFailed(*failure);
    if constexpr (!std::is_void_v<T>) {
      auto value = decode_value<T>(std::get<Payload>(found));
      if (!value) throw TaskFailed({value.error().fault, ref.object()->name(), {}, 0, value.error().message});
      return std::move(value).value();
    }
  }

  /// The value, or why there is none: timed_out if it is not there within `limit`.
  template <class T>
  Result<T> try_get(const Ref<T>& ref, Duration limit = forever) {
    const auto found = core_->value_of(ref.object(), deadline_after(limit));
    if (const auto* failure = std::get_if<Failure>(&found)) return Error{failure->fault, describe(*failure)};
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return decode_value<T>(std::get<Payload>(found));
    }
  }

  /// Asks for the task of the ref to end: one that does not run yet does not begin, the worker of one that runs is
  /// ended (TERM, then KILL), unless it has a stop token: then it has 5 s to end by itself. Does not wait; its value is
  /// then a failure, `cancelled`, unless it was faster. A call that has not begun does not begin; one that runs is
  /// asked to stop (`Context::stop_token`), and answers as it likes. What either has begun is cancelled with it. Of an
  /// actor whose state survives a restart only calls that have not left yet are cancelled. Of what was put nothing is.
  template <class T>
  void cancel(const Ref<T>& ref) {
    core_->cancel(ref.object());
  }

  /// All values, in the order of the refs; of Ref<void> nothing. Throws TaskFailed as soon as one of them has failed,
  /// whichever it is; calls `tick` about every `interval` meanwhile, if it is given, which may throw.
  template <class T>
  auto get_all(const std::vector<Ref<T>>& refs, const std::function<void()>& tick = {},
               Duration interval = Duration(100)) {
    const auto objects = objects_of(refs);
    const LongWaits::Scope one_wait(core_->waits());
    for (bool all = false; !all;) {
      all = core_->wait(objects, objects.size(), deadline_after(interval));
      if (const auto failure = core_->first_failure(objects)) throw TaskFailed(*failure);
      if (tick) tick();
    }
    if constexpr (!std::is_void_v<T>) {
      std::vector<T> values;
      for (const auto& ref : refs) values.push_back(get(ref));
      return values;
    }
  }

  /// The same, without exceptions; nothing but Result<void> of Ref<void>.
  ///
  /// Fails with: timed_out; as try_get does, for the first that has failed.
  template <class T>
  auto try_get_all(const std::vector<Ref<T>>& refs, Duration limit = forever)
      -> Result<std::conditional_t<std::is_void_v<T>, void, std::vector<T>>> {
    const auto end = deadline_after(limit);
    const LongWaits::Scope one_wait(core_->waits());
    const auto left = [&] {
      return std::max(Duration(0), std::chrono::ceil<Duration>(end - std::chrono::steady_clock::now()));
    };
    if constexpr (std::is_void_v<T>) {
      for (const auto& ref : refs)
        if (auto got = try_get(ref, left()); !got) return got;
      return {};
    } else {
      std::vector<T> values;
      for (const auto& ref : refs) {
        auto value = try_get(ref, left());
        if (!value) return value.error();
        values.push_back(std::move(value).value());
      }
      return values;
    }
  }

  /// Whether its value is there, or it has failed: without waiting.
  template <class T>
  bool is_ready(const Ref<T>& ref) const {
    return core_->are_ready(objects_of(std::vector{ref})).front();
  }
  /// Why it has no value, as far as it is known by now.
  template <class T>
  std::optional<Failure> failure_of(const Ref<T>& ref) const {
    return core_->first_failure(objects_of(std::vector{ref}));
  }

  /// Waits until `count` of the refs (all, where they are fewer) are there or have failed, or the time is over; says
  /// whether they are.
  template <class T>
  bool wait(const std::vector<Ref<T>>& refs, std::size_t count, Duration limit = forever) {
    const auto objects = objects_of(refs);
    return core_->wait(objects, count, deadline_after(limit));
  }
  /// The same; answers with the places of all that are there by then, which may be fewer.
  template <class T>
  std::vector<std::size_t> wait_some(const std::vector<Ref<T>>& refs, std::size_t count = 1, Duration limit = forever) {
    const auto objects = objects_of(refs);
    core_->wait(objects, count, deadline_after(limit));
    std::vector<std::size_t> ready;
    const std::vector<bool> are_ready = core_->are_ready(objects);
    for (std::size_t i = 0; i < refs.size(); ++i)
      if (are_ready[i]) ready.push_back(i);
    return ready;
  }

  /// Waits for the lock of this name; the lock is held until the handle is destroyed. See synchronisation.h for what
  /// that means. Throws SyncError; the other forms return it.
  ///
  /// Fails with: timed_out (it was not free within the limit), refused, unavailable.
  Lock lock(const std::string& name, const ClaimOptions& options = {});
  Result<Lock> try_lock(const std::string& name, const ClaimOptions& options = {});
  /// The same for permits of a semaphore.
  Permits acquire(const SemaphoreClaim& wanted, const ClaimOptions& options = {});
  Result<Permits> try_acquire(const SemaphoreClaim& wanted, const ClaimOptions& options = {});
  Barrier barrier(std::string name, std::uint32_t parties);
  /// Opens a queue: one that is in use must be as the options say. It stays as long as a session that opened it, or
  /// while it holds messages; with the scheduler it ends, unless it is durable. `NAME.dead` holds what was delivered
  /// too often.
  MessageQueue queue(const std::string& name, const sync::QueueOptions& options = {});
  Result<MessageQueue> try_queue(const std::string& name, const sync::QueueOptions& options = {});
  /// A queue as it is; with the usual options where nobody opened it.
  MessageQueue unopened_queue(std::string name) { return {core_, std::move(name), false}; }

  /// What this driver submitted and spawned, as far as the scheduler has been given it: what waits here for a value of
  /// this driver's it does not know yet, and what has ended and was let go of no longer.
  ///
  /// Fails with: timed_out; so do the others.
  Result<std::vector<message::TaskSummary>> tasks(Duration limit = std::chrono::seconds(30)) {
    return tasks(core_->job(), limit);
  }
  /// Those of a job, whoever's it is: `jobs` tells them.
  Result<std::vector<message::TaskSummary>> tasks(JobId job, Duration limit = std::chrono::seconds(30)) {
    message::AskTasks wanted;
    wanted.job = job;
    wanted.with_attempts = true;
    return core_->list_tasks(wanted, limit);
  }
  /// All actors of the cluster, whoever spawned them.
  Result<std::vector<message::TaskSummary>> actors(Duration limit = std::chrono::seconds(30)) {
    return core_->list_actors(limit);
  }
  /// All that is known of a task or an actor, whoever's it is, and why it waits.
  Result<message::TaskTold> about(TaskId task, Duration limit = std::chrono::seconds(30)) {
    return core_->ask_task(task, limit);
  }
  /// All jobs of the cluster: what each driver owns, and each graph.
  Result<std::vector<message::JobSummary>> jobs(Duration limit = std::chrono::seconds(30)) {
    return core_->list_jobs(limit);
  }

  /// The cluster's nodes, with what is free of each, and how much the scheduler keeps.
  Result<message::ClusterStatus> status(Duration limit = std::chrono::seconds(30)) { return core_->ask_status(limit); }
  /// All locks, semaphores and queues that are in use, with who holds them and who waits.
  Result<message::SyncStatus> synchronisation(Duration limit = std::chrono::seconds(30)) {
    return core_->ask_sync(limit);
  }

  SessionCore& core() { return *core_; }

 private:
  /// Throws std::invalid_argument where one is empty.
  template <class T>
  static std::vector<ObjectPtr> objects_of(const std::vector<Ref<T>>& refs) {
    std::vector<ObjectPtr> objects;
    for (const auto& ref : refs) {
      if (!ref) throw std::invalid_argument("an empty Ref names no value that could be waited for");
      objects.push_back(ref.object());
    }
    return objects;
  }

  template <class... Args, class... Given>
  static RawWork work(std::string_view name, Given&&... given) {
    return {std::string(name), std::string(name), raw_arguments<Args...>(std::forward<Given>(given)...)};
  }

  std::shared_ptr<SessionCore> core_;
};

template <class R>
Refs<R> SubmittedGraph::operator[](GraphTask<R> task) const {
  return session_->refs_to<R>(ends_.at(task.number - 1));
}

}  // namespace troupe
