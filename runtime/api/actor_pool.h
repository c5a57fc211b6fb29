// Actors that share the calls which are made to all of them.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/api/session.h"

namespace troupe {

/// Each call goes to the actor with the fewest open ones, of those that have not ended. No more than `most_open` of the
/// pool's are open at each, so that one that is slow gets fewer; two, so that none waits for its next.
///
/// Threads: one at a time. It lives no longer than its session.
template <class T>
class ActorPool {
 public:
  /// Throws std::invalid_argument where there is no actor, or none could ever be called.
  ActorPool(Session& session, std::vector<Actor<T>> actors, std::size_t most_open = 2)
      : session_(&session.core()), most_open_(most_open) {
    if (actors.empty() || most_open == 0) throw std::invalid_argument("a pool needs an actor, and a call open at it");
    for (auto& actor : actors) members_.push_back({std::move(actor), {}});
  }

  /// As Actor::call; waits while there are as many open calls at each actor as may be. Where all actors have ended it
  /// fails, through its Ref, as calls to the first do.
  template <auto member, class... Given>
  auto call(const Method<member>& method, Given&&... given) {
    return call(CallOptions{}, method, std::forward<Given>(given)...);
  }
  template <auto member, class... Given>
  auto call(const CallOptions& options, const Method<member>& method, Given&&... given) {
    Member& chosen = choose();
    auto answer = chosen.actor.call(options, method, std::forward<Given>(given)...);
    chosen.open.push_back(object_of(answer));
    return answer;
  }

 private:
  struct Member {
    Actor<T> actor;
    std::vector<ObjectPtr> open;
  };

  template <class R>
  static const ObjectPtr& object_of(const Ref<R>& answer) {
    return answer.object();
  }
  /// Of several results: they come together.
  template <class... R>
  static const ObjectPtr& object_of(const std::tuple<Ref<R>...>& answers) {
    return std::get<0>(answers).object();
  }

  Member& choose() {
    const LongWaits::Scope one_wait(session_->waits());
    for (;;) {
      Member* chosen = nullptr;
      for (Member& each : members_) {
        forget_answered(each);
        if (each.actor.has_ended()) continue;
        if (chosen == nullptr || each.open.size() < chosen->open.size()) chosen = &each;
      }
      if (chosen == nullptr) return members_.front();
      if (chosen->open.size() < most_open_) return *chosen;
      std::vector<ObjectPtr> open;
      for (const Member& each : members_) open.insert(open.end(), each.open.begin(), each.open.end());
      session_->wait(open, 1, deadline_after(longest_wait));
    }
  }

  void forget_answered(Member& member) {
    const std::vector<bool> are_ready = session_->are_ready(member.open);
    std::size_t at = 0;
    std::erase_if(member.open, [&](const ObjectPtr&) { return are_ready[at++]; });
  }

  SessionCore* session_;
  std::size_t most_open_;
  std::vector<Member> members_;
};

}  // namespace troupe
