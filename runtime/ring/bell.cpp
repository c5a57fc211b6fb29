#include "runtime/ring/bell.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>

namespace troupe {
namespace {

constexpr std::size_t page = 4096;

}  // namespace

Result<Bell> Bell::make() {
  auto memory = SharedMemory::make(page);
  if (!memory) return memory.error();
  Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event) return Error{Fault::unavailable, std::string("cannot make an eventfd: ") + std::strerror(errno)};
  return Bell(std::move(*memory), std::move(event));
}

Result<Bell> Bell::from(Descriptor memory, Descriptor event) {
  auto mapped = SharedMemory::from(std::move(memory), page);
  if (!mapped) return mapped.error();
  return Bell(std::move(*mapped), std::move(event));
}

std::atomic<std::uint32_t>& Bell::asleep() const {
  static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
  return *reinterpret_cast<std::atomic<std::uint32_t>*>(memory_.bytes().data());
}

void Bell::ring() {
  if (asleep().load(std::memory_order_seq_cst) == 0 || asleep().exchange(0) == 0) return;
  const std::uint64_t one = 1;
  // Its counter cannot be full; a process that is gone needs no waking.
  [[maybe_unused]] const auto written = ::write(event_.number(), &one, sizeof one);
}

void Bell::clear() {
  std::uint64_t rings = 0;
  [[maybe_unused]] const auto taken = ::read(event_.number(), &rings, sizeof rings);
}

}  // namespace troupe
