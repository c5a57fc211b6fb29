#include <cstdio>
#include <stdexcept>

#include "scheduler/local/cluster.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/rates.h"

namespace troupe::cli {
namespace {

class Answerer {
 public:
  std::string ok() { return "ok"; }
};

inline constexpr ActorType<Answerer()> answerer{"bench.Answerer"};
inline constexpr Method<&Answerer::ok> ok{"ok"};

void expect_ok(const std::string& answer) {
  if (answer != "ok") throw std::runtime_error("a call gave another answer");
}

}  // namespace

void enroll_calls_bench(Catalog& catalog) { catalog.add(answerer, ok); }

void bench_calls(Bench& bench) {
  std::fprintf(stderr,
               "calls: one driver and one actor, which needs 0 cpus, each a process; rings in shared memory; "
               "every call returns the 2 bytes \"ok\"\n");
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  const auto actor = session.spawn(answerer);
  expect_ok(session.get(actor.call(ok)));
  measure_rate(bench, {"calls", "1_1_actor_calls_sync", 1}, [&] { expect_ok(session.get(actor.call(ok))); });
  measure_latency(bench, "calls", "1_1_actor_calls_sync_latency", [&] { expect_ok(session.get(actor.call(ok))); });
  measure_rate(bench, {"calls", "1_1_actor_calls_async", 1000}, [&] {
    std::vector<Ref<std::string>> answers;
    for (int i = 0; i < 1000; ++i) answers.push_back(actor.call(ok));
    for (const auto& answer : session.get_all(answers)) expect_ok(answer);
  });
}

}  // namespace troupe::cli
