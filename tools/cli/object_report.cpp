#include "tools/cli/object_report.h"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "scheduler/local/places.h"
#include "tools/cli/json_line.h"

namespace troupe::cli {

std::string id_of(const ObjectSummary& object) { return to_text(object.id.high) + to_text(object.id.low); }

const char* state_of(const ObjectSummary& object) { return object.memory_bytes > 0 ? "memory" : "disk"; }

std::string object_json(const ObjectSummary& object, const std::string& store) {
  return json_line(nlohmann::ordered_json{{"object", id_of(object)},
                                          {"state", state_of(object)},
                                          {"bytes", object.bytes},
                                          {"memory_bytes", object.memory_bytes},
                                          {"held", object.held},
                                          {"read", object.opened},
                                          {"store", store}});
}

Result<void> for_each_object(const scheduler::ClusterFile& cluster,
                             const std::function<void(const ObjectSummary&, const std::string&)>& take) {
  ObjectClient client([] { return std::string(); });
  for (const auto& socket : scheduler::object_store_sockets(cluster.directory())) {
    const auto objects = client.list(socket);
    if (!objects && objects.error().fault == Fault::peer_lost) continue;  // Its node has ended.
    if (!objects) return objects.error();
    const std::string store = std::filesystem::path(socket).stem().stem().string();
    for (const ObjectSummary& object : *objects) take(object, store);
  }
  return {};
}

}  // namespace troupe::cli
