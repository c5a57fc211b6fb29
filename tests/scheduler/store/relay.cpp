#include "tests/scheduler/store/relay.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string_view>
#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler::test {

namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  TROUPE_CHECK(path.size() < sizeof address.sun_path, "a socket's path is short");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int listen_at(const std::string& socket) {
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(socket);
  TROUPE_CHECK(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "the path is free");
  TROUPE_CHECK(::listen(listener, 16) == 0, "a bound socket listens");
  return listener;
}

}  // namespace

Relay::Relay(const std::string& socket, std::string target) : target_(std::move(target)), listener_(listen_at(socket)) {
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  ends_ = true;
  thread_.join();
  cut();
  ::close(listener_);
}

void Relay::cut() {
  for (int* end : {&client_, &server_}) {
    if (*end >= 0) ::close(std::exchange(*end, -1));
  }
  swallows_answer_ = false;
}

void Relay::before_next_exec(std::function<void()> action) {
  const std::lock_guard lock(guards_action_);
  action_ = std::move(action);
}

bool Relay::pass(int from, int to, bool is_request) {
  char buffer[256 * 1024];
  const ssize_t count = ::recv(from, buffer, sizeof buffer, 0);
  if (count <= 0) return false;
  const std::string_view bytes(buffer, static_cast<std::size_t>(count));
  if (!is_request && swallows_answer_) {
    lose_ = Lose::nothing;
    return false;
  }
  if (is_request && bytes.find("EXEC\r\n") != std::string_view::npos) {
    std::unique_lock lock(guards_action_);
    const auto action = std::exchange(action_, nullptr);
    lock.unlock();
    if (action) action();
    if (lose_ == Lose::request) {
      lose_ = Lose::nothing;
      return false;
    }
    swallows_answer_ = lose_ == Lose::answer;
  }
  return ::send(to, buffer, static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
}

void Relay::run() {
  while (!ends_) {
    pollfd waits[] = {{closed_ ? -1 : listener_, POLLIN, 0}, {client_, POLLIN, 0}, {server_, POLLIN, 0}};
    ::poll(waits, 3, 5);
    if (waits[1].revents != 0 && !pass(client_, server_, true)) cut();
    if (waits[2].revents != 0 && server_ >= 0 && !pass(server_, client_, false)) cut();
    if (waits[0].revents != 0) {
      cut();
      client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      server_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_un address = address_of(target_);
      if (::connect(server_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) cut();
    }
  }
}

PlayedRedis::PlayedRedis(const std::string& socket, std::string answer) : listener_(listen_at(socket)) {
  thread_ = std::thread([this, answer = std::move(answer)] {
    int client = -1;
    while (!ends_) {
      pollfd wait{listener_, POLLIN, 0};
      if (::poll(&wait, 1, 5) != 1) continue;
      if (client >= 0) ::close(client);
      client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      (void)!::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    if (client >= 0) ::close(client);
  });
}

PlayedRedis::~PlayedRedis() {
  ends_ = true;
  thread_.join();
  ::close(listener_);
}

}  // namespace troupe::scheduler::test
