// What an actor's call, or a task, has begun in sessions and is not over: where its own caller does not want it any
// more, that is cancelled with it, and so on to whatever it leads to.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe {

class Object;
class SessionCore;

/// Threads: any.
class BegunWork {
 public:
  BegunWork() = default;
  BegunWork(const BegunWork&) = delete;

  /// Of what the calling thread runs; nullptr: a driver's thread, or one of the user's own.
  static BegunWork* own();
  static void set_own(BegunWork* work);

  /// Something of which the user has a Ref. It is cancelled at once where all is cancelled already.
  void add(const std::shared_ptr<SessionCore>& session, const std::shared_ptr<Object>& object);

  using List = std::vector<std::pair<std::weak_ptr<SessionCore>, std::weak_ptr<Object>>>;
  /// What is to be cancelled now; what is begun later will be as it is added.
  List give_up();

 private:
  std::mutex mutex_;
  bool is_given_up_ = false;
  List begun_;
  std::size_t look_at_ = 64;  // So many: those that nobody has any more are forgotten.
};

void cancel(const BegunWork::List& begun);

}  // namespace troupe
