#include "scheduler/store/redis_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace troupe::scheduler {

Result<RedisConnection> RedisConnection::connect(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.empty() || socket.size() >= sizeof address.sun_path) {
    return bad_input("a unix socket's path has 1 to " + std::to_string(sizeof address.sun_path - 1) +
                     " characters, found " + std::to_string(socket.size()) + ": " + socket);
  }
  std::memcpy(address.sun_path, socket.data(), socket.size());

  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Error{Fault::unavailable, std::string("no socket to reach Redis with: ") + std::strerror(errno)};
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int why = errno;
    ::close(fd);
    return Error{Fault::unavailable, "Redis does not answer at " + socket + ": " + std::strerror(why)};
  }
  return RedisConnection(fd, socket);
}

RedisConnection::RedisConnection(int socket, std::string name) : socket_(socket), name_(std::move(name)) {}

RedisConnection::RedisConnection(RedisConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      name_(std::move(other.name_)),
      out_(std::move(other.out_)),
      sent_(other.sent_),
      reader_(std::move(other.reader_)),
      lost_(std::move(other.lost_)) {}

RedisConnection& RedisConnection::operator=(RedisConnection&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(name_, other.name_);
  std::swap(out_, other.out_);
  std::swap(sent_, other.sent_);
  std::swap(reader_, other.reader_);
  std::swap(lost_, other.lost_);
  return *this;
}

RedisConnection::~RedisConnection() {
  if (socket_ >= 0) ::close(socket_);
}

void RedisConnection::append(std::span<const std::string_view> arguments) {
  const auto header = [this](char kind, std::size_t number) {
    char digits[24];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    out_ += kind;
    out_.append(digits, end);
    out_ += "\r\n";
  };
  header('*', arguments.size());
  for (const std::string_view argument : arguments) {
    header('$', argument.size());
    out_ += argument;
    out_ += "\r\n";
  }
}

void RedisConnection::exchange() {
  if (lost_) return;
  send_some();
  read_some();  // also after a failed send: what was answered before is still there to be read
}

void RedisConnection::send_some() {
  while (sent_ < out_.size()) {
    const ssize_t count = ::send(socket_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;  // EAGAIN, or gone: then reading says so
    sent_ += static_cast<std::size_t>(count);
  }
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  } else if (sent_ > out_.size() / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
}

void RedisConnection::read_some() {
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count > 0) {
      reader_.feed({buffer, static_cast<std::size_t>(count)});
      if (static_cast<std::size_t>(count) < sizeof buffer) return;
    } else if (count == 0) {
      return lose("closed the connection");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      return lose(std::strerror(errno));
    }
  }
}

void RedisConnection::lose(const std::string& why) {
  if (!lost_) lost_ = Error{Fault::peer_lost, "Redis at " + name_ + " is gone: " + why};
}

std::optional<RedisReply> RedisConnection::next_reply() {
  auto reply = reader_.next();
  if (const std::string flaw = reply ? std::string() : reader_.flaw(); !flaw.empty())
    lose("does not speak the Redis protocol: " + flaw);
  return reply;
}

Result<RedisReply> RedisConnection::wait_reply(Deadline deadline) {
  for (;;) {
    if (auto reply = next_reply()) return std::move(*reply);
    if (lost_) return *lost_;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Error{Fault::timed_out, "Redis at " + name_ + " does not answer in time"};
    pollfd wait{socket_, static_cast<short>(POLLIN | (unsent_bytes() > 0 ? POLLOUT : 0)), 0};
    ::poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1'000)));
    exchange();
  }
}

Result<RedisReply> RedisConnection::ask(std::initializer_list<std::string_view> arguments, Deadline deadline) {
  append(arguments);
  exchange();
  return wait_reply(deadline);
}

}  // namespace troupe::scheduler
