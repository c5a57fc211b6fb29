#include "scheduler/store/redis_lease.h"

#include <poll.h>

#include <optional>

#include "scheduler/store/redis_connection.h"
#include "scheduler/store/redis_greeting.h"
#include "scheduler/store/redis_layout.h"

namespace troupe::scheduler {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int between_looks_ms = 50;
constexpr std::chrono::milliseconds answer_limit{500};  // Later it may have been renewed behind the answer's back.

}  // namespace

std::string lease_text(const LeaseOptions& lease, std::uint32_t epoch, std::uint64_t commit_seq) {
  return std::to_string(epoch) + ' ' + lease.holder + ' ' + std::to_string(commit_seq);
}

bool is_held_by(const std::string& holder, std::string_view text) {
  const std::size_t begin = text.find(' ');
  const std::size_t end = text.rfind(' ');
  return begin < end && text.substr(begin + 1, end - begin - 1) == holder;
}

Result<std::string> wait_for_lease(const std::string& socket, const LeaseOptions& lease,
                                   const std::function<bool()>& until_stopped,
                                   const std::function<void()>& on_loading) {
  std::optional<RedisConnection> connection;
  std::optional<std::string> seen;
  Clock::time_point seen_since{};
  for (; !until_stopped(); ::poll(nullptr, 0, between_looks_ms)) {
    if (!connection) {
      seen.reset();
      if (auto made = RedisConnection::connect(socket)) connection = std::move(*made);
      if (!connection) continue;
    }
    const auto reply = connection->ask({"GET", lease_key}, Clock::now() + answer_limit);
    if (!reply) {
      connection.reset();
      continue;
    }
    if (reply->is_error()) {
      const Error error = redis_refusal(socket, "GET " + std::string(lease_key), *reply);
      if (error.fault != Fault::unavailable) return error;
      on_loading();
      seen.reset();
      continue;
    }
    std::string text(reply->text());
    if (text.empty() || is_held_by(lease.holder, text)) return text;
    const auto now = Clock::now();
    if (!seen || *seen != text) {
      seen = std::move(text);
      seen_since = now;
    } else if (now - seen_since >= lease.length) {
      return text;
    }
  }
  return Error{Fault::cancelled, "told to stop while it stood by"};
}

LeaseKeeper::LeaseKeeper(std::string socket, LeaseOptions lease, const StoreAge& own)
    : socket_(std::move(socket)),
      lease_(std::move(lease)),
      own_(own),
      due_(Clock::now() + lease_.length / 4),
      thread_([this] { run(); }) {}

LeaseKeeper::~LeaseKeeper() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void LeaseKeeper::gets_on() {
  const std::lock_guard lock(mutex_);
  gets_on_until_ = Clock::now() + lease_.length;
}

void LeaseKeeper::renewed() {
  const std::lock_guard lock(mutex_);
  due_ = Clock::now() + lease_.length / 2;
}

void LeaseKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    const auto now = Clock::now();
    if (now < due_) {
      changed_.wait_until(lock, due_);
      continue;
    }
    due_ = now + lease_.length / 4;
    if (now > gets_on_until_) continue;
    lock.unlock();
    renew();
    lock.lock();
  }
}

void LeaseKeeper::renew() {
  if (!connection_) {
    if (auto made = RedisConnection::connect(socket_)) connection_ = std::move(*made);
    if (!connection_) return;
  }
  const auto limit = Clock::now() + answer_limit;
  connection_->append({"WATCH", epoch_key});
  auto reply = connection_->ask({"GET", epoch_key}, limit);
  if (reply) reply = connection_->wait_reply(limit);
  if (reply) {
    const auto epoch = epoch_from(socket_, *reply);
    if (!epoch || *epoch != own_.epoch) return;
    ++renewals_;  // The commit stays what it is, and the text must change.
    connection_->append({"MULTI"});
    connection_->append(
        {"SET", lease_key, lease_text(lease_, own_.epoch, own_.commit_seq) + '+' + std::to_string(renewals_)});
    reply = connection_->ask({"EXEC"}, limit);
    for (int further = 0; further < 2 && reply; ++further) reply = connection_->wait_reply(limit);
  }
  if (!reply) connection_.reset();
}

}  // namespace troupe::scheduler
