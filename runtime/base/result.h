// A value, or the fault of the world that stood in its way. Bugs of ours are checks (check.h), never results.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "runtime/base/check.h"

namespace troupe {

/// What kind of thing went wrong: what a program can decide by. The message is for people.
enum class Fault {
  bad_input,    // what was handed in is wrong: a file, a name, a number
  not_found,    // the named thing does not exist
  unsupported,  // right in itself, but not on this machine or in this version
  unavailable,  // the other side is not there now
  refused,      // the other side is there and said no
  timed_out,    // no answer by the deadline
  peer_lost,    // the process at the other end died
  task_failed,  // the user's own code threw, crashed or exited badly
  cancelled,    // somebody asked for it to stop
  corrupt,      // stored or received bytes are not what was written
};

struct Error {
  Fault fault;
  std::string message;  ///< One line: the thing, the place, what was found, what was expected, what to do.

  friend bool operator==(const Error&, const Error&) = default;
};

/// Either a T or an Error; `Result<void>` says only whether it went well.
template <class T>
class [[nodiscard]] Result {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  Result() requires std::is_void_v<T> : state_(std::in_place_index<0>) {}
  Result(Value value) requires(!std::is_void_v<T>) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  /// Requires: has_value().
  Value& value() & { return checked_value(); }
  const Value& value() const& { return const_cast<Result*>(this)->checked_value(); }
  Value&& value() && { return std::move(checked_value()); }
  Value& operator*() & { return checked_value(); }
  const Value& operator*() const& { return const_cast<Result*>(this)->checked_value(); }
  Value&& operator*() && { return std::move(checked_value()); }
  Value* operator->() { return &checked_value(); }
  const Value* operator->() const { return &const_cast<Result*>(this)->checked_value(); }

  /// Requires: !has_value().
  const Error& error() const {
    TROUPE_CHECK(state_.index() == 1, "a result that holds a value has no error");
    return std::get<1>(state_);
  }

 private:
  Value& checked_value() {
    if (state_.index() != 0) check_failed(__FILE__, __LINE__, "has_value()", std::get<1>(state_).message.c_str());
    return std::get<0>(state_);
  }

  std::variant<Value, Error> state_;
};

inline Error bad_input(std::string message) { return {Fault::bad_input, std::move(message)}; }

}  // namespace troupe
