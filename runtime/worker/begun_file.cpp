#include "runtime/worker/begun_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>
#include <string_view>

namespace troupe {
namespace {

/// Empty: there is none.
std::string file_beside(const std::string& own_address) {
  constexpr std::string_view scheme = "ipc://";
  return own_address.starts_with(scheme) ? own_address.substr(scheme.size()) + ".begun" : std::string();
}

}  // namespace

BegunFile::BegunFile(const std::string& own_address) {
  const std::string file = file_beside(own_address);
  const int descriptor = file.empty() ? -1 : ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  if (::ftruncate(descriptor, sizeof *begun_) == 0) {
    void* place = ::mmap(nullptr, sizeof *begun_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (place != MAP_FAILED) begun_ = new (place) std::atomic<std::uint64_t>(0);
  }
  ::close(descriptor);
}

BegunFile::~BegunFile() {
  if (begun_ != nullptr) ::munmap(begun_, sizeof *begun_);
}

std::uint64_t BegunFile::take(const std::string& own_address) {
  const std::string file = file_beside(own_address);
  const int descriptor = file.empty() ? -1 : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return 0;
  std::uint64_t begun = 0;
  if (::read(descriptor, &begun, sizeof begun) != sizeof begun) begun = 0;
  ::close(descriptor);
  ::unlink(file.c_str());
  return begun;
}

}  // namespace troupe
