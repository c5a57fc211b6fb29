// Loaded into a program in front of libc: as long as the file that TROUPE_TEST_DISK_FAULT names is there, every sync of
// a file fails with the error whose number it holds.
#include <dlfcn.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace {

using Sync = int(int);

int sync_or_fail(const char* name, int file) {
  const char* fault = std::getenv("TROUPE_TEST_DISK_FAULT");
  if (std::FILE* found = fault != nullptr ? std::fopen(fault, "re") : nullptr) {
    int number = 0;
    const bool is_read = std::fscanf(found, "%d", &number) == 1;
    std::fclose(found);
    errno = is_read ? number : EIO;
    return -1;
  }
  return reinterpret_cast<Sync*>(::dlsym(RTLD_NEXT, name))(file);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int fsync(int file) { return sync_or_fail("fsync", file); }
extern "C" __attribute__((visibility("default"))) int fdatasync(int file) { return sync_or_fail("fdatasync", file); }
