#include "runtime/api/stream.h"

#include <utility>

#include "runtime/api/session.h"

namespace troupe {

void throw_failure(Failure failure) { throw TaskFailed(std::move(failure)); }

StreamReader::~StreamReader() {
  if (asked_) session_->cancel(asked_);
  end();
}

void StreamReader::end() {
  if (!std::exchange(has_ended_, true)) session_->release_actor(line_);
}

void StreamReader::pop() {
  came_.pop_front();
  if (is_last_ && came_.empty()) end();
}

void StreamReader::ask() {
  asked_ = session_->call(line_, {}, std::string(next_method), {encode_value(read_)});
  session_->take_items_of(asked_);
}

std::variant<ObjectPtr, Failure> StreamReader::front(std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    if (!came_.empty()) {
      const ObjectPtr& next = came_.front();
      if (!next->hold || !next->hold->is_lost() || !ask_again()) return next;
    }
    if (failed_ || is_last_) end();
    if (failed_) return *failed_;
    if (is_last_) return ObjectPtr();
    if (!asked_) ask();
    if (!session_->wait({&asked_, 1}, 1, deadline))
      return Failure{Fault::timed_out, asked_->name(), {}, 0, "the next result is not there yet"};
    failed_ = take_asked();
    if (!failed_ && !is_last_) ask();  // The next ones come while these are read.
  }
}

bool StreamReader::go_on_after(const Failure& failure) {
  if (failure.fault == Fault::peer_lost && ask_again()) return true;
  if (failure.fault != Fault::timed_out) {
    came_.clear();
    failed_ = failure;
  }
  return false;
}

/// For those that came and were not read. An attempt has forgotten them; one that was started anew makes them again.
bool StreamReader::ask_again() {
  if (session_->has_ended(*line_)) return false;
  if (asked_) session_->cancel(std::exchange(asked_, nullptr));
  read_ -= came_.size();
  came_.clear();
  is_last_ = false;
  return true;
}

/// A task that is started anew is asked again.
std::optional<Failure> StreamReader::take_asked() {
  const ObjectPtr asked = std::exchange(asked_, nullptr);
  auto outcome = session_->await_outcome(asked);
  if (auto* failure = std::get_if<Failure>(&outcome)) {
    if (failure->fault == Fault::peer_lost && !session_->has_ended(*line_)) return std::nullopt;
    failure->task = *line_->name;  // Its method is nobody's but this reader's.
    return std::move(*failure);
  }
  const auto is_last = decode<bool>(std::get<Bytes>(outcome));
  if (!is_last) return Failure{Fault::corrupt, asked->name(), {}, 0, "it is answered with something else than results"};
  for (const auto& item : asked->items) came_.push_back(item);
  read_ += asked->items.size();
  is_last_ = *is_last;
  return std::nullopt;
}

}  // namespace troupe
