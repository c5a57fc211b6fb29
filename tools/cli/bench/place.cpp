#include "tools/cli/bench/place.h"

#include <algorithm>
#include <cstdio>

#include "scheduler/local/standing.h"

namespace troupe::cli {
namespace {

constexpr std::chrono::milliseconds answer_limit{10'000};

template <class T>
T required(Result<T> result) {
  if (!result) throw ClusterError(result.error());
  return std::move(result).value();
}

}  // namespace

BenchCluster::BenchCluster(const Bench& bench, const LocalOptions& local) {
  if (bench.cluster()) {
    file_ = *bench.cluster();
    return;
  }
  own_ = Cluster::local(local);
  file_ = required(scheduler::read_cluster_file(scheduler::cluster_file_in(own_->directory())));
}

Session BenchCluster::connect() { return own_ ? own_->connect() : required(scheduler::connect(file_)); }

BenchPlace::BenchPlace(const Bench& bench, const char* suite, const LocalOptions& local)
    : cluster_(bench, local), session_(cluster_.connect()) {
  for (auto& node : required(session_.core().ask_status(answer_limit)).nodes)
    if (node.alive) nodes_.push_back(std::move(node.capacity));
  std::fprintf(stderr, "%s: on %s: nodes %zu, cpus %g\n", suite, cluster_.describe().c_str(), nodes(), cpus());
}

double BenchPlace::cpus() const {
  Milli all = 0;
  for (const auto& node : nodes_) all += node.cpus;
  return static_cast<double>(all) / 1000;
}

bool BenchPlace::has_resource(const std::string& name) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const NodeCapacity& node) {
    return std::any_of(node.named.begin(), node.named.end(), [&](const auto& each) { return each.first == name; });
  });
}

}  // namespace troupe::cli
