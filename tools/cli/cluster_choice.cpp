#include "tools/cli/cluster_choice.h"

#include "tools/cli/exit_codes.h"

namespace troupe::cli {

std::string graph_folder(const scheduler::ClusterFile& cluster, JobId graph) {
  return cluster.folder + "/graphs/" + to_text(graph);
}

int exit_code_of(const Error& error) {
  const bool is_input = error.fault == Fault::bad_input || error.fault == Fault::not_found;
  return is_input ? exit_bad_input : exit_no_cluster;
}

}  // namespace troupe::cli
