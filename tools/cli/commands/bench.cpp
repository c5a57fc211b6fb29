#include "tools/cli/commands/bench.h"

#include <cstdio>
#include <exception>

#include "scheduler/local/cluster.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/exit_codes.h"

namespace troupe::cli {

int bench_command(const BenchCommand& command) {
  Bench bench(command);
  try {
    // First: it forks, which no process may that has a ZeroMQ context.
    if (bench.wants_suite("sync")) bench_sync(bench);
    if (bench.wants_suite("graph")) bench_graph(bench);
    if (bench.wants_suite("calls")) bench_calls(bench);
    if (bench.wants_suite("objects")) bench_objects(bench);
    if (bench.wants_suite("scheduler")) bench_scheduler(bench);
    if (bench.wants_suite("start")) bench_start(bench);
    if (bench.wants_suite("store")) bench_store(bench);
    if (bench.wants_suite("tasks")) bench_tasks(bench);
    if (bench.wants_suite("train")) bench_train(bench);
    if (!bench.has_printed()) {
      std::fprintf(stderr, "troupe bench: no measurement of these suites is called '%s'\n",
                   command.only.front().c_str());
      return exit_bad_input;
    }
  } catch (const ClusterError& error) {
    std::fprintf(stderr, "troupe bench: %s\n", error.what());
    return exit_no_cluster;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "troupe bench: %s\n", error.what());
    return exit_work_failed;
  }
  return exit_done;
}

}  // namespace troupe::cli
