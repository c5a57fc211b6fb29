// How a model is trained: plain data, read from and printed as the words of the command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/base/result.h"

namespace troupe::nn {

/// Replicas of the model, each cut into stages; every replica computes its own slots of each global batch. One replica
/// of one stage is plain training; the parameters come out with the same bits for every mesh.
struct MeshStrategy {
  std::uint32_t replicas = 1;
  std::uint32_t stages = 1;
  friend bool operator==(const MeshStrategy&, const MeshStrategy&) = default;
};

/// The training set is cut into shards, a model is trained on each on its own, and the models are joined by their mean,
/// weighted by samples, from time to time (local SGD). The number of shards belongs to the algorithm: it does not
/// depend on the number of workers, and another number gives other parameters.
struct TaskStrategy {
  std::uint32_t shards = 2;
  friend bool operator==(const TaskStrategy&, const TaskStrategy&) = default;
};

using Strategy = std::variant<MeshStrategy, TaskStrategy>;

/// Reads `single`, `data:W`, `model:P`, `mesh:WxP` or `task:K`.
///
/// Fails with: bad_input, listing them; unsupported for `auto`.
Result<Strategy> parse_strategy(std::string_view text);

std::string describe(const Strategy& strategy);

/// How many workers it keeps busy at once.
std::uint32_t workers_of(const Strategy& strategy);

}  // namespace troupe::nn
