// `troupe run`: carries out a graph file, or one command as a task, and waits for it. `troupe submit` hands it over to
// a cluster that stands, and goes.
#pragma once

#include <string>
#include <vector>

namespace troupe::cli {

struct RunCommand {
  enum class Way { run, submit, submit_and_wait } way = Way::run;
  std::string cluster;
  std::string graph_file;         ///< Or:
  std::vector<std::string> argv;  ///< What stands behind `--`.
  std::string record;             ///< A file for the event log of a private cluster's scheduler.
  bool into_graph = false;        ///< Its tasks are added to the graph whose task submits them.
  bool check = false;             ///< Only checks the graph file.
  std::string cpus;               ///< Needs of `argv`, as they were written; empty: 1 cpu, nothing else.
  std::string gpus;
  std::string memory;
  bool json = false;
  bool quiet = false;
  bool verbose = false;  ///< A line for each task that ends.
  bool folds = true;     ///< What is printed again and again is shown once, with how often.
};

/// The exit code of the process.
int run_command(const RunCommand& command);

}  // namespace troupe::cli
