#include "runtime/objects/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace troupe::object_store {
namespace {

constexpr int size_seals = F_SEAL_SHRINK | F_SEAL_GROW;

Error no_memory(std::size_t bytes) {
  return {Fault::unavailable,
          "no shared memory of " + std::to_string(bytes) + " bytes can be had: " + std::strerror(errno)};
}

}  // namespace

Result<Segment> Segment::make(std::size_t capacity) {
  Descriptor descriptor(::memfd_create("troupe-object", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto size = static_cast<off_t>(capacity);
  if (!descriptor || ::ftruncate(descriptor.number(), size) != 0 ||
      ::fcntl(descriptor.number(), F_ADD_SEALS, size_seals | F_SEAL_SEAL) != 0)
    return no_memory(capacity);
  if (::fallocate(descriptor.number(), 0, 0, size) != 0) return no_memory(capacity);
  return from(std::move(descriptor), capacity, capacity, Access::write);
}

Result<Segment> Segment::from(Descriptor descriptor, std::size_t capacity, std::size_t bytes, Access access) {
  struct stat status {};
  const int seals = ::fcntl(descriptor.number(), F_GET_SEALS);
  if (seals < 0 || (seals & size_seals) != size_seals || ::fstat(descriptor.number(), &status) != 0 ||
      status.st_size != static_cast<off_t>(capacity) || bytes > capacity || bytes < sizeof(SegmentHead))
    return Error{Fault::corrupt,
                 "what was handed over is no sealed shared memory of " + std::to_string(capacity) + " bytes"};
  const int protection = access == Access::write ? PROT_READ | PROT_WRITE : PROT_READ;
  void* data = ::mmap(nullptr, bytes, protection, MAP_SHARED, descriptor.number(), 0);
  if (data == MAP_FAILED) return no_memory(bytes);
  return Segment(std::move(descriptor), {static_cast<std::byte*>(data), bytes});
}

Segment::~Segment() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

Result<Descriptor> Segment::open_for_reading() const {
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor_.number());
  Descriptor reading(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reading) return Error{Fault::unavailable, "cannot open " + path + ": " + std::strerror(errno)};
  return reading;
}

void Segment::discard() const {
  struct stat status {};
  if (::fstat(descriptor_.number(), &status) != 0) return;
  ::fallocate(descriptor_.number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, status.st_size);
}

}  // namespace troupe::object_store
