// What code that runs in a worker may know of its attempt, and how it reaches the cluster: a catalogued function, or an
// actor's constructor, that takes a `Context&` before its arguments is handed one.
//
//   catalog.add(sum_of, [](troupe::Context& context, int n) {
//     auto left = context.session().submit(half, n);
//     …
//   });
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "runtime/api/session.h"
#include "runtime/base/orders.h"

namespace troupe {

/// One attempt of a task, or the life of an actor. Threads: any.
class Context {
 public:
  using Connect = std::function<Session(TaskId, AttemptId)>;

  /// `stop_token`: of what the asking thread runs; nullptr: there are none.
  Context(const RunOrder& order, NodeId node, Connect connect, std::stop_token (*stop_token)() = nullptr)
      : node_(node),
        task_(order.task),
        attempt_(order.attempt),
        name_(order.name),
        grant_(order.grant),
        connect_(std::move(connect)),
        stop_token_(stop_token) {
    if (const auto* actor = std::get_if<ActorWork>(&order.work); actor != nullptr && actor->restart)
      restart_ = actor->restart->mode;
    if (order.gang) std::tie(rank_, world_size_) = std::pair(order.gang->rank, order.gang->size);
  }
  Context(const Context&) = delete;

  NodeId node() const { return node_; }  ///< Where it runs.
  TaskId task() const { return task_; }
  JobId job() const { return task_.job; }
  AttemptId attempt() const { return attempt_; }
  const std::string& name() const { return name_; }
  /// Cpus, memory and devices of the attempt.
  const Grant& grant() const { return grant_; }
  /// Of the actor whose code this is: for others, to call it. Requires: it is one, of type T.
  template <class T>
  ActorHandle<T> self() const {
    return {task_, name_, restart_};
  }
  std::uint32_t rank() const { return rank_; }              ///< In its gang.
  std::uint32_t world_size() const { return world_size_; }  ///< Of its gang.

  /// Asked to stop once the actor's call, or the task, that this thread runs is cancelled, or its deadline or time-out
  /// is over: for long ones to look at, or to wait with. A task that has asked for it before then ends by itself, in 5
  /// s at most; the worker of any other is ended. What the calling thread has begun in `session` is cancelled too.
  std::stop_token stop_token() const { return stop_token_ != nullptr ? stop_token_() : std::stop_token(); }

  /// The attempt's own session, made when it is first asked for. What it starts ends with the attempt.
  ///
  /// A task whose own thread waits in it (for a value, a stream, a barrier, a message) lends its cpus to others
  /// after a millisecond. If it goes on before these have ended, more run than there are cpus until one of them ends.
  /// An actor keeps its own, and so does a task that streams.
  Session& session() {
    std::call_once(connected_, [this] {
      session_.emplace(connect_(task_, attempt_));
      if (on_wait_) session_->core().waits().watch(own_thread_, on_wait_);
      has_session_ = true;
    });
    return *session_;
  }

  /// Calls `on_wait` when the calling thread has waited in the session for a while, and when it goes on.
  ///
  /// Requires: before any other use.
  void tell_waits(std::function<void(bool waits)> on_wait) {
    on_wait_ = std::move(on_wait);
    own_thread_ = std::this_thread::get_id();
  }

  /// Held by that coroutine among an actor's methods which goes on.
  std::mutex& turn() { return turn_; }

  /// Waits for what travels for a value that the attempt's code named; until the call that asks is to stop.
  std::variant<Bytes, Failure> outcome_of(const ObjectPtr& object) {
    if (has_session_) return session_->core().await_outcome(object, stop_token());
    // Without a session all its Refs came as arguments: they are ready.
    if (const auto* failure = std::get_if<Failure>(&object->outcome)) return *failure;
    return std::get<Bytes>(object->outcome);
  }

 private:
  NodeId node_;
  TaskId task_;
  AttemptId attempt_;
  std::string name_;
  Grant grant_;
  RestartMode restart_ = RestartMode::none;
  std::uint32_t rank_ = 0;
  std::uint32_t world_size_ = 1;
  Connect connect_;
  std::stop_token (*stop_token_)();
  std::function<void(bool)> on_wait_;
  std::thread::id own_thread_;
  std::once_flag connected_;
  std::atomic<bool> has_session_ = false;
  std::optional<Session> session_;
  std::mutex turn_;
};

}  // namespace troupe
