#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <stdexcept>

#include "scheduler/local/cluster.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/rates.h"

namespace troupe::cli {
namespace {

using Numbers = std::vector<std::int64_t>;
using SharedNumbers = SharedArray<std::int64_t>;

constexpr std::size_t large_bytes = std::size_t{800} << 20;
constexpr std::size_t part_bytes = std::size_t{80} << 20;
constexpr int parts_each = 10;
constexpr int putters = 10;
constexpr int small_puts_each = 100;
constexpr int calls_each = 1000;

inline constexpr Task<int()> put_small{"bench.put_small"};
inline constexpr Task<int()> put_parts{"bench.put_parts"};

class Server {
 public:
  std::string take(int /*value*/) { return "ok"; }
};
inline constexpr ActorType<Server()> server{"bench.ArgumentServer"};
inline constexpr Method<&Server::take> take{"take"};

/// Calls its own server with one ref again and again.
class Client {
 public:
  explicit Client(Context& context) : session_(context.session()), server_(session_.spawn(server)) {}
  int call_with_ref() {
    const auto ref = session_.put(0);
    std::vector<Ref<std::string>> answers;
    for (int i = 0; i < calls_each; ++i) answers.push_back(server_.call(take, ref));
    return static_cast<int>(session_.get_all(answers).size());
  }

 private:
  Session& session_;
  Actor<Server> server_;
};
inline constexpr ActorType<Client()> client{"bench.ArgumentClient"};
inline constexpr Method<&Client::call_with_ref> call_with_ref{"call_with_ref"};

Numbers touched(std::size_t bytes) {
  Numbers numbers(bytes / sizeof(std::int64_t));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

void expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

/// Into shared memory that was written before: what a put cannot beat.
void bench_memcpy(Bench& bench, const Numbers& numbers) {
  const auto unmap = [](void* memory) { ::munmap(memory, large_bytes); };
  const std::unique_ptr<void, decltype(unmap)> target(
      ::mmap(nullptr, large_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), unmap);
  expect(target.get() != MAP_FAILED, "there is no memory to copy into");
  std::memset(target.get(), 1, large_bytes);
  measure_rate(bench, {"objects", "memcpy_gigabytes", large_bytes / 1e9, false, "GB/s"},
               [&] { std::memcpy(target.get(), numbers.data(), large_bytes); });
}

void bench_large(Bench& bench, Session& session) {
  if (!bench.wants("single_client_put_gigabytes") && !bench.wants("memcpy_gigabytes") &&
      !bench.wants("single_client_get_gigabytes"))
    return;
  const Numbers numbers = touched(large_bytes);
  bench_memcpy(bench, numbers);
  Ref<Numbers> ref;
  measure_rate(bench, {"objects", "single_client_put_gigabytes", large_bytes / 1e9, false, "GB/s"},
               [&] { ref = session.put(numbers); });
  if (!ref) ref = session.put(numbers);
  const SharedNumbers first = session.get(Ref<SharedNumbers>(ref));
  measure_rate(bench, {"objects", "single_client_get_gigabytes", large_bytes / 1e9, true, "GB/s"}, [&] {
    const SharedNumbers seen = session.get(Ref<SharedNumbers>(ref));
    expect(seen.data() == first.data() && seen[seen.size() - 1] == numbers.back(),
           "a get copied, or gave something else");
  });
}

}  // namespace

void enroll_objects_bench(Catalog& catalog) {
  catalog.add(put_small, [](Context& context) {
    for (int i = 0; i < small_puts_each; ++i) context.session().put(0);
    return small_puts_each;
  });
  catalog.add(put_parts, [](Context& context) {
    static const Numbers numbers = touched(part_bytes);
    for (int i = 0; i < parts_each; ++i) context.session().put(numbers);
    return parts_each;
  });
  catalog.add(server, take);
  catalog.add(client, call_with_ref);
}

void bench_objects(Bench& bench) {
  std::fprintf(stderr,
               "objects: one driver and its node's store, each a process; small values stay in their process or travel "
               "inside messages; %d tasks put at once; %u actors call %u others with a ref; pages are touched before\n",
               putters, bench.callers(), bench.callers());
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  const auto run_all = [&](const Task<int()>& task, int expected) {
    std::vector<Ref<int>> made;
    for (int i = 0; i < putters; ++i) made.push_back(session.submit({.needs = {.cpus = 0}}, task));
    for (const int puts : session.get_all(made)) expect(puts == expected, "a task did not make all its puts");
  };
  measure_rate(bench, {"objects", "single_client_put_calls", 1}, [&] { session.put(0); });
  const auto stored = session.put(1);
  measure_rate(bench, {"objects", "single_client_get_calls", 1},
               [&] { expect(session.get(stored) == 1, "a get gave something else"); });
  measure_rate(bench, {"objects", "multi_client_put_calls", putters * small_puts_each},
               [&] { run_all(put_small, small_puts_each); });
  if (bench.wants("n_n_actor_calls_with_arg_async")) {
    std::vector<Actor<Client>> clients;
    for (std::uint32_t i = 0; i < bench.callers(); ++i) clients.push_back(session.spawn(client));
    measure_rate(bench, {"objects", "n_n_actor_calls_with_arg_async", 1.0 * calls_each * bench.callers()}, [&] {
      std::vector<Ref<int>> made;
      for (const auto& each : clients) made.push_back(each.call(call_with_ref));
      for (const int calls : session.get_all(made)) expect(calls == calls_each, "a client did not make all its calls");
    });
  }
  bench_large(bench, session);
  measure_rate(bench,
               {"objects", "multi_client_put_gigabytes", putters * parts_each * (part_bytes / 1e9), false, "GB/s"},
               [&] { run_all(put_parts, parts_each); });
}

}  // namespace troupe::cli
