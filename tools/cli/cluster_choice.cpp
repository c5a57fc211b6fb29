#include "tools/cli/cluster_choice.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "scheduler/local/standing.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/run_store.h"

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;
using scheduler::ClusterFile;

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
  auto file = scheduler::read_cluster_file(address);
  if (!file) return bad_input(std::string(where) + ": " + file.error().message);
  const bool is_private = file->folder == file->directory();  // then the file goes with the cluster
  if (!is_private && !scheduler::is_up(file->folder))
    return Error{Fault::unavailable, "the cluster of " + address + " does not run (troupe start starts it)"};
  return std::optional(std::move(*file));
}

}  // namespace

std::string cluster_folder(const std::string& name) { return state_folder() + "/clusters/" + name; }

std::string graph_folder(const ClusterFile& cluster, JobId graph) {
  return cluster.folder + "/graphs/" + to_text(graph);
}

std::vector<std::string> cluster_folders() {
  std::vector<std::string> folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(state_folder() + "/clusters", ignored))
    folders.push_back(entry.path().string());
  std::sort(folders.begin(), folders.end());
  return folders;
}

Result<std::optional<ClusterFile>> choose_cluster(const std::string& option) {
  if (!option.empty()) return at_address("--cluster", option);
  const char* address = std::getenv("TROUPE_ADDRESS");
  if (address != nullptr && *address != '\0') return at_address("TROUPE_ADDRESS", address);

  auto running = cluster_folders();
  std::erase_if(running, [](const std::string& folder) { return !scheduler::is_up(folder); });
  if (running.empty()) return std::optional<ClusterFile>();
  const bool has_default = std::count(running.begin(), running.end(), cluster_folder(default_name)) > 0;
  if (running.size() > 1 && !has_default) {
    std::string names;
    for (const auto& folder : running) names += (names.empty() ? "" : ", ") + scheduler::cluster_file_in(folder);
    return bad_input("several clusters run here, choose one by --cluster: " + names);
  }
  auto file = scheduler::read_cluster_file(
      scheduler::cluster_file_in(has_default ? cluster_folder(default_name) : running.front()));
  if (!file) return file.error();
  return std::optional(std::move(*file));
}

Result<ClusterFile> need_cluster(const std::string& option) {
  auto chosen = choose_cluster(option);
  if (!chosen) return chosen.error();
  if (!*chosen) return Error{Fault::unavailable, "no cluster runs on this machine (troupe start starts one)"};
  return std::move(**chosen);
}

int exit_code_of(const Error& error) {
  const bool is_input = error.fault == Fault::bad_input || error.fault == Fault::not_found;
  return is_input ? exit_bad_input : exit_no_cluster;
}

}  // namespace troupe::cli
