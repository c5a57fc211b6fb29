// The steps of a network on the lane kernels: a layer, or a few that are computed in one go.
//
// A shape [features] lies as rows, one a sample, padded to `row_multiple`; any other shape lies in lanes, one group of
// samples behind the other. Fused layers give the same bits as separate ones: rectifiers and pools round nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nn/backend/lane_kernels.h"
#include "nn/model/model.h"
#include "nn/tensor/buffer.h"

namespace troupe::nn {

inline bool lies_in_rows(const Shape& shape) { return shape.size() == 1; }

inline std::int64_t padded(std::int64_t count, std::int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

/// Floats of an array of up to `samples` samples.
std::size_t lane_storage(const Shape& shape, std::int64_t samples);

/// Some of a slot's samples, one in each lane. Its arrays of n numbers a sample begin at first_sample * n.
struct Group {
  const LaneKernels& kernels;
  std::int64_t first_sample;
  std::int64_t samples;
};

/// Calls `run(Group)` for the groups of a slot, in order: each as large as may be while more than 3/4 of its lanes are
/// filled.
template <class Run>
void for_each_group(const LaneKernelSet& set, std::int64_t samples, Run run) {
  std::int64_t kind = 0;
  for (std::int64_t first = 0; first < samples;) {
    const std::int64_t left = samples - first;
    while (4 * left <= 3 * set.groups[kind].lanes) ++kind;
    const LaneKernels& kernels = set.groups[kind];
    const std::int64_t here = left < kernels.lanes ? left : kernels.lanes;
    run(Group{kernels, first, here});
    first += here;
  }
}

/// Between the plain arrays of the network's borders and its own.
void from_plain(const LaneKernelSet& set, const Shape& shape, std::int64_t samples, const float* plain, float* own);
void to_plain(const LaneKernelSet& set, const Shape& shape, std::int64_t samples, const float* own, float* plain);

class LaneStep {
 public:
  struct Forward {
    std::size_t slot;
    std::int64_t samples;
    const float* input;
    float* output;
  };
  struct Backward {
    std::size_t slot;
    std::int64_t samples;
    const float* input;  // those of the forward pass
    const float* output;
    const float* output_gradient;
    float* input_gradient;  // null if nobody needs it
    float* gradient;        // of the step's parameters
  };

  virtual ~LaneStep() = default;
  virtual void set_parameters(const float* parameters) = 0;
  virtual void forward(const Forward& pass) = 0;
  virtual void backward(const Backward& pass) = 0;
};

/// What all steps are built for.
struct LaneOptions {
  const LaneKernelSet& set;
  std::size_t slots;
  std::int64_t most_samples;
};

/// A convolution, and behind it maybe a rectifier, maybe a pool (`pool` > 0).
std::unique_ptr<LaneStep> convolution_step(const LaneOptions& options, const Conv2d& conv, const Shape& input,
                                           bool relu, std::int64_t pool);
/// A linear layer, and behind it maybe a rectifier.
std::unique_ptr<LaneStep> linear_step(const LaneOptions& options, const Linear& linear, bool relu);
std::unique_ptr<LaneStep> pool_step(const LaneOptions& options, const MaxPool2d& pool, const Shape& input);
std::unique_ptr<LaneStep> relu_step(const LaneOptions& options, const Shape& input);
std::unique_ptr<LaneStep> flatten_step(const LaneOptions& options, const Shape& input);

}  // namespace troupe::nn
