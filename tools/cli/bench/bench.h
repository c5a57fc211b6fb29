// What a measurement is and how it is printed: the lines of `troupe bench`.
#pragma once

#include <string>
#include <vector>

#include "runtime/api/catalog.h"
#include "tools/cli/commands/bench.h"

namespace troupe::cli {

/// Requires: there are values.
double quantile_of(std::vector<double> values, double quantile);

struct Measured {
  std::string suite;
  std::string name;
  std::string unit;
  std::vector<double> runs;        ///< A value each.
  std::vector<double> latency_us;  ///< Of single rounds, where they are waited for one by one.

  double at(double quantile) const { return quantile_of(runs, quantile); }
};

/// Which measurements are wanted, and those that were made.
class Bench {
 public:
  explicit Bench(const BenchCommand& command) : command_(command) {}

  bool wants_suite(const std::string& suite) const;
  bool wants(const std::string& name) const;
  std::uint32_t callers() const { return command_.callers; }
  std::uint32_t actors() const { return command_.actors; }

  /// Prints the median of the runs.
  void print(const Measured& measured);
  bool has_printed() const { return has_printed_; }

 private:
  const BenchCommand& command_;
  bool has_printed_ = false;
};

/// The functions and actors that the suites run.
void enroll_calls_bench(Catalog& catalog);
void enroll_tasks_bench(Catalog& catalog);
void enroll_graph_bench(Catalog& catalog);
void enroll_objects_bench(Catalog& catalog);

// The suites. Each says on stderr what it runs, on which processes, and whether writes are durable.
void bench_calls(Bench& bench);
void bench_graph(Bench& bench);
void bench_objects(Bench& bench);
void bench_scheduler(Bench& bench);
void bench_start(Bench& bench);
void bench_store(Bench& bench);
void bench_sync(Bench& bench);
void bench_tasks(Bench& bench);
void bench_train(Bench& bench);

}  // namespace troupe::cli
