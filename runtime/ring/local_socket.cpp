#include "runtime/ring/local_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "runtime/base/check.h"

namespace troupe {
namespace {

constexpr std::size_t most_descriptors = 4;  // Of a message.

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  path.copy(address.sun_path, path.size());
  return address;
}

Error too_long(const std::string& path) { return bad_input("socket path '" + path + "' is too long"); }

Error gone() { return {Fault::peer_lost, "the other end of a link is gone"}; }

Descriptor make_socket() { return Descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

}  // namespace

Error local_error(const std::string& path, const char* verb) {
  const bool is_nobody_there = errno == ECONNREFUSED || errno == ENOENT;
  return {is_nobody_there ? Fault::peer_lost : Fault::unavailable,
          std::string("cannot ") + verb + ' ' + path + ": " + std::strerror(errno)};
}

Result<Descriptor> connect_local(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return too_long(path);
  Descriptor socket = make_socket();
  if (!socket || ::connect(socket.number(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return local_error(path, "connect to");
  return socket;
}

Result<Descriptor> listen_local(const std::string& path, int most_waiting) {
  const auto address = address_of(path);
  if (!address) return too_long(path);
  ::unlink(path.c_str());
  Descriptor socket = make_socket();
  if (!socket || ::bind(socket.number(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      ::listen(socket.number(), most_waiting) != 0)
    return local_error(path, "listen on");
  return socket;
}

bool send_message(const Descriptor& socket, std::span<const std::byte> bytes, std::span<const int> descriptors) {
  TROUPE_CHECK(descriptors.size() <= most_descriptors, "a message carries few descriptors");
  iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
  }
  return ::sendmsg(socket.number(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

Result<std::optional<std::size_t>> receive_message(const Descriptor& socket, std::span<std::byte> bytes,
                                                   std::span<Descriptor> descriptors) {
  iovec piece{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = ::recvmsg(socket.number(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  // Told once, where the other end went without having read everything; what it said before that is still to come.
  if (size < 0 && errno == ECONNRESET) size = ::recvmsg(socket.number(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<std::size_t>();
  if (size < 0) return gone();
  std::size_t found = 0;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; CMSG_LEN(sizeof(int) * (at + 1)) <= head->cmsg_len; ++at) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(head) + sizeof(int) * at, sizeof number);
      Descriptor owned(number);
      if (found < descriptors.size()) descriptors[found] = std::move(owned);
      ++found;
    }
  }
  if (size == 0) return gone();  // Or a message without a byte, whose descriptors are closed by now.
  // Descriptors may be missing: those for which this process has no more room.
  const bool is_cut = (message.msg_flags & MSG_TRUNC) != 0;
  if (size != static_cast<ssize_t>(bytes.size()) || found > descriptors.size() || is_cut)
    return Error{Fault::corrupt, "the other end of a link speaks another protocol"};
  return std::optional(found);
}

}  // namespace troupe
