// One future result inside a driver: pending, then a value or a failure, for ever. Refs share it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "runtime/base/result.h"
#include "runtime/base/task_spec.h"

namespace troupe {

/// Why there is no value, with the names that a person needs.
struct Failure {
  Fault fault = Fault::task_failed;
  std::string task;  ///< Name of the task, or `actor.method`.
  NodeId node;       ///< Where the last attempt ran; none if it never ran.
  std::uint32_t attempt = 0;
  std::string cause;
};

/// `task 'a' failed (attempt 2 on node 00…): exit code 3`
std::string describe(const Failure& failure);

/// Threads: guarded by the mutex of the session that made it, but for `task` and `name`, which never change.
class Object {
 public:
  Object(std::string name, std::optional<TaskId> task) : name_(std::move(name)), task_(task) {}
  /// The result of a call.
  Object(std::shared_ptr<const std::string> actor, std::string method)
      : actor_(std::move(actor)), name_(std::move(method)) {}
  ~Object() {
    if (when_dropped) when_dropped();
  }
  Object(const Object&) = delete;

  std::string name() const { return actor_ ? *actor_ + '.' + name_ : name_; }
  /// The scheduler's task whose result this is; none for calls and puts, whose values only this driver holds.
  const std::optional<TaskId>& task() const { return task_; }

  bool is_ready() const { return !std::holds_alternative<std::monostate>(outcome); }

  std::variant<std::monostate, Bytes, Failure> outcome;
  std::function<void()> when_dropped;  ///< Set once, by the session.

 private:
  std::shared_ptr<const std::string> actor_;  // Of a call: the two are put together when somebody asks.
  std::string name_;
  std::optional<TaskId> task_;
};

using ObjectPtr = std::shared_ptr<Object>;

}  // namespace troupe
