// `troupe run`: carries out a graph file, or one command as a task, on a local cluster, and waits for it.
#pragma once

#include <string>
#include <vector>

namespace troupe::cli {

struct RunCommand {
  std::string graph_file;         ///< Or:
  std::vector<std::string> argv;  ///< What stands behind `--`.
  bool check = false;             ///< Only checks the graph file.
  std::string cpus;               ///< Needs of `argv`, as they were written; empty: 1 cpu, nothing else.
  std::string gpus;
  std::string memory;
  bool json = false;
  bool quiet = false;
  bool verbose = false;  ///< A line for each task that ends.
};

/// The exit code of the process.
int run_command(const RunCommand& command);

}  // namespace troupe::cli
