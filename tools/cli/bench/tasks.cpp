#include <cstdio>
#include <stdexcept>

#include "runtime/api/task_graph.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/place.h"
#include "tools/cli/bench/rates.h"

namespace troupe::cli {
namespace {

inline constexpr Task<std::string()> answer_ok{"bench.ok"};
constexpr int batch = 1000;
constexpr std::size_t tasks_of_a_client = 10'000;
constexpr std::uint32_t clients = 4;

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
    const std::size_t ready = session.wait_some(left).front();
    expect_ok(session.get(left[ready]));
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(ready));
  }
}

/// Submits from within an actor.
class Client {
 public:
  explicit Client(Context& context) : session_(context.session()) {}
  void run() {
    std::vector<Ref<std::string>> answers;
    for (std::size_t i = 0; i < tasks_of_a_client; ++i) answers.push_back(session_.submit(answer_ok));
    for (const auto& answer : session_.get_all(answers)) expect_ok(answer);
  }

 private:
  Session& session_;
};
inline constexpr ActorType<Client()> client{"bench.Client"};
inline constexpr Method<&Client::run> client_run{"run"};

void bench_clients(Bench& bench, Session& session) {
  const std::uint32_t callers = bench.callers(clients);
  std::vector<Actor<Client>> all;
  for (std::uint32_t i = 0; i < callers; ++i) all.push_back(session.spawn(client));
  measure_rate(bench, {"tasks", "multi_client_tasks_async", static_cast<double>(callers * tasks_of_a_client)}, [&] {
    std::vector<Ref<void>> ended;
    for (const auto& each : all) ended.push_back(each.call(client_run));
    session.get_all(ended);
  });
}

/// Hands over so many tasks that come after nothing as one graph, and gets their results.
void run_durable(Session& session, int count) {
  TaskGraph graph("bench");
  std::vector<GraphTask<std::string>> tasks;
  for (int i = 0; i < count; ++i) tasks.push_back(graph.add(answer_ok));
  const auto submitted = session.submit(graph);
  std::vector<Ref<std::string>> answers;
  for (const auto& task : tasks) answers.push_back(submitted[task]);
  for (const auto& answer : session.get_all(answers)) expect_ok(answer);
}

/// On a private cluster: it is left with as many ended graphs as there were rounds.
void bench_durable(Bench& bench) {
  std::fprintf(
      stderr,
      "tasks: _durable: accepted when it is on disk (redis-server, appendfsync always), on a private cluster "
      "always; a durable task is a graph of one, %d of them at once are one graph; independent_100k_durable of "
      "graph is the same with more\n",
      batch);
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  run_durable(session, 1);
  measure_rate(bench, {"tasks", "single_client_tasks_sync_durable", 1, true}, [&] { run_durable(session, 1); });
  measure_rate(bench, {"tasks", "single_client_tasks_async_durable", batch}, [&] { run_durable(session, batch); });
}

void bench_driver_owned(Bench& bench) {
  std::fprintf(stderr,
               "tasks: one driver, supervisor, redis-server, scheduler, agent, a worker for each cpu, each a process; "
               "driver-owned: nothing is written to disk; every task needs a cpu and returns the 2 bytes \"ok\"; "
               "multi_client: %u actors submit\n",
               bench.callers(clients));
  BenchPlace place(bench, "tasks");
  Session& session = place.session();
  const auto one = [&] { expect_ok(session.get(session.submit(answer_ok))); };
  const auto many = [&] {
    for (const auto& answer : session.get_all(submit_batch(session))) expect_ok(answer);
  };
  one();
  measure_rate(bench, {"tasks", "single_client_tasks_sync", 1, true}, one);
  measure_rate(bench, {"tasks", "single_client_tasks_async", batch}, many);
  measure_rate(bench, {"tasks", "single_client_tasks_and_get_batch", 1}, many);
  measure_rate(bench, {"tasks", "single_client_wait_1k_refs", 1}, [&] { wait_one_by_one(session); });
  if (bench.wants("multi_client_tasks_async")) bench_clients(bench, session);
}

void bench_tasks(Bench& bench) {
  if (bench.wants_any("single_client_tasks_sync", "single_client_tasks_async", "single_client_tasks_and_get_batch",
                      "single_client_wait_1k_refs", "multi_client_tasks_async"))
    bench_driver_owned(bench);
  if (bench.wants_any("single_client_tasks_sync_durable", "single_client_tasks_async_durable")) bench_durable(bench);
}

}  // namespace

void enroll_tasks_bench(Catalog& catalog) {
  catalog.add(answer_ok, [] { return std::string("ok"); });
  catalog.add(client, client_run);
}

Suite tasks_suite() {
  return {"tasks",
          {"single_client_tasks_sync", "single_client_tasks_async", "single_client_tasks_and_get_batch",
           "single_client_wait_1k_refs", "multi_client_tasks_async"},
          {"single_client_tasks_sync_durable", "single_client_tasks_async_durable"},
          bench_tasks};
}

}  // namespace troupe::cli
