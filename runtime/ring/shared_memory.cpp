#include "runtime/ring/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace troupe {
namespace {

constexpr int size_seals = F_SEAL_SHRINK | F_SEAL_GROW;

Error no_memory(std::size_t bytes) {
  return {Fault::unavailable,
          "no shared memory of " + std::to_string(bytes) + " bytes can be had: " + std::strerror(errno)};
}

}  // namespace

Result<SharedMemory> SharedMemory::make(std::size_t bytes, Pages pages) {
  Descriptor descriptor(::memfd_create("troupe", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto size = static_cast<off_t>(bytes);
  if (!descriptor || ::ftruncate(descriptor.number(), size) != 0 ||
      ::fcntl(descriptor.number(), F_ADD_SEALS, size_seals | F_SEAL_SEAL) != 0)
    return no_memory(bytes);
  if (pages == Pages::at_once && ::fallocate(descriptor.number(), 0, 0, size) != 0) return no_memory(bytes);
  return map(std::move(descriptor), bytes, Access::write);
}

Result<SharedMemory> SharedMemory::from(Descriptor descriptor, std::size_t bytes) {
  auto memory = part_of(std::move(descriptor), bytes, bytes, Access::write);
  if (memory) memory->close_descriptor();
  return memory;
}

Result<SharedMemory> SharedMemory::part_of(Descriptor descriptor, std::size_t bytes, std::size_t mapped,
                                           Access access) {
  struct stat status {};
  const int seals = ::fcntl(descriptor.number(), F_GET_SEALS);
  if (seals < 0 || (seals & size_seals) != size_seals || ::fstat(descriptor.number(), &status) != 0)
    return Error{Fault::corrupt, "what was handed over is no sealed shared memory"};
  if (status.st_size != static_cast<off_t>(bytes)) {
    return Error{Fault::corrupt, "shared memory of " + std::to_string(status.st_size) +
                                     " bytes was handed over, expected " + std::to_string(bytes)};
  }
  return map(std::move(descriptor), mapped, access);
}

Result<SharedMemory> SharedMemory::map(Descriptor descriptor, std::size_t bytes, Access access) {
  const int protection = access == Access::write ? PROT_READ | PROT_WRITE : PROT_READ;
  void* data = ::mmap(nullptr, bytes, protection, MAP_SHARED, descriptor.number(), 0);
  if (data == MAP_FAILED) return no_memory(bytes);
  return SharedMemory(std::move(descriptor), {static_cast<std::byte*>(data), bytes});
}

SharedMemory::~SharedMemory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace troupe
