#include "runtime/agent/worker_sockets.h"

#include <unistd.h>

#include <filesystem>
#include <string_view>

#include "runtime/ring/ring_link.h"

namespace troupe {
namespace {

constexpr std::string_view scheme = "ipc://";

}  // namespace

void remove_sockets(const std::string& address) {
  if (!address.starts_with(scheme)) return;
  ::unlink(address.c_str() + scheme.size());
  ::unlink(ring_socket_of(address).c_str());
}

void remove_sockets_like(const std::string& address, const std::string& id) {
  if (!address.starts_with(scheme)) return;
  const std::filesystem::path path = address.substr(scheme.size());
  const std::string name = path.filename().string();
  const std::string begin = name.substr(0, name.find(id) + id.size() / 2);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), ignored))
    if (entry.path().filename().string().starts_with(begin)) std::filesystem::remove(entry.path(), ignored);
}

}  // namespace troupe
