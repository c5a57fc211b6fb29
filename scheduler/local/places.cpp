#include "scheduler/local/places.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "runtime/ring/local_socket.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t longest_directory = 70;           // Room for the sockets' names within 107 characters.
constexpr std::string_view object_suffix = ".objects";  // See object_socket_of.
constexpr std::string_view link_name = "/scheduler.sock";
constexpr std::string_view socket_prefix = "scheduler-";
constexpr const char* detached_name = "/detached";

std::string socket_name(std::uint32_t epoch) { return std::string(socket_prefix) + std::to_string(epoch) + ".sock"; }

/// 0 when it is no scheduler's socket.
std::uint32_t epoch_of(std::string_view socket) {
  std::uint32_t epoch = 0;
  if (socket.starts_with(socket_prefix)) {
    socket.remove_prefix(socket_prefix.size());
    std::from_chars(socket.data(), socket.data() + socket.size(), epoch);
  }
  return epoch;
}

std::string beside(const std::string& worker_address, const char* name) {
  constexpr std::string_view scheme = "ipc://";
  if (!worker_address.starts_with(scheme)) return {};
  return std::filesystem::path(worker_address.substr(scheme.size())).parent_path().string() + name;
}

}  // namespace

Result<std::string> make_directory(ClusterId cluster) {
  const char* places[] = {std::getenv("XDG_RUNTIME_DIR"), std::getenv("TMPDIR"), "/tmp"};
  std::string why;
  for (const char* place : places) {
    if (place == nullptr || *place == '\0') continue;
    std::error_code error;  // Absolute: it is used from other folders.
    const std::string path = std::filesystem::absolute(place, error).string() + "/troupe-" + to_text(cluster.high);
    if (path.size() > longest_directory) continue;
    struct stat found {};
    if (::mkdir(path.c_str(), 0700) == 0) return path;
    why = path + ": " + ::strerror(errno);
    const bool is_ours = ::lstat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == ::geteuid() &&
                         (found.st_mode & 077) == 0;
    if (is_ours) return path;
  }
  return Error{Fault::unavailable, "cannot make a folder for the cluster's sockets: " + why};
}

std::string scheduler_address(const std::string& directory) { return "ipc://" + directory + std::string(link_name); }
std::string scheduler_address(const std::string& directory, std::uint32_t epoch) {
  return "ipc://" + directory + '/' + socket_name(epoch);
}
std::vector<std::string> object_store_sockets(const std::string& directory) {
  std::vector<std::string> sockets;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
    if (std::string path = entry.path().string(); path.ends_with(object_suffix) && connect_local(path))
      sockets.push_back(std::move(path));
  std::sort(sockets.begin(), sockets.end());
  return sockets;
}

std::string object_store_socket(const std::string& directory) {
  const auto sockets = object_store_sockets(directory);
  return sockets.empty() ? std::string() : sockets.front();
}

std::string redis_socket(const std::string& directory) { return directory + "/redis.sock"; }
std::string worker_address(const std::string& directory, const std::string& worker) {
  return "ipc://" + directory + "/w-" + worker + ".sock";
}
std::string state_folder(const std::string& worker_address) { return beside(worker_address, "/actors"); }
std::string detached_state_folder(const std::string& worker_address) { return beside(worker_address, detached_name); }

Result<void> keep_detached(const std::string& directory, const std::string& folder) {
  const std::string link = directory + detached_name;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::remove(link, error);
  std::filesystem::create_directory_symlink(folder, link, error);
  if (error) return Error{Fault::unavailable, "cannot make the folder " + folder + ": " + error.message()};
  return {};
}

void announce_scheduler(const std::string& directory, std::uint32_t epoch) {
  const std::string active = active_scheduler(directory);
  if (epoch_of(active) >= epoch) return;
  const std::string link = directory + std::string(link_name);
  const std::string fresh = link + '.' + std::to_string(epoch);
  std::error_code ignored;
  std::filesystem::remove(fresh, ignored);
  std::filesystem::create_symlink(socket_name(epoch), fresh, ignored);
  std::filesystem::rename(fresh, link, ignored);
  if (!active.empty()) std::filesystem::remove(directory + '/' + active, ignored);
}

std::string active_scheduler(const std::string& directory) {
  std::error_code ignored;
  return std::filesystem::read_symlink(directory + std::string(link_name), ignored).string();
}

void remove_traces(const std::string& directory, std::uint64_t cluster) {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  const std::string prefix = "troupe-" + to_text(cluster);
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", ignored))
    if (entry.path().filename().string().starts_with(prefix)) std::filesystem::remove(entry.path(), ignored);
}

}  // namespace troupe::scheduler
