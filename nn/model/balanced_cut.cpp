#include <algorithm>
#include <limits>
#include <utility>

#include "nn/model/model.h"

namespace troupe::nn {

namespace {

/// A layer with parameters and those without behind it; `cost` is the training cost of one sample.
struct Group {
  std::size_t begin = 0;
  double cost = 0;
};

/// Layers in front of the first one with parameters belong to its group.
std::vector<Group> groups_of(const Model& model) {
  std::vector<Group> groups;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (has_parameters(model.layers[i])) groups.push_back({.begin = groups.empty() ? 0 : i});
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::size_t end = i + 1 < groups.size() ? groups[i + 1].begin : model.layers.size();
    groups[i].cost = training_cost(model.piece(groups[i].begin, end), i > 0);
  }
  return groups;
}

/// The best way to make `pieces` pieces of all groups, where `join(best of the pieces in front, cost of one more
/// piece)` says how good pieces are together; less is better. Returns the value and each piece's first group.
template <class Join>
std::pair<double, std::vector<std::size_t>> best_cut(const std::vector<Group>& groups, std::size_t pieces, Join join) {
  // best[p][g]: groups [0, g) as p pieces, the last of which begins with group from[p][g].
  constexpr double unreachable = std::numeric_limits<double>::infinity();
  std::vector best(pieces + 1, std::vector<double>(groups.size() + 1, unreachable));
  std::vector from(pieces + 1, std::vector<std::size_t>(groups.size() + 1, 0));
  best[0][0] = 0;
  for (std::size_t p = 1; p <= pieces; ++p) {
    for (std::size_t end = p; end <= groups.size(); ++end) {
      double cost = 0;
      for (std::size_t begin = end; begin-- > p - 1;) {
        cost += groups[begin].cost;
        const double candidate = join(best[p - 1][begin], cost);
        if (candidate < best[p][end]) {
          best[p][end] = candidate;
          from[p][end] = begin;
        }
      }
    }
  }
  std::vector<std::size_t> first(pieces);
  std::size_t end = groups.size();
  for (std::size_t p = pieces; p > 0; --p) first[p - 1] = end = from[p][end];
  return {best[pieces][groups.size()], first};
}

}  // namespace

// Measured with the lane kernels: lenet's convolutions and linear layers run at 82 to 115 GFLOP/s in every direction,
// so flops are a fair measure of them; a pool, a rectifier and a change of layout take about as long as 16 flops for
// every number that they read, forward and backward together.
double training_cost(const Model& model, bool needs_input_gradient) {
  constexpr double flops_per_number = 16;
  const std::vector<Shape> shapes = borders(model);
  double cost = static_cast<double>(flops_of(model, needs_input_gradient).training);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (!has_parameters(model.layers[i])) cost += flops_per_number * static_cast<double>(elements_of(shapes[i]));
  }
  return cost;
}

Result<std::vector<std::size_t>> balanced_cut(const Model& model, std::size_t pieces) {
  const std::vector<Group> groups = groups_of(model);
  if (pieces == 0 || pieces > std::max<std::size_t>(groups.size(), 1)) {
    return bad_input("model '" + model.name + "' cannot be cut into " + std::to_string(pieces) +
                     " pieces: each needs a layer with parameters, and it has " + std::to_string(groups.size()));
  }
  if (pieces == 1) return std::vector<std::size_t>{0, model.layers.size()};

  // Among the cuts whose largest piece is the least possible, the most even one.
  const double largest =
      best_cut(groups, pieces, [](double before, double cost) { return std::max(before, cost); }).first;
  const auto evenness = [largest](double before, double cost) {
    return cost > largest ? std::numeric_limits<double>::infinity() : before + cost * cost;
  };
  std::vector<std::size_t> cut;
  for (const std::size_t group : best_cut(groups, pieces, evenness).second) cut.push_back(groups[group].begin);
  cut.push_back(model.layers.size());
  return cut;
}

}  // namespace troupe::nn
