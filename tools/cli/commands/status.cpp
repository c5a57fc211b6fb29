#include "tools/cli/commands/status.h"

#include <cstdio>

#include "scheduler/local/places.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/cluster_report.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/output.h"

namespace troupe::cli {

int status_command(const StatusCommand& command) {
  const auto fail = [](const Error& error) {
    complain("status", error.message);
    return exit_code_of(error);
  };
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  const auto status = status_of(*cluster, true);
  if (!status) return fail(status.error());
  if (command.json) {
    std::printf("%s\n", status_json(*cluster, *status).c_str());
    return exit_done;
  }
  std::printf("cluster %s, epoch %u, commit %llu\nstore   %s\nfolder  %s\n\n", to_text(cluster->cluster).c_str(),
              status->epoch, static_cast<unsigned long long>(status->commit_seq),
              scheduler::redis_socket(cluster->directory()).c_str(), cluster->folder.c_str());
  Table table = node_table();
  for (const auto& node : status->nodes) add_node(table, node);
  table.print();
  if (status->queue.empty()) return exit_done;
  std::printf("\n");
  queue_table(*status).print();
  return exit_done;
}

}  // namespace troupe::cli
