#include "runtime/ring/bell.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace troupe {
namespace {

constexpr std::size_t page = 4096;
constexpr int most_rings = 16;  // Taken at once; no more than one waits, unless somebody rings without reason.

}  // namespace

Result<Bell> Bell::make() {
  auto memory = SharedMemory::make(page);
  if (!memory) return memory.error();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return Error{Fault::unavailable, std::string("cannot make a pair of sockets: ") + std::strerror(errno)};
  return Bell(std::move(*memory), Descriptor(ends[0]), Descriptor(ends[1]));
}

Result<Bell> Bell::from(Descriptor memory, Descriptor cord) {
  auto mapped = SharedMemory::from(std::move(memory), page);
  if (!mapped) return mapped.error();
  return Bell(std::move(*mapped), std::move(cord), Descriptor());
}

std::atomic<std::uint32_t>& Bell::asleep() const {
  static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
  return *reinterpret_cast<std::atomic<std::uint32_t>*>(memory_.bytes().data());
}

void Bell::ring() {
  if (asleep().load(std::memory_order_seq_cst) == 0 || asleep().exchange(0) == 0) return;
  // Where there is no room others have rung; a process that is gone needs no waking.
  [[maybe_unused]] const auto sent = ::send(cord_.number(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Bell::clear() {
  char ring = 0;
  for (int taken = 0; taken < most_rings && ::recv(sleeper_.number(), &ring, 1, MSG_DONTWAIT) >= 0;) ++taken;
}

}  // namespace troupe
