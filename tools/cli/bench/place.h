// Where a suite measures: a private cluster that ends with it, or the one that --cluster leads to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/api/session.h"
#include "scheduler/local/cluster.h"
#include "scheduler/local/cluster_file.h"
#include "tools/cli/bench/bench.h"

namespace troupe::cli {

/// Throws: ClusterError.
class BenchCluster {
 public:
  /// `local`: of a private one.
  explicit BenchCluster(const Bench& bench, const LocalOptions& local = {});
  const scheduler::ClusterFile& file() const { return file_; }
  std::string describe() const { return own_ ? "a private cluster" : "the cluster of " + file_.folder; }
  Session connect();

 private:
  std::optional<Cluster> own_;
  scheduler::ClusterFile file_;
};

/// One that was connected to; says on stderr where a suite measures, and on how many nodes.
///
/// Throws: ClusterError.
class BenchPlace {
 public:
  BenchPlace(const Bench& bench, const char* suite, const LocalOptions& local = {});
  Session& session() { return session_; }
  /// Of the nodes that are up.
  double cpus() const;
  std::size_t nodes() const { return nodes_.size(); }
  bool has_resource(const std::string& name) const;

 private:
  BenchCluster cluster_;
  Session session_;
  std::vector<NodeCapacity> nodes_;
};

}  // namespace troupe::cli
