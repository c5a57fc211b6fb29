#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <stdexcept>

#include "runtime/api/carried.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/place.h"
#include "tools/cli/bench/rates.h"

namespace troupe::cli {
namespace {

using Numbers = std::vector<std::int64_t>;
using SharedNumbers = SharedArray<std::int64_t>;
using SmallRefs = std::vector<Ref<int>>;

constexpr std::size_t large_bytes = std::size_t{800} << 20;
constexpr std::size_t part_bytes = std::size_t{80} << 20;
// As the definitions count them: 800 MiB are 0.839 GB.
constexpr double large_gigabytes = 0.8;
constexpr double part_gigabytes = 0.08;
constexpr int parts_each = 10;
constexpr int putters = 10;
constexpr int small_puts_each = 100;
constexpr int batch = 1000;
constexpr std::size_t many_refs = 10'000;

inline constexpr Task<int()> put_small{"bench.put_small"};
inline constexpr Task<int(bool)> put_parts{"bench.put_parts"};
inline constexpr Task<SmallRefs()> put_many{"bench.put_many"};
inline constexpr Task<int(Ref<int>)> get_inside{"bench.get_inside"};

/// Gets what it is handed a Ref to.
class Reader {
 public:
  explicit Reader(Context& context) : session_(context.session()) {}
  int read(const Ref<int>& ref) { return session_.get(ref); }

 private:
  Session& session_;
};
inline constexpr ActorType<Reader()> reader{"bench.Reader"};
inline constexpr Method<&Reader::read> read{"read"};

void expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

/// Each page is memory of its own.
Numbers touched(std::size_t bytes) {
  Numbers numbers(bytes / sizeof(std::int64_t));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// Zeros that nobody wrote: all pages are the one page of zeros that the kernel has.
SharedNumbers untouched(std::size_t bytes) {
  const auto unmap = [bytes](void* memory) { ::munmap(memory, bytes); };
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(memory != MAP_FAILED, "there is no memory for zeros");
  return {std::span(static_cast<const std::int64_t*>(memory), bytes / sizeof(std::int64_t)),
          std::shared_ptr<const void>(std::shared_ptr<void>(memory, unmap))};
}

Rate gigabytes(const char* name, double per_round) { return {"objects", name, per_round, false, "GB/s"}; }

/// Into shared memory that was written before: what a put cannot beat.
void bench_memcpy(Bench& bench, const char* name, const SharedNumbers& numbers) {
  if (!bench.wants(name)) return;
  const auto unmap = [](void* memory) { ::munmap(memory, large_bytes); };
  const std::unique_ptr<void, decltype(unmap)> target(
      ::mmap(nullptr, large_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), unmap);
  expect(target.get() != MAP_FAILED, "there is no memory to copy into");
  std::memset(target.get(), 1, large_bytes);
  measure_rate(bench, gigabytes(name, large_gigabytes),
               [&] { std::memcpy(target.get(), numbers.data(), large_bytes); });
}

void bench_zeros(Bench& bench, Session& session) {
  const SharedNumbers zeros = untouched(large_bytes);
  bench_memcpy(bench, "memcpy_gigabytes_zeros", zeros);
  Ref<SharedNumbers> ref;
  measure_rate(bench, gigabytes("single_client_put_gigabytes", large_gigabytes), [&] { ref = session.put(zeros); });
}

void bench_real_pages(Bench& bench, Session& session) {
  const SharedNumbers numbers = touched(large_bytes);
  bench_memcpy(bench, "memcpy_gigabytes", numbers);
  Ref<SharedNumbers> ref;
  measure_rate(bench, gigabytes("single_client_put_gigabytes_real_pages", large_gigabytes),
               [&] { ref = session.put(numbers); });
  if (!bench.wants("single_client_get_gigabytes")) return;
  if (!ref) ref = session.put(numbers);
  const SharedNumbers first = session.get(ref);
  measure_rate(bench, gigabytes("single_client_get_gigabytes", large_gigabytes), [&] {
    const SharedNumbers seen = session.get(ref);
    expect(seen.data() == first.data() && seen[seen.size() - 1] == numbers[numbers.size() - 1],
           "a get copied, or gave something else");
  });
}

void bench_large(Bench& bench, Session& session) {
  if (bench.wants_any("memcpy_gigabytes_zeros", "single_client_put_gigabytes")) bench_zeros(bench, session);
  if (bench.wants_any("memcpy_gigabytes", "single_client_put_gigabytes_real_pages", "single_client_get_gigabytes"))
    bench_real_pages(bench, session);
}

/// Of values so small that they travel inside messages: what a user's put(0) costs, and what it costs with the way that
/// it then goes.
void bench_small(Bench& bench, Session& session) {
  measure_rate(bench, {"objects", "single_client_put_calls", 1}, [&] { session.put(0); });
  const auto stored = session.put(1);
  measure_rate(bench, {"objects", "single_client_get_calls", 1},
               [&] { expect(session.get(stored) == 1, "a get gave something else"); });
  measure_rate(bench, {"objects", "single_client_put_get_in_task", 1, true}, [&] {
    expect(session.get(session.submit(get_inside, session.put(1))) == 1, "a task got something else");
  });
  if (!bench.wants("single_client_put_get_in_actor_async")) return;
  const auto actor = session.spawn(reader);
  measure_rate(bench, {"objects", "single_client_put_get_in_actor_async", batch}, [&] {
    SmallRefs answers;
    for (int i = 0; i < batch; ++i) answers.push_back(actor.call(read, session.put(1)));
    for (const int answer : session.get_all(answers)) expect(answer == 1, "an actor got something else");
  });
}

/// Of the smallest values that lie in the node's store.
void bench_stored(Bench& bench, Session& session) {
  const Numbers numbers(small_value_bytes / sizeof(std::int64_t), 1);
  measure_rate(bench, {"objects", "single_client_put_calls_in_store", 1, true}, [&] { session.put(numbers); });
  const Ref<SharedNumbers> stored = session.put(numbers);
  measure_rate(bench, {"objects", "single_client_get_calls_in_store", 1},
               [&] { expect(session.get(stored)[0] == 1, "a get gave something else"); });
}

void bench_refs(Bench& bench, Session& session) {
  if (!bench.wants("single_client_get_object_containing_10k_refs")) return;
  const auto made = session.submit(put_many);
  session.wait(std::vector{made}, 1);
  measure_rate(bench, {"objects", "single_client_get_object_containing_10k_refs", 1},
               [&] { expect(session.get(made).size() == many_refs, "an object contained another number of refs"); });
}

void bench_many_clients(Bench& bench, Session& session) {
  const auto run_all = [&](const auto& task, int expected, auto... arguments) {
    std::vector<Ref<int>> made;
    for (int i = 0; i < putters; ++i) made.push_back(session.submit(task, arguments...));
    for (const int puts : session.get_all(made)) expect(puts == expected, "a task did not make all its puts");
  };
  constexpr double all_gigabytes = putters * parts_each * part_gigabytes;
  measure_rate(bench, {"objects", "multi_client_put_calls", putters * small_puts_each},
               [&] { run_all(put_small, small_puts_each); });
  measure_rate(bench, gigabytes("multi_client_put_gigabytes", all_gigabytes),
               [&] { run_all(put_parts, parts_each, false); });
  measure_rate(bench, gigabytes("multi_client_put_gigabytes_real_pages", all_gigabytes),
               [&] { run_all(put_parts, parts_each, true); });
}

void bench_objects(Bench& bench) {
  std::fprintf(
      stderr,
      "objects: one driver and its node's store, each a process; nothing durable\n"
      "objects: in-process shortcuts: a value of up to 64 KiB stays in the process that puts it until another needs "
      "it, "
      "so single_client_put_calls, single_client_get_calls and multi_client_put_calls cross no border; put_get_in_task "
      "and put_get_in_actor put such a value and get it in another process (a task connects for that); _in_store: 64 "
      "KiB and their head, in shared memory\n"
      "objects: gigabytes are counted as the definition counts, 800 MiB (0.839 GB) as 0.8; put_gigabytes: zeros that "
      "were never written, which are one page of the kernel's; _real_pages: pages of their own; memcpy_gigabytes: of "
      "these into shared memory that was written before; multi_client: %d tasks, which need a cpu each, and map zeros "
      "anew for each put; get_gigabytes copies nothing\n",
      putters);
  BenchPlace place(bench, "objects");
  Session& session = place.session();
  bench_small(bench, session);
  bench_stored(bench, session);
  bench_refs(bench, session);
  bench_large(bench, session);
  bench_many_clients(bench, session);
}

}  // namespace

void enroll_objects_bench(Catalog& catalog) {
  catalog.add(put_small, [](Context& context) {
    for (int i = 0; i < small_puts_each; ++i) context.session().put(0);
    return small_puts_each;
  });
  catalog.add(put_parts, [](Context& context, bool has_real_pages) {
    if (has_real_pages) {
      static const Numbers numbers = touched(part_bytes);
      for (int i = 0; i < parts_each; ++i) context.session().put(numbers);
    } else {
      for (int i = 0; i < parts_each; ++i) context.session().put(untouched(part_bytes));
    }
    return parts_each;
  });
  catalog.add(put_many, [](Context& context) {
    SmallRefs refs;
    for (std::size_t i = 0; i < many_refs; ++i) refs.push_back(context.session().put(1));
    return refs;
  });
  catalog.add(get_inside, [](Context& context, const Ref<int>& ref) { return context.session().get(ref); });
  catalog.add(reader, read);
}

Suite objects_suite() {
  return {
      "objects",
      {"single_client_put_calls", "single_client_get_calls", "single_client_put_get_in_task",
       "single_client_put_get_in_actor_async", "single_client_put_calls_in_store", "single_client_get_calls_in_store",
       "single_client_get_object_containing_10k_refs", "memcpy_gigabytes", "memcpy_gigabytes_zeros",
       "single_client_put_gigabytes", "single_client_put_gigabytes_real_pages", "single_client_get_gigabytes",
       "multi_client_put_calls", "multi_client_put_gigabytes", "multi_client_put_gigabytes_real_pages"},
      {},
      bench_objects};
}

}  // namespace troupe::cli
