#include "scheduler/local/cluster_file.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "runtime/base/replace_file.h"

namespace troupe::scheduler {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uintmax_t most_bytes = 64 * 1024;
constexpr std::string_view scheme = "ipc://";

/// The text at `key`; nothing when there is none.
std::optional<std::string> text_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

}  // namespace

std::string ClusterFile::directory() const {
  return std::filesystem::path(scheduler.substr(scheme.size())).parent_path().string();
}

std::string cluster_file_in(const std::string& folder) { return folder + "/cluster.json"; }

Result<ClusterFile> read_cluster_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return read_cluster_file(cluster_file_in(path));
  const auto size = std::filesystem::file_size(path, error);
  if (error) return Error{Fault::not_found, "there is no cluster file " + path + ": " + error.message()};
  const auto refuse = [&](const std::string& found) {
    return bad_input(path + ": found " + found +
                     ", expected the cluster file that troupe start wrote: {\"cluster_id\",\"scheduler\",\"folder\"}");
  };
  if (size > most_bytes) return refuse(std::to_string(size) + " bytes");
  std::ifstream stream(path);
  const Json object = Json::parse(stream, nullptr, false);
  ClusterFile file;
  const auto id = text_at(object, "cluster_id");
  const auto high = id ? hex_from(std::string_view(*id).substr(0, 16)) : std::nullopt;
  const auto low = id && id->size() == 32 ? hex_from(std::string_view(*id).substr(16)) : std::nullopt;
  if (!high || !low) return refuse("no 'cluster_id' of 32 hexadecimal digits");
  file.cluster = {*high, *low};
  file.scheduler = text_at(object, "scheduler").value_or("");
  if (!file.scheduler.starts_with(scheme)) return refuse("'scheduler': '" + file.scheduler + "', which is no ipc://");
  file.folder = text_at(object, "folder").value_or("");
  if (!file.folder.starts_with('/')) return refuse("'folder': '" + file.folder + "', which is no absolute path");
  return file;
}

Result<void> write_cluster_file(const std::string& path, const ClusterFile& file) {
  const Json object{{"cluster_id", to_text(file.cluster)}, {"scheduler", file.scheduler}, {"folder", file.folder}};
  return replace_file(path, object.dump() + '\n');
}

}  // namespace troupe::scheduler
