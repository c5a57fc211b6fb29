#include "runtime/objects/store_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <limits>
#include <utility>

#include "runtime/ring/local_socket.h"

namespace troupe {
namespace {

using namespace object_store;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds answer_limit{60};  // A store may write gigabytes to disk first.
constexpr std::size_t most_written = 1024;        // Segments that stay mapped.
constexpr std::size_t most_outgoing = 1u << 20;

/// Space that is lost where an old segment is larger than what is put into it.
bool is_fit(std::size_t have, std::size_t want) { return have >= want && have <= want + want / 2 + page_bytes; }

std::string in_mib(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

Error no_room(const Answer& refused) {
  return {Fault::unavailable,
          "the object store has no room for " + in_mib(refused.capacity) + ": " + in_mib(refused.used) + " of " +
              in_mib(refused.limit) + " are taken, " + in_mib(refused.in_use) +
              " of them by what is being looked at; let go of some, or start the cluster with more"};
}

}  // namespace

StoreConnection::StoreConnection(const std::string& socket) : path_(socket), own_half_(random_id()) {
  auto connected = connect_local(socket);
  is_broken_ = !connected;
  if (connected) socket_ = std::move(*connected);
}

Error StoreConnection::is_gone() const { return {Fault::peer_lost, "the object store at " + path_ + " is gone"}; }

Result<ObjectId> StoreConnection::put(std::string_view head, std::string_view body, ObjectClient::For whom) {
  std::unique_lock lock(mutex_);
  hear();
  const std::size_t capacity = segment_bytes(body.size());
  auto number = take_spare(capacity);
  const bool is_new = !number;
  if (is_new) {
    const auto made = make_segment(lock, capacity);
    if (!made) return made.error();
    number = *made;
  }
  const std::shared_ptr<Segment> memory = written_.at(*number).memory;
  const std::size_t value_at = body_at - head.size();
  lock.unlock();
  if (!head.empty()) std::memcpy(memory->bytes().data() + value_at, head.data(), head.size());
  if (!body.empty()) std::memcpy(memory->bytes().data() + body_at, body.data(), body.size());
  lock.lock();
  if (is_broken_) return is_gone();
  const ObjectId object{own_half_, ++last_object_};
  const bool is_let_go = is_new && written_.size() > most_written;
  if (is_let_go) written_.erase(*number);
  post({.verb = Verb::put,
        .object = object,
        .segment = *number,
        .capacity = memory->bytes().size(),
        .bytes = head.size() + body.size(),
        .value_at = static_cast<std::uint32_t>(value_at),
        .is_for_other = std::uint16_t{whom == ObjectClient::For::other},
        .is_let_go = is_let_go},
       is_new ? memory : nullptr);
  return object;
}

/// The smallest that fits.
std::optional<std::uint64_t> StoreConnection::take_spare(std::size_t capacity) {
  auto best = written_.end();
  for (auto at = written_.begin(); at != written_.end(); ++at)
    if (at->second.is_spare && is_fit(at->second.capacity, capacity) &&
        (best == written_.end() || at->second.capacity < best->second.capacity))
      best = at;
  if (best == written_.end()) return std::nullopt;
  best->second.is_spare = false;
  std::uint32_t expected = segment_spare;
  const bool is_ours = best->second.memory->head().state.compare_exchange_strong(expected, segment_in_use);
  if (is_ours) return best->first;
  written_.erase(best);  // Its store has taken the memory away, and is about to say so.
  return std::nullopt;
}

Result<std::uint64_t> StoreConnection::make_segment(std::unique_lock<std::mutex>& lock, std::size_t capacity) {
  const auto granted = ask(lock, {.verb = Verb::reserve, .object = {own_half_, 0}, .capacity = capacity});
  if (!granted) return granted.error();
  if (granted->answer.outcome != Outcome::granted) return no_room(granted->answer);
  lock.unlock();
  auto memory = Segment::make(capacity);
  lock.lock();
  if (!memory) {
    post({.verb = Verb::give_back, .capacity = capacity});
    return memory.error();
  }
  written_[++last_segment_] = {std::make_shared<Segment>(std::move(*memory)), capacity, false};
  return last_segment_;
}

Result<std::vector<ObjectSummary>> StoreConnection::list() {
  std::unique_lock lock(mutex_);
  std::vector<ObjectSummary> all;
  for (bool has_more = true; has_more;) {
    const auto ended = ask(lock, {.verb = Verb::list, .object = all.empty() ? ObjectId{} : all.back().id});
    if (!ended) return ended.error();
    const auto some = std::exchange(listed_, {})[ended->answer.number];
    all.insert(all.end(), some.begin(), some.end());
    has_more = ended->answer.held != 0;
  }
  return all;
}

Result<void> StoreConnection::confirm() {
  std::unique_lock lock(mutex_);
  const std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  // Nothing stands behind the last object.
  const auto answered = ask(lock, {.verb = Verb::list, .object = {last, last}});
  return answered ? Result<void>() : answered.error();
}

void StoreConnection::hold(ObjectId object, bool takes_over) {
  const std::lock_guard lock(mutex_);
  post({.verb = takes_over ? Verb::take_over : Verb::hold, .object = object});
}

void StoreConnection::leave(ObjectId object) {
  const std::lock_guard lock(mutex_);
  post({.verb = Verb::leave, .object = object});
}

void StoreConnection::drop(ObjectId object) {
  const std::lock_guard lock(mutex_);
  post({.verb = Verb::drop, .object = object});
}

Result<Payload> StoreConnection::open(ObjectId object) {
  std::unique_lock lock(mutex_);
  const auto known = opened_.find(object);
  if (known != opened_.end())
    if (auto payload = known->second.lock()) return Payload{payload->bytes, payload};
  auto answered = ask(lock, {.verb = Verb::open, .object = object});
  if (!answered) return answered.error();
  const Answer& answer = answered->answer;
  if (answer.outcome == Outcome::lost) return Error{Fault::peer_lost, "the object is lost"};
  if (answer.outcome != Outcome::opened) return no_room(answer);
  // It counts as looked at from now on.
  const auto close_again = [&](Error why) {
    post({.verb = Verb::close, .object = object});
    return why;
  };
  std::shared_ptr<const Segment> memory;
  const auto own = written_.find(answer.segment);
  if (answered->descriptor) {
    auto mapped = Segment::from(std::move(answered->descriptor), answer.capacity,
                                std::min(answer.capacity, answer.value_at + answer.bytes), Segment::Access::read);
    if (!mapped) return close_again(mapped.error());
    mapped->close_descriptor();
    memory = std::make_shared<const Segment>(std::move(*mapped));
  } else if (own != written_.end()) {
    memory = own->second.memory;
  }
  if (memory == nullptr)
    return close_again({Fault::unavailable,
                        "this process has no descriptor left to open an object by: close some, or "
                        "raise the limit (ulimit -n)"});
  if (answer.bytes > memory->bytes().size() || answer.value_at > memory->bytes().size() - answer.bytes)
    return close_again({Fault::corrupt, "the object store hands over something else"});
  const std::string_view bytes(reinterpret_cast<const char*>(memory->bytes().data()) + answer.value_at, answer.bytes);
  // Whoever looks at it keeps the memory, and the store's count.
  const std::shared_ptr<const Payload> opened(new Payload{bytes, memory},
                                              [self = shared_from_this(), object](const Payload* payload) {
                                                delete payload;
                                                const std::lock_guard guard(self->mutex_);
                                                const auto entry = self->opened_.find(object);
                                                if (entry != self->opened_.end() && entry->second.expired())
                                                  self->opened_.erase(entry);
                                                self->post({.verb = Verb::close, .object = object});
                                              });
  opened_[object] = opened;
  return Payload{bytes, opened};
}

/// The answer to a request that has one. Who waits reads the socket, for all others too.
Result<StoreConnection::Answered> StoreConnection::ask(std::unique_lock<std::mutex>& lock, Request request) {
  const std::uint64_t number = request.number = ++last_request_;
  answers_[number] = std::nullopt;
  post(request);
  const auto deadline = Clock::now() + answer_limit;
  while (!answers_.at(number) && !is_broken_ && Clock::now() < deadline) {
    if (is_reading_) {
      changed_.wait_until(lock, deadline);
      continue;
    }
    is_reading_ = true;
    pollfd polled{socket_.number(), static_cast<short>(outgoing_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
    lock.unlock();
    ::poll(&polled, 1, 1000);
    lock.lock();
    is_reading_ = false;
    hear();
    flush();
    changed_.notify_all();
  }
  auto answer = std::exchange(answers_.at(number), std::nullopt);
  answers_.erase(number);
  if (answer) return std::move(*answer);
  if (is_broken_) return is_gone();
  return Error{Fault::timed_out, "the object store at " + path_ + " does not answer"};
}

void StoreConnection::post(const Request& request, std::shared_ptr<Segment> segment) {
  if (is_broken_) return;
  outgoing_.push_back({request, std::move(segment)});
  flush();
  if (outgoing_.size() > most_outgoing) give_up();
}

void StoreConnection::flush() {
  for (; !is_broken_ && !outgoing_.empty(); outgoing_.pop_front()) {
    const Outgoing& next = outgoing_.front();
    const int handed[] = {next.segment ? next.segment->descriptor() : -1};
    if (!send_message(socket_, bytes_of_body(next.request), std::span(handed, next.segment ? 1 : 0))) {
      if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR) give_up();
      return;
    }
    if (next.segment) next.segment->close_descriptor();
  }
}

void StoreConnection::hear() {
  while (!is_broken_) {
    Answered answered;
    const auto received = receive_message(socket_, bytes_of_body(answered.answer), {&answered.descriptor, 1});
    if (!received) return give_up();
    if (!*received) return;
    const Answer& answer = answered.answer;
    const auto written = written_.find(answer.segment);
    if (answer.outcome == Outcome::spare) {
      if (written != written_.end()) written->second.is_spare = true;
    } else if (answer.outcome == Outcome::gone) {
      if (written != written_.end()) written_.erase(written);
    } else if (answer.outcome == Outcome::entry) {
      listed_[answer.number].push_back({answer.object, answer.bytes, answer.used, answer.held, answer.opened});
    } else if (const auto asked = answers_.find(answer.number); asked != answers_.end()) {
      asked->second = std::move(answered);
    }
  }
}

void StoreConnection::give_up() {
  is_broken_ = true;
  outgoing_.clear();
  written_.clear();
  ::shutdown(socket_.number(), SHUT_RDWR);
  changed_.notify_all();
}

void StoreConnection::look_after() {
  const std::lock_guard lock(mutex_);
  hear();
  flush();
}

bool StoreConnection::is_broken() {
  const std::lock_guard lock(mutex_);
  hear();
  return is_broken_;
}

}  // namespace troupe
