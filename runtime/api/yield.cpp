#include "runtime/api/yield.h"

#include <algorithm>
#include <stdexcept>

#include "runtime/api/carried.h"

namespace troupe {
namespace {

constexpr std::size_t most_made = 1024;
constexpr std::size_t most_bytes_made = 1u << 20;
constexpr std::size_t most_taken_at_once = 256;
constexpr std::size_t most_bytes_at_once = 256u << 10;

std::size_t bytes_of(const EncodedValue& value) {
  return value.head.size() + value.body.size() + value.refs.size() * small_value_bytes;
}

struct IsOver : std::runtime_error {
  IsOver() : std::runtime_error("nobody reads its results any more") {}
};

}  // namespace

StreamSource::StreamSource(Context& context, Body body)
    : context_(context), thread_([this, body = std::move(body)]() mutable { run(body); }) {}

StreamSource::~StreamSource() {
  stop_.request_stop();
  thread_.join();
}

void StreamSource::run(Body& body) {
  std::exception_ptr thrown;
  try {
    body(*this);
  } catch (...) {
    thrown = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  thrown_ = thrown;
  changed_.notify_all();
}

void StreamSource::put(EncodedValue value) {
  std::unique_lock lock(mutex_);
  const auto has_room = [this] { return made_.size() < most_made && bytes_ < most_bytes_made; };
  if (!changed_.wait(lock, stop_.get_token(), has_room) || stop_.stop_requested()) throw IsOver();
  bytes_ += bytes_of(value);
  made_.push_back(std::move(value));
  drop_below(wanted_);
  changed_.notify_all();
}

void StreamSource::drop_below(std::uint64_t first) {
  for (; first_ < first && !made_.empty(); ++first_) {
    bytes_ -= bytes_of(made_.front());
    made_.pop_front();
  }
}

std::vector<EncodedValue> StreamSource::take(std::uint64_t first) {
  std::unique_lock lock(mutex_);
  wanted_ = std::max(wanted_, first);
  drop_below(first);
  changed_.notify_all();
  const auto has_some = [this] { return !made_.empty() || has_ended_; };
  if (!changed_.wait(lock, context_.stop_token(), has_some)) throw IsOver();
  if (made_.empty() && thrown_) std::rethrow_exception(thrown_);
  if (first < first_) throw std::runtime_error("results that were asked for before were forgotten, and lost");
  std::vector<EncodedValue> taken(1);
  std::size_t bytes = 0;
  for (const EncodedValue& value : made_) {
    // What cannot be handed over, or is waited for, takes none of the others along.
    const bool goes_alone = !value.refs.empty() || value.size() > small_value_bytes;
    if (taken.size() > most_taken_at_once || bytes > most_bytes_at_once || (goes_alone && taken.size() > 1)) break;
    bytes += bytes_of(value);
    taken.push_back(value);
    if (goes_alone) break;
  }
  taken[0].head = encode_value(has_ended_ && !thrown_ && taken.size() == made_.size() + 1);
  return taken;
}

}  // namespace troupe
