// A handle to an actor: calls go straight to its worker, in the order in which this driver makes them.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "runtime/api/ref.h"
#include "runtime/api/session_core.h"
#include "runtime/api/task.h"
#include "runtime/wire/base_fields.h"

namespace troupe {

/// An actor as a value that may be an argument or a result: `Session::attach` makes an Actor of it again, in whichever
/// process. It keeps nothing alive.
template <class T>
struct ActorHandle {
  TaskId task;
  std::string name;
  RestartMode restart = RestartMode::none;
};

template <class Archive, class T>
void fields(Archive& archive, ActorHandle<T>& value) {
  archive("actor", value.task, value.name, appended(value.restart));
}

/// Copies name the same actor. It ends when the last copy is gone and what was called is answered.
template <class T>
class Actor {
 public:
  Actor() = default;
  Actor(std::shared_ptr<SessionCore> session, std::shared_ptr<ActorLine> line)
      : line_(line.get(), [session, line](ActorLine*) { session->release_actor(line); }),
        session_(std::move(session)),
        shared_line_(std::move(line)) {}

  /// Calls a method; returns at once. A Ref among the arguments is waited for on the way, not here.
  ///
  /// Fails with (through the Ref): task_failed if the method throws; peer_lost if the actor died: the cause says
  /// whether the call is known not to have run. Of an actor whose calls are logged none fails by a restart.
  template <auto member, class... Given>
  requires std::is_base_of_v<typename Method<member>::Class, T>
  auto call(const Method<member>& method, Given&&... given) const {
    return call(CallOptions{}, method, std::forward<Given>(given)...);
  }
  template <auto member, class... Given>
  requires std::is_base_of_v<typename Method<member>::Class, T>
  auto call(const CallOptions& options, const Method<member>& method, Given&&... given) const {
    return call_as(options, method.name, static_cast<typename Method<member>::Signature*>(nullptr),
                   std::forward<Given>(given)...);
  }

  /// Whether the call of this driver whose answer the ref names is not in the actor's state: it was started anew from a
  /// checkpoint before it (RestartMode::checkpoint). Known as soon as a call that was made later is answered.
  template <class R>
  bool is_rolled_back(const Ref<R>& call) const {
    return session_->is_rolled_back(*shared_line_, *call.object());
  }
  /// How many calls of this driver's are not, for that reason: grows with each such restart.
  std::uint64_t rolled_back() const { return session_->rolled_back(*shared_line_); }

  /// Becomes ready when the actor has ended for good, with how and why; of another driver's actor within a heartbeat.
  /// Restarts are no end. It never fails, and is no handle: when this driver's last one is gone it is ready.
  Ref<ActorEnd> monitor() const { return Ref<ActorEnd>(session_->monitor(*shared_line_)); }
  /// Whether this driver knows of its end.
  bool has_ended() const { return session_->has_ended(*shared_line_); }

  TaskId id() const { return shared_line_->task; }
  ActorHandle<T> handle() const { return {shared_line_->task, *shared_line_->name, shared_line_->restart}; }

 private:
  template <class R, class... Args, class... Given>
  Refs<R> call_as(const CallOptions& options, std::string_view method, R (*)(Args...), Given&&... given) const {
    return session_->refs_to<R>(session_->call(shared_line_, options, std::string(method),
                                               raw_arguments<Args...>(std::forward<Given>(given)...)));
  }

  std::shared_ptr<ActorLine> line_;  // Its end is the end of the last handle.
  std::shared_ptr<SessionCore> session_;
  std::shared_ptr<ActorLine> shared_line_;
};

}  // namespace troupe
