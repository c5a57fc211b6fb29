#include <cstdio>
#include <stdexcept>

#include "scheduler/local/cluster.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/rates.h"

namespace troupe::cli {
namespace {

inline constexpr Task<std::string()> answer_ok{"bench.ok"};
constexpr int batch = 1000;

void expect_ok(const std::string& answer) {
  if (answer != "ok") throw std::runtime_error("a task gave another answer");
}

std::vector<Ref<std::string>> submit_batch(Session& session) {
  std::vector<Ref<std::string>> answers;
  for (int i = 0; i < batch; ++i) answers.push_back(session.submit(answer_ok));
  return answers;
}

/// Waits for any one of those that are left, until none is.
void wait_one_by_one(Session& session) {
  std::vector<Ref<std::string>> left = submit_batch(session);
  while (!left.empty()) {
    session.wait(left, 1);
    std::size_t ready = 0;
    while (!session.try_get(left[ready], Session::Duration(0))) ++ready;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(ready));
  }
}

}  // namespace

void enroll_tasks_bench(Catalog& catalog) {
  catalog.add(answer_ok, [] { return std::string("ok"); });
}

void bench_tasks(Bench& bench) {
  std::fprintf(stderr,
               "tasks: one driver, supervisor, redis-server, scheduler, agent, a worker for each cpu, each a process; "
               "driver-owned; every task needs a cpu and returns the 2 bytes \"ok\"\n");
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  expect_ok(session.get(session.submit(answer_ok)));
  const auto one = [&] { expect_ok(session.get(session.submit(answer_ok))); };
  const auto many = [&] {
    for (const auto& answer : session.get_all(submit_batch(session))) expect_ok(answer);
  };
  measure_rate(bench, {"tasks", "single_client_tasks_sync", 1}, one);
  measure_latency(bench, "tasks", "single_client_tasks_sync_latency", one);
  measure_rate(bench, {"tasks", "single_client_tasks_async", batch}, many);
  measure_rate(bench, {"tasks", "single_client_tasks_and_get_batch", 1}, many);
  measure_rate(bench, {"tasks", "single_client_wait_1k_refs", 1}, [&] { wait_one_by_one(session); });
}

}  // namespace troupe::cli
