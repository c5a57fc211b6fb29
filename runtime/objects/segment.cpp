#include "runtime/objects/segment.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace troupe::object_store {

Result<Segment> Segment::make(std::size_t capacity) {
  auto memory = SharedMemory::make(capacity, SharedMemory::Pages::at_once);
  if (!memory) return memory.error();
  return Segment(std::move(*memory));
}

Result<Segment> Segment::from(Descriptor descriptor, std::size_t capacity, std::size_t bytes, Access access) {
  if (bytes > capacity || bytes < sizeof(SegmentHead))
    return Error{Fault::corrupt, "a segment of " + std::to_string(capacity) + " bytes was announced, expected " +
                                     std::to_string(bytes) + " at least"};
  auto memory = SharedMemory::part_of(std::move(descriptor), capacity, bytes, access);
  if (!memory) return memory.error();
  return Segment(std::move(*memory));
}

Result<Descriptor> Segment::open_for_reading() const {
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor());
  Descriptor reading(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reading) return Error{Fault::unavailable, "cannot open " + path + ": " + std::strerror(errno)};
  return reading;
}

void Segment::discard() const {
  struct stat status {};
  if (::fstat(descriptor(), &status) != 0) return;
  ::fallocate(descriptor(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, status.st_size);
}

}  // namespace troupe::object_store
