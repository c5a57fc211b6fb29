#include "scheduler/local/cluster_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "runtime/wire/zmq_transport.h"

namespace troupe {
namespace {

using Json = nlohmann::json;

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

}  // namespace

std::string cluster_file_path(const std::string& folder) { return folder + "/cluster.json"; }

Result<void> write_cluster_file(const std::string& path, const ClusterFile& file) {
  const Json json{{"cluster_id", to_text(file.cluster)}, {"scheduler", file.scheduler}, {"folder", file.folder}};
  const std::string unfinished = path + ".new";
  std::ofstream stream(unfinished, std::ios::binary);
  stream << json.dump() << '\n';
  stream.close();
  std::error_code error;
  if (stream) std::filesystem::rename(unfinished, path, error);
  if (!stream || error)
    return Error{Fault::unavailable,
                 "cannot write " + path + ": " + (error ? error.message() : std::string(std::strerror(errno)))};
  return {};
}

Result<ClusterFile> read_cluster_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Error{Fault::not_found, path + ": there is no such cluster file: the cluster has ended"};
  constexpr std::size_t most_bytes = 64u << 10;
  std::string text(most_bytes, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  const Json json = Json::parse(text, nullptr, false);
  const auto text_at = [&](const char* key) {
    return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
  };
  const std::string id = text_at("cluster_id");
  const auto high = hex_from(std::string_view(id).substr(0, 16));
  const auto low = id.size() == 32 ? hex_from(std::string_view(id).substr(16)) : std::nullopt;
  ClusterFile file{.cluster = {}, .scheduler = text_at("scheduler"), .folder = text_at("folder")};
  if (!high || !low || file.scheduler.empty())
    return bad_input(path + ": found no cluster, expected {\"cluster_id\": 32 hexadecimal digits, \"scheduler\": …}");
  file.cluster = {*high, *low};
  return file;
}

Result<Session> try_connect(const std::string& cluster_file, std::chrono::milliseconds limit,
                            const std::optional<std::pair<TaskId, AttemptId>>& attempt) {
  const auto file = read_cluster_file(cluster_file);
  if (!file) return file.error();
  const std::string program = own_program();
  SessionOptions options{.scheduler_address = file->scheduler,
                         .cluster = file->cluster,
                         .program = program,
                         .name = std::filesystem::path(program).filename().string()};
  if (attempt) std::tie(options.task, options.attempt) = *attempt;
  auto core = std::make_shared<SessionCore>(options, make_zmq_transport());
  if (auto started = core->start(limit); !started) return started.error();
  return Session(std::move(core));
}

}  // namespace troupe
