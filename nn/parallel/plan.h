// Model times strategy: who computes what, worked out before anything starts. A value: it can be printed and sent, and
// two processes that make it from the same options make the same one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/model/model.h"
#include "nn/optim/sgd.h"
#include "nn/parallel/mesh.h"
#include "nn/parallel/schedule.h"
#include "nn/parallel/slots.h"
#include "nn/parallel/strategy.h"

namespace troupe::nn {

/// What is to be trained and how; all of it but the strategy decides the bits of the result.
struct TrainOptions {
  std::string model = "lenet";
  std::string data = "synthetic";
  std::string backend = "cpu";
  Strategy strategy{};
  std::int64_t batch = 100;
  std::int64_t epochs = 10;
  std::int64_t steps = 0;  ///< Not 0: this many, whatever `epochs` says.
  SgdOptions sgd{};
  std::uint64_t seed = 1;
  std::int64_t slots = 0;       ///< 0: by the rule of slots.h.
  std::int64_t join_every = 0;  ///< task: steps between joins; 0: once an epoch.
  friend bool operator==(const TrainOptions&, const TrainOptions&) = default;
};

struct Plan {
  TrainOptions options;
  Model model;
  Mesh mesh;                        ///< task: one replica of one stage, on each shard.
  std::vector<std::size_t> cut;     ///< Stage s is layers [cut[s], cut[s+1]).
  PipelineSchedule schedule;        ///< Over the slots of the largest replica.
  std::vector<std::size_t> offset;  ///< Of each stage's parameters in the model's, and the end.

  Slots slots() const { return Slots(options.batch, mesh.slots); }
  Model stage(std::size_t index) const { return model.piece(cut[index], cut[index + 1]); }

  /// Several lines for people: stages, slots, bytes that cross in a step.
  std::string describe() const;
};

/// Fails with: bad_input: an unknown model or back-end, more workers than slots or layers, a number out of range.
Result<Plan> make_plan(const TrainOptions& options);

}  // namespace troupe::nn
