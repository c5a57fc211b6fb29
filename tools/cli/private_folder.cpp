#include "tools/cli/private_folder.h"

#include <stdlib.h>
#include <string.h>

#include <cerrno>
#include <filesystem>
#include <utility>

namespace troupe::cli {

Result<PrivateFolder> PrivateFolder::make() {
  constexpr std::size_t longest = 70;  // Room for a socket's name within the 107 characters of an address.
  std::string why = "no place is short enough";
  for (const char* place : {::getenv("XDG_RUNTIME_DIR"), ::getenv("TMPDIR"), static_cast<char*>(nullptr)}) {
    if (place != nullptr && *place == '\0') continue;
    std::error_code error;  // Absolute: it is used from other folders.
    const std::string parent = std::filesystem::absolute(place == nullptr ? "/tmp" : place, error).string();
    std::string path = parent + "/troupe-cli-XXXXXX";
    if (path.size() > longest) continue;
    if (::mkdtemp(path.data()) != nullptr) return PrivateFolder(path);
    why = parent + ": " + ::strerror(errno);
  }
  return Error{Fault::unavailable, "cannot make a folder for sockets: " + why + ": choose another by TMPDIR"};
}

PrivateFolder::PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace troupe::cli
