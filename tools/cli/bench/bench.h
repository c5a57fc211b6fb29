// What a measurement is and how it is printed: the lines of `troupe bench`.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/api/catalog.h"
#include "scheduler/local/cluster_file.h"
#include "tools/cli/commands/bench.h"

namespace troupe::cli {

/// Between two values in proportion. Requires: there are values.
double quantile_of(std::vector<double> values, double quantile);

struct Measured {
  std::string suite;
  std::string name;
  std::string unit;
  std::vector<double> runs;        ///< A value each: of a rate those of its windows.
  std::vector<double> latency_us;  ///< Of single rounds, where they are waited for one by one.

  bool is_rate() const { return unit.ends_with("/s"); }
  /// The mean of a rate, the median of anything else.
  double value() const;
  double mean() const;
  double deviation() const;  ///< Of a sample; 0 where there is one run.
  double at(double quantile) const { return quantile_of(runs, quantile); }
};

/// A measurement cannot be made as it was asked for: one sentence that says what to do.
class BenchRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Bench;

/// Measurements that belong together, by name.
struct Suite {
  std::string name;
  std::vector<std::string> on_cluster;  ///< On whichever cluster is chosen.
  std::vector<std::string> apart;       ///< Of what they start by themselves.
  void (*run)(Bench&) = nullptr;
};

/// What was asked for, and the way to print it.
class Bench {
 public:
  /// `cluster`: to measure on; none: each suite starts a private one.
  Bench(const BenchCommand& command, std::optional<scheduler::ClusterFile> cluster, std::set<std::string> wanted)
      : command_(command), cluster_(std::move(cluster)), wanted_(std::move(wanted)) {}

  bool wants(const std::string& name) const { return wanted_.contains(name); }
  template <class... Names>
  bool wants_any(const Names&... names) const {
    return (wants(names) || ...);
  }
  const std::optional<scheduler::ClusterFile>& cluster() const { return cluster_; }
  std::uint32_t callers(std::uint32_t usual = 2) const { return command_.callers.value_or(usual); }
  std::uint32_t actors() const { return command_.actors.value_or(2); }
  /// Of a rate.
  std::chrono::milliseconds window(std::chrono::milliseconds usual) const {
    return command_.window_ms ? std::chrono::milliseconds(*command_.window_ms) : usual;
  }
  /// Of what is measured as a whole.
  int runs(int usual) const { return command_.runs ? static_cast<int>(*command_.runs) : usual; }

  void print(const Measured& measured) const;

 private:
  const BenchCommand& command_;
  std::optional<scheduler::ClusterFile> cluster_;
  std::set<std::string> wanted_;
};

/// The functions and actors that the suites run.
void enroll_calls_bench(Catalog& catalog);
void enroll_tasks_bench(Catalog& catalog);
void enroll_graph_bench(Catalog& catalog);
void enroll_objects_bench(Catalog& catalog);
void enroll_gangs_bench(Catalog& catalog);
void enroll_start_bench(Catalog& catalog);

// The suites. Each says on stderr what it runs, on which processes, and whether writes are durable.
Suite calls_suite();
Suite graph_suite();
Suite objects_suite();
Suite scheduler_suite();
Suite start_suite();
Suite store_suite();
Suite sync_suite();
Suite tasks_suite();
Suite train_suite();

}  // namespace troupe::cli
