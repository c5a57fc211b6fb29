// Functions that wait for many values at once without a thread for each:
//
//   troupe::Coroutine<int> total(troupe::Session session, std::string name) {
//     const int pieces = co_await session.submit(count, name);
//     const int price = co_await actor.call(price_of, name);
//     co_return pieces * price;
//   }
//   int sum = troupe::run(session, total(session, "apples"));
//
// Options in braces stand outside of a `co_await`: gcc 12 destroys them twice there ("free(): invalid pointer"). Name
// the Ref: `const auto ref = session.submit({.priority = 1}, count, name); co_await ref;`.
//
// A method of an actor, and what a task runs, may be one: see Catalog. Those of an actor's methods go on one at a time;
// while one waits others do, as many as the actor has threads (ActorOptions::concurrency).
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/api/session.h"

namespace troupe {

/// Whom the coroutines of one `run` wait for. Threads: that of `run`.
class CoroutineLoop {
 public:
  /// `session`: asked for when somebody waits. `turn`: held while one goes on; nullptr: nobody else is meant.
  explicit CoroutineLoop(std::function<Session()> session, std::mutex* turn = nullptr)
      : session_(std::move(session)), turn_(turn) {}

  Session session() const { return session_(); }
  void resume(std::coroutine_handle<> coroutine) {
    std::unique_lock<std::mutex> lock;
    if (turn_ != nullptr) lock = std::unique_lock(*turn_);
    coroutine.resume();
  }
  void wait_for(ObjectPtr object, std::coroutine_handle<> coroutine) {
    objects_.push_back(std::move(object));
    coroutines_.push_back(coroutine);
  }
  /// Until nobody waits any more.
  void run() {
    while (!objects_.empty()) {
      SessionCore& core = session().core();
      core.wait(objects_, 1, std::chrono::steady_clock::now() + Session::forever);
      const auto objects = std::exchange(objects_, {});
      const auto coroutines = std::exchange(coroutines_, {});
      const std::vector<bool> ready = core.are_ready(objects);
      for (std::size_t i = 0; i < objects.size(); ++i)
        if (!ready[i]) wait_for(objects[i], coroutines[i]);
      for (std::size_t i = 0; i < objects.size(); ++i)
        if (ready[i]) resume(coroutines[i]);
    }
  }

 private:
  std::function<Session()> session_;
  std::mutex* turn_;
  std::vector<ObjectPtr> objects_;
  std::vector<std::coroutine_handle<>> coroutines_;  // Each waits for the object of its place.
};

/// What a coroutine will return, or throw. It begins when it is awaited or run. Awaits refs (and throws TaskFailed
/// where there is no value) and other coroutines. Arguments should be taken by value: those of the caller may be gone.
template <class T>
class [[nodiscard]] Coroutine {
  struct Return {
    std::variant<std::monostate, std::conditional_t<std::is_void_v<T>, std::monostate*, T>, std::exception_ptr> made;
    CoroutineLoop* loop = nullptr;
    std::coroutine_handle<> awaiter = nullptr;
    void unhandled_exception() { made.template emplace<2>(std::current_exception()); }
  };
  struct ReturnsValue : Return {
    template <std::convertible_to<T> Value>
    void return_value(Value&& value) {
      this->made.template emplace<1>(std::forward<Value>(value));
    }
  };
  struct ReturnsNothing : Return {
    void return_void() { this->made.template emplace<1>(nullptr); }
  };

 public:
  struct promise_type : std::conditional_t<std::is_void_v<T>, ReturnsNothing, ReturnsValue> {
    Coroutine get_return_object() { return Coroutine(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() { return {}; }
    auto final_suspend() noexcept {
      struct Awaiter {
        std::coroutine_handle<> next;
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
          return next ? next : std::noop_coroutine();
        }
        void await_resume() noexcept {}
      };
      return Awaiter{this->awaiter};
    }

    template <class Value>
    auto await_transform(Ref<Value> ref) {
      if (!ref) throw std::invalid_argument("an empty Ref names no value that could be awaited");
      struct Awaiter {
        CoroutineLoop& loop;
        Ref<Value> ref;
        bool await_ready() { return false; }
        void await_suspend(std::coroutine_handle<> coroutine) { loop.wait_for(ref.object(), coroutine); }
        Value await_resume() { return loop.session().get(ref); }
      };
      return Awaiter{*this->loop, std::move(ref)};
    }
    template <class Other>
    auto await_transform(Coroutine<Other> other) {
      struct Awaiter {
        CoroutineLoop& loop;
        Coroutine<Other> other;
        bool await_ready() { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<> coroutine) {
          return other.begin(loop, coroutine);
        }
        Other await_resume() { return other.take(); }
      };
      return Awaiter{*this->loop, std::move(other)};
    }
  };

  Coroutine(Coroutine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Coroutine& operator=(Coroutine&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Coroutine() {
    if (handle_) handle_.destroy();
  }

  /// To be resumed; `awaiter`, if any, goes on at its end. For `run` and other coroutines.
  std::coroutine_handle<> begin(CoroutineLoop& loop, std::coroutine_handle<> awaiter = nullptr) {
    handle_.promise().loop = &loop;
    handle_.promise().awaiter = awaiter;
    return handle_;
  }
  /// Requires: it is over.
  T take() {
    auto& made = handle_.promise().made;
    if (auto* thrown = std::get_if<2>(&made)) std::rethrow_exception(*thrown);
    if constexpr (!std::is_void_v<T>) return std::move(std::get<1>(made));
  }

 private:
  explicit Coroutine(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

template <class T>
T run(CoroutineLoop loop, Coroutine<T> coroutine) {
  loop.resume(coroutine.begin(loop));
  loop.run();
  return coroutine.take();
}

/// Runs the coroutine on this thread to its end, and throws what it throws.
template <class T>
T run(Session session, Coroutine<T> coroutine) {
  return run(CoroutineLoop([&session] { return session; }), std::move(coroutine));
}

/// Runs all of them, one at a time as their values come; what the first in order has thrown is thrown at the end.
template <class T>
auto run_all(Session session, std::vector<Coroutine<T>> coroutines) {
  CoroutineLoop loop([&session] { return session; });
  for (auto& each : coroutines) loop.resume(each.begin(loop));
  loop.run();
  if constexpr (std::is_void_v<T>) {
    for (auto& each : coroutines) each.take();
  } else {
    std::vector<T> values;
    for (auto& each : coroutines) values.push_back(each.take());
    return values;
  }
}

}  // namespace troupe
