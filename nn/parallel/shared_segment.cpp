#include "nn/parallel/shared_segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace troupe::nn {

namespace {

/// Closes what it holds.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string path_of(const std::string& name) { return "/dev/shm" + name; }

Error failure(Fault fault, const std::string& name, const std::string& what, int error) {
  return {fault, path_of(name) + ": " + what + ": " + std::strerror(error)};
}

Result<std::byte*> map(std::size_t bytes, int flags, int fd) {
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, fd, 0);
  if (data == MAP_FAILED) {
    return Error{Fault::unavailable,
                 "cannot map " + std::to_string(bytes) + " bytes of shared memory: " + std::strerror(errno)};
  }
  return static_cast<std::byte*>(data);
}

}  // namespace

Result<SharedSegment> SharedSegment::anonymous(std::size_t bytes) {
  auto data = map(bytes, MAP_SHARED | MAP_ANONYMOUS, -1);
  if (!data) return data.error();
  return SharedSegment(*data, bytes);
}

Result<SharedSegment> SharedSegment::create(const std::string& name, std::size_t bytes) {
  if (name.size() < 2 || name.size() > 200 || name[0] != '/' || name.find('/', 1) != std::string::npos) {
    return bad_input("shared memory name: found '" + name +
                     "', expected a slash and at most 199 characters without one");
  }
  const Descriptor file{::shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600)};
  if (file.fd < 0) {
    if (errno == EEXIST) {
      return Error{Fault::refused, path_of(name) + ": exists already, expected a new name for every gang"};
    }
    return failure(Fault::unavailable, name, "cannot be created", errno);
  }
  // The size grows only once the pages are there: whoever sees it not 0 may map it.
  if (const int error = ::posix_fallocate(file.fd, 0, static_cast<off_t>(bytes)); error != 0) {
    ::shm_unlink(name.c_str());
    return failure(Fault::unavailable, name, "no room for " + std::to_string(bytes) + " bytes (see df /dev/shm)",
                   error);
  }
  struct stat status {};
  auto data = map(bytes, MAP_SHARED, file.fd);
  if (!data || ::fstat(file.fd, &status) != 0) {
    ::shm_unlink(name.c_str());
    return data ? failure(Fault::unavailable, name, "cannot be read", errno) : data.error();
  }
  SharedSegment segment(*data, bytes);
  segment.name_ = name;
  segment.inode_ = status.st_ino;
  return segment;
}

Result<std::optional<SharedSegment>> SharedSegment::open(const std::string& name) {
  const Descriptor file{::shm_open(name.c_str(), O_RDWR, 0)};
  if (file.fd < 0) {
    if (errno == ENOENT) return std::optional<SharedSegment>();
    return failure(errno == EACCES ? Fault::refused : Fault::unavailable, name, "cannot be opened", errno);
  }
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) return failure(Fault::unavailable, name, "cannot be read", errno);
  if (status.st_uid != ::geteuid() || (status.st_mode & 0077) != 0) {
    return Error{Fault::refused, path_of(name) + ": belongs to user " + std::to_string(status.st_uid) +
                                     " or is open to others, expected one of user " + std::to_string(::geteuid()) +
                                     " alone"};
  }
  if (status.st_size <= 0) return std::optional<SharedSegment>();
  const auto bytes = static_cast<std::size_t>(status.st_size);
  auto data = map(bytes, MAP_SHARED, file.fd);
  if (!data) return data.error();
  SharedSegment segment(*data, bytes);
  segment.name_ = name;
  segment.inode_ = status.st_ino;
  return std::optional<SharedSegment>(std::move(segment));
}

SharedSegment::SharedSegment(SharedSegment&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      name_(std::exchange(other.name_, {})),
      inode_(other.inode_) {}

SharedSegment& SharedSegment::operator=(SharedSegment&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(name_, other.name_);
  std::swap(inode_, other.inode_);
  return *this;
}

SharedSegment::~SharedSegment() {
  if (data_) ::munmap(data_, size_);
}

void SharedSegment::unlink() {
  if (name_.empty()) return;
  const Descriptor file{::shm_open(name_.c_str(), O_RDONLY, 0)};
  struct stat status {};
  if (file.fd >= 0 && ::fstat(file.fd, &status) == 0 && status.st_ino == inode_) ::shm_unlink(name_.c_str());
  name_.clear();
}

}  // namespace troupe::nn
