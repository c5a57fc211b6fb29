#include "scheduler/local/cluster_choice.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "scheduler/local/standing.h"

namespace troupe::scheduler {
namespace {

namespace fs = std::filesystem;

constexpr const char* local = "local";
constexpr const char* default_name = "default";

/// `HOST:PORT` and nothing like a path.
bool is_host_and_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  return colon != text.npos && colon + 1 < text.size() && text.find('/') == text.npos &&
         text.find_first_not_of("0123456789", colon + 1) == text.npos;
}

Result<std::optional<ClusterFile>> at_address(const char* where, const std::string& address) {
  if (address == local) return std::optional<ClusterFile>();
  if (is_host_and_port(address))
    return bad_input(std::string(where) + ": found '" + address +
                     "': clusters of other machines are not in this version, expected local or a cluster file");
  auto file = read_cluster_file(address);
  if (!file) return bad_input(std::string(where) + ": " + file.error().message);
  const bool is_private = file->folder == file->directory();  // then the file goes with the cluster
  if (!is_private && !is_up(file->folder))
    return Error{Fault::unavailable, "the cluster of " + address + " does not run (troupe start starts it)"};
  return std::optional(std::move(*file));
}

}  // namespace

std::string state_home() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return fs::absolute(state).lexically_normal().string() + "/troupe";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    const passwd* user = ::getpwuid(::getuid());
    home = user != nullptr ? user->pw_dir : "/tmp";
  }
  return std::string(home) + "/.local/state/troupe";
}

std::string cluster_folder(const std::string& name) { return state_home() + "/clusters/" + name; }

std::vector<std::string> cluster_folders() {
  std::vector<std::string> folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(state_home() + "/clusters", ignored))
    folders.push_back(entry.path().string());
  std::sort(folders.begin(), folders.end());
  return folders;
}

Result<std::optional<ClusterFile>> choose_cluster(const std::string& given, const char* where) {
  if (!given.empty()) return at_address(where, given);
  const char* address = std::getenv("TROUPE_ADDRESS");
  if (address != nullptr && *address != '\0') return at_address("TROUPE_ADDRESS", address);

  auto running = cluster_folders();
  std::erase_if(running, [](const std::string& folder) { return !is_up(folder); });
  if (running.empty()) return std::optional<ClusterFile>();
  const bool has_default = std::count(running.begin(), running.end(), cluster_folder(default_name)) > 0;
  if (running.size() > 1 && !has_default) {
    std::string names;
    for (const auto& folder : running) names += (names.empty() ? "" : ", ") + cluster_file_in(folder);
    return bad_input("several clusters run here, choose one by --cluster: " + names);
  }
  auto file = read_cluster_file(cluster_file_in(has_default ? cluster_folder(default_name) : running.front()));
  if (!file) return file.error();
  return std::optional(std::move(*file));
}

Result<ClusterFile> need_cluster(const std::string& given, const char* where) {
  auto chosen = choose_cluster(given, where);
  if (!chosen) return chosen.error();
  if (!*chosen) return Error{Fault::unavailable, "no cluster runs on this machine (troupe start starts one)"};
  return std::move(**chosen);
}

}  // namespace troupe::scheduler
