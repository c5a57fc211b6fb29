#include "tools/cli/commands/list_objects.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "runtime/objects/object_client.h"
#include "scheduler/local/places.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/output.h"

namespace troupe::cli {
namespace {

std::string id_of(const ObjectSummary& object) { return to_text(object.id.high) + to_text(object.id.low); }
std::string state_of(const ObjectSummary& object) { return object.memory_bytes > 0 ? "memory" : "disk"; }

int fail(const Error& error) {
  complain("list", error.message);
  return exit_code_of(error);
}

}  // namespace

int list_objects(const ListCommand& command, const std::vector<Filter>& filters) {
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  ObjectClient client([] { return std::string(); });
  Table table({{"object"}, {"state"}, {"bytes", true}, {"held", true}, {"read", true}, {"store"}});
  std::size_t rows = 0;
  for (const auto& socket : scheduler::object_store_sockets(cluster->directory())) {
    const auto objects = client.list(socket);
    if (!objects && objects.error().fault == Fault::peer_lost) continue;  // Its node has ended.
    if (!objects) return fail(objects.error());
    const std::string store = std::filesystem::path(socket).stem().stem().string();
    for (const ObjectSummary& object : *objects) {
      const bool fits = std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
        return filter.second == (filter.first == "object" ? id_of(object) : state_of(object));
      });
      if (!fits || rows == command.limit) continue;
      ++rows;
      if (command.json) {
        const nlohmann::ordered_json row{{"object", id_of(object)}, {"state", state_of(object)},
                                         {"bytes", object.bytes},   {"memory_bytes", object.memory_bytes},
                                         {"held", object.held},     {"read", object.opened},
                                         {"store", store}};
        std::printf("%s\n", row.dump().c_str());
      } else {
        table.add({id_of(object), state_of(object), std::to_string(object.bytes), std::to_string(object.held),
                   std::to_string(object.opened), store});
      }
    }
  }
  if (!command.json) table.print();
  return exit_done;
}

}  // namespace troupe::cli
