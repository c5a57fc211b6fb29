#include "runtime/api/stream.h"

#include <vector>

#include "runtime/api/session.h"

namespace troupe {

void throw_failure(Failure failure) { throw TaskFailed(std::move(failure)); }

StreamReader::~StreamReader() {
  if (asked_ && session_->wait({&asked_, 1}, 1, {})) take_asked();  // What lies in a store for it is let go.
  if (asked_) session_->cancel(asked_);
  session_->release_actor(line_);
}

void StreamReader::ask() { asked_ = session_->call(line_, {}, std::string(next_method), {encode_value(read_)}); }

std::variant<ObjectPtr, Failure> StreamReader::next(std::chrono::steady_clock::time_point deadline) {
  while (came_.empty()) {
    if (failed_) return *failed_;
    if (is_last_) return ObjectPtr();
    if (!asked_) ask();
    if (!session_->wait({&asked_, 1}, 1, deadline))
      return Failure{Fault::timed_out, asked_->name(), {}, 0, "the next result is not there yet"};
    failed_ = take_asked();
    if (!failed_ && !is_last_) ask();  // The next ones come while these are read.
  }
  ObjectPtr next = std::move(came_.front());
  came_.pop_front();
  return next;
}

/// A task that is started anew is asked again.
std::optional<Failure> StreamReader::take_asked() {
  const ObjectPtr asked = std::exchange(asked_, nullptr);
  auto outcome = session_->await_outcome(asked);
  if (auto* failure = std::get_if<Failure>(&outcome)) {
    if (failure->fault == Fault::peer_lost && !session_->has_ended(*line_)) return std::nullopt;
    return std::move(*failure);
  }
  auto parts = decode<std::vector<Bytes>>(std::get<Bytes>(outcome), value_limits);
  const auto is_last = parts && !parts->empty() ? decode<bool>(parts->front()) : Result<bool>(Error{});
  if (!is_last) return Failure{Fault::corrupt, asked->name(), {}, 0, "it is answered with something else than results"};
  for (std::size_t i = 1; i < parts->size(); ++i)
    came_.push_back(session_->receive(asked->name(), std::move((*parts)[i])));
  read_ += parts->size() - 1;
  is_last_ = *is_last;
  return std::nullopt;
}

}  // namespace troupe
