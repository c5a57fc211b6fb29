#include "runtime/base/replace_file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace troupe {
namespace {

bool sync_file(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool is_synced =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  return is_synced;
}

bool sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  const bool is_synced = ::fsync(folder) == 0 || errno == EINVAL;  // Not every file system can.
  ::close(folder);
  return is_synced;
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  if (sync_file(fresh, text) && std::rename(fresh.c_str(), path.c_str()) == 0 &&
      sync_folder(std::filesystem::path(path).parent_path().string()))
    return {};
  return Error{Fault::unavailable, "cannot write " + path + ": " + ::strerror(errno)};
}

}  // namespace troupe
