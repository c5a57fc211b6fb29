#include <cstdio>
#include <stdexcept>

#include "scheduler/local/cluster.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/rates.h"

namespace troupe::cli {
namespace {

inline constexpr Task<std::string()> answer_ok{"bench.ok"};
constexpr int batch = 1000;
constexpr std::size_t tasks_of_a_client = 10'000;

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
  std::vector<Actor<Client>> all;
  for (std::uint32_t i = 0; i < bench.callers(); ++i) all.push_back(session.spawn(client));
  measure_rate(bench, {"tasks", "multi_client_tasks_async", static_cast<double>(bench.callers() * tasks_of_a_client)},
               [&] {
                 std::vector<Ref<void>> ended;
                 for (const auto& each : all) ended.push_back(each.call(client_run));
                 session.get_all(ended);
               });
}

}  // namespace

void enroll_tasks_bench(Catalog& catalog) {
  catalog.add(answer_ok, [] { return std::string("ok"); });
  catalog.add(client, client_run);
}

void bench_tasks(Bench& bench) {
  std::fprintf(stderr,
               "tasks: one driver, supervisor, redis-server, scheduler, agent, a worker for each cpu, each a process; "
               "driver-owned; every task needs a cpu and returns the 2 bytes \"ok\"; multi_client: %u actors submit\n",
               bench.callers());
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  expect_ok(session.get(session.submit(answer_ok)));
  const auto one = [&] { expect_ok(session.get(session.submit(answer_ok))); };
  const auto many = [&] {
    for (const auto& answer : session.get_all(submit_batch(session))) expect_ok(answer);
  };
  measure_rate(bench, {"tasks", "single_client_tasks_sync", 1, true}, one);
  measure_rate(bench, {"tasks", "single_client_tasks_async", batch}, many);
  measure_rate(bench, {"tasks", "single_client_tasks_and_get_batch", 1}, many);
  measure_rate(bench, {"tasks", "single_client_wait_1k_refs", 1}, [&] { wait_one_by_one(session); });
  bench_clients(bench, session);
}

}  // namespace troupe::cli
