// The results of a task that makes many, each there as soon as it is made:
//
//   inline constexpr Task<Stream<Row>(std::string)> read_rows{"read_rows"};
//   for (const Row& row : session.stream(read_rows, path)) …
//
// They come straight from the worker (api/yield.h), which waits where its reader is far behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "runtime/api/deadline.h"
#include "runtime/api/ref.h"
#include "runtime/api/session_core.h"
#include "runtime/api/value.h"

namespace troupe {

/// The method of the actor as which a task that streams runs.
inline constexpr std::string_view next_method = "next";

/// A stream without types. Threads: one.
class StreamReader {
 public:
  StreamReader(std::shared_ptr<SessionCore> session, std::shared_ptr<ActorLine> line)
      : session_(std::move(session)), line_(std::move(line)) {}
  /// The task ends with it, or when all has been read.
  ~StreamReader();
  StreamReader(const StreamReader&) = delete;

  /// The next result, which is that until it is popped; nullptr: there are no more of them. A failure, `timed_out`,
  /// leaves it for the next time; every other is the last word.
  std::variant<ObjectPtr, Failure> front(std::chrono::steady_clock::time_point deadline);
  void pop();
  /// Its value cannot be had. Whether it may be had yet: its task is started anew where its node was lost.
  bool go_on_after(const Failure& failure);

 private:
  void ask();
  void end();
  bool ask_again();
  std::optional<Failure> take_asked();

  const std::shared_ptr<SessionCore> session_;
  const std::shared_ptr<ActorLine> line_;
  ObjectPtr asked_;  // The next ones, while they are on their way.
  std::deque<ObjectPtr> came_;
  std::uint64_t read_ = 0;  // And those that came: the number of the next to ask for.
  bool is_last_ = false;
  bool has_ended_ = false;
  std::optional<Failure> failed_;
};

/// Why a stream has ended too early; thrown by `Stream`. session.h has the class.
[[noreturn]] void throw_failure(Failure failure);

/// Threads: one. The task ends with it, or when it has been read to its end; until then it holds what it needs, also
/// while it waits for its reader, or for other work: it lends no cpus (context.h). What was not read when it fails, or
/// its worker is lost for good, is lost with it.
template <class T>
class Stream {
 public:
  Stream(std::shared_ptr<SessionCore> session, std::shared_ptr<ActorLine> line)
      : session_(session), reader_(std::make_unique<StreamReader>(std::move(session), std::move(line))) {}

  /// The next result; none: that was the last. Throws TaskFailed.
  std::optional<T> next() {
    auto value = value_by(deadline_after(longest_wait));
    if (auto* failure = std::get_if<Failure>(&value)) throw_failure(std::move(*failure));
    return std::get<0>(std::move(value));
  }
  /// Or why there is none: timed_out if it is not there within `limit`.
  Result<std::optional<T>> try_next(std::chrono::milliseconds limit) {
    auto value = value_by(deadline_after(limit));
    if (const auto* failure = std::get_if<Failure>(&value)) return Error{failure->fault, describe(*failure)};
    return std::get<0>(std::move(value));
  }
  /// The next result where it lies; an empty Ref: that was the last. Throws TaskFailed.
  Ref<T> next_ref() {
    auto found = reader_->front(deadline_after(longest_wait));
    if (auto* failure = std::get_if<Failure>(&found)) throw_failure(std::move(*failure));
    Ref<T> ref(std::get<ObjectPtr>(std::move(found)));
    if (ref) reader_->pop();
    return ref;
  }

  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = T;
    using iterator_category = std::input_iterator_tag;
    using pointer = const T*;
    using reference = const T&;

    explicit Iterator(Stream* stream) : stream_(stream) { ++*this; }
    const T& operator*() const { return *value_; }
    Iterator& operator++() {
      value_ = stream_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !value_; }

   private:
    Stream* stream_;
    std::optional<T> value_;
  };
  /// What was not read before.
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::variant<std::optional<T>, Failure> value_by(std::chrono::steady_clock::time_point deadline) {
    for (;;) {
      const auto found = reader_->front(deadline);
      if (const auto* failure = std::get_if<Failure>(&found)) return *failure;
      const ObjectPtr& object = std::get<ObjectPtr>(found);
      if (object == nullptr) return std::optional<T>();
      std::optional<Failure> failure;
      const auto payload = session_->value_of(object, deadline);
      if (const auto* none = std::get_if<Failure>(&payload)) {
        failure = *none;
      } else if (auto value = decode_value<T>(std::get<Payload>(payload))) {
        reader_->pop();
        return std::optional<T>(std::move(value).value());
      } else {
        failure = Failure{value.error().fault, object->name(), {}, 0, value.error().message};
      }
      if (!reader_->go_on_after(*failure)) return *failure;
    }
  }

  std::shared_ptr<SessionCore> session_;
  std::unique_ptr<StreamReader> reader_;
};

}  // namespace troupe
