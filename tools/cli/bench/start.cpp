#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "scheduler/local/cluster.h"
#include "tools/cli/bench/bench.h"

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;

inline constexpr Task<std::string()> answer_ok{"bench.ok"};

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

}  // namespace

void enroll_bench(Catalog& catalog) {
  enroll_tasks_bench(catalog);
  enroll_calls_bench(catalog);
  enroll_graph_bench(catalog);
}

/// A whole local cluster, from nothing to nothing: redis-server, scheduler, agent, one worker, one task.
void bench_start(Bench& bench) {
  if (!bench.wants("local_cluster_first_answer") && !bench.wants("local_cluster_whole")) return;
  std::fprintf(stderr,
               "start: supervisor, redis-server (appendfsync always), scheduler, agent and one worker, each a process; "
               "one driver-owned task; 20 runs after 2 to warm up\n");
  Measured first{"start", "local_cluster_first_answer", "ms", {}};
  Measured whole{"start", "local_cluster_whole", "ms", {}};
  for (int run = -2; run < 20; ++run) {
    const auto begin = Clock::now();
    double answered = 0;
    {
      auto cluster = Cluster::local();
      auto session = cluster.connect();
      if (session.get(session.submit(answer_ok)) != "ok") throw std::runtime_error("the task gave another answer");
      answered = ms_since(begin);
    }
    if (run < 0) continue;
    first.runs.push_back(answered);
    whole.runs.push_back(ms_since(begin));
  }
  bench.print(first);
  bench.print(whole);
}

}  // namespace troupe::cli
