#include "tools/cli/commands/list_objects.h"

#include <algorithm>
#include <cstdio>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/object_report.h"
#include "tools/cli/output.h"

namespace troupe::cli {

int list_objects(const ListCommand& command, const std::vector<Filter>& filters) {
  const auto fail = [](const Error& error) {
    complain("list", error.message);
    return exit_code_of(error);
  };
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  Table table({{"object"}, {"state"}, {"bytes", true}, {"held", true}, {"read", true}, {"store"}});
  std::size_t rows = 0;
  const auto listed = for_each_object(*cluster, [&](const ObjectSummary& object, const std::string& store) {
    const bool fits = std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
      return filter.second == (filter.first == "object" ? id_of(object) : state_of(object));
    });
    if (!fits || rows == command.limit) return;
    ++rows;
    if (command.json) {
      std::printf("%s\n", object_json(object, store).c_str());
    } else {
      table.add({id_of(object), state_of(object), std::to_string(object.bytes), std::to_string(object.held),
                 std::to_string(object.opened), store});
    }
  });
  if (!listed) return fail(listed.error());
  if (!command.json) table.print();
  return exit_done;
}

}  // namespace troupe::cli
