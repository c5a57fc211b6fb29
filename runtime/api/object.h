// One future result inside a driver: pending, then a value or a failure, for ever. Refs share it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/rare_vector.h"
#include "runtime/base/result.h"
#include "runtime/base/task_spec.h"
#include "runtime/objects/object_client.h"

namespace troupe {

struct Recipe;

/// Why there is no value, with the names that a person needs.
struct Failure {
  Fault fault = Fault::task_failed;
  std::string task;  ///< Name of the task, or `actor.method`.
  NodeId node;       ///< Where the last attempt ran; none if it never ran.
  std::uint32_t attempt = 0;
  std::string cause;           ///< One line; then, of a process that died, the last lines of its output.
  std::int32_t exit_code = 0;  ///< Of a task: that its worker, or the command, ended with.
  std::int32_t signal = 0;     ///< Likewise: that ended it.
  std::string exception{};     ///< The name of the type of what the code threw, as "std::runtime_error".
};

/// `'a' on node 00…, attempt 2: exit code 3`
std::string describe(const Failure& failure);

class Object;

/// What the Refs in a value name, by their numbers.
struct RefsInside {
  std::vector<std::shared_ptr<Object>> refs;
  /// Of a value that was made in this process, which is there when all of them are: the rest of it, as it travels, and
  /// how many of them are.
  Bytes around;
  std::size_t there = 0;
  /// Of all of them, when what travels for the value was put together: where more were lost since, it names some that
  /// are no more.
  std::uint32_t losses = 0;
  /// How often Refs lead on to values with Refs, and how many there are on all these ways, as far as is known.
  int depth = 1;
  std::uint64_t ways = 0;
};

/// Threads: guarded by the mutex of the session that made it, but for `name`, which never changes, and the outcome once
/// it is a small value or a failure, which stays.
class Object {
 public:
  Object(std::string name, std::optional<TaskId> task) : name_(std::move(name)), task_(task) {}
  /// The result of a call.
  Object(TaskId called, std::shared_ptr<const std::string> actor, std::string method)
      : actor_(std::move(actor)), name_(std::move(method)), called_(called) {}
  ~Object() {
    if (when_dropped) when_dropped();
  }
  Object(const Object&) = delete;

  std::string name() const { return actor_ ? *actor_ + '.' + name_ : name_; }
  /// The scheduler's task whose result this is; none for calls and puts, whose values only this driver holds.
  const std::optional<TaskId>& task() const { return task_; }
  /// The actor whose answer this is; none: it is no call's.
  TaskId called() const { return called_; }
  /// Another task makes it again.
  void becomes(TaskId task) { task_ = task; }

  bool is_ready() const { return !std::holds_alternative<std::monostate>(outcome); }

  /// Bytes: what travels for the value (api/carried.h).
  std::variant<std::monostate, Bytes, Failure> outcome;
  std::shared_ptr<const ObjectHold> hold;  ///< Of a value that lies elsewhere.
  std::shared_ptr<Recipe> recipe;          ///< Of one that can be made again when it is lost.
  std::uint32_t told_in_epoch = 0;         ///< Of the scheduler that told of its end.
  NodeId lies_on;                          ///< Of a value that lies in a store, if it is known.
  std::uint32_t losses = 0;                ///< How often it was lost.
  std::uint64_t call_number = 0;           ///< Of a call that was sent: its place among this driver's to the actor.
  std::function<void()> when_dropped;      ///< Set by the session.
  /// Of several results of one task or call: all of them together, and each.
  std::shared_ptr<Object> whole;
  RareVector<std::weak_ptr<Object>> parts;
  bool comes_in_items = false;  ///< An answer with as many results as there are: see SessionCore::take_items_of.
  RareVector<std::shared_ptr<Object>> items;  ///< These.
  bool awaits_refs = false;  ///< Fresh: nobody else has it yet, and no session looks after what its Refs name.
  std::unique_ptr<RefsInside> inside;                ///< Of a value with Refs in it.
  RareVector<std::weak_ptr<Object>> waits_for_this;  ///< Such values.

 private:
  std::shared_ptr<const std::string> actor_;  // Of a call: the two are put together when somebody asks.
  std::string name_;
  std::optional<TaskId> task_;
  TaskId called_;
};

using ObjectPtr = std::shared_ptr<Object>;

}  // namespace troupe
