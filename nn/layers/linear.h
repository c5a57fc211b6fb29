// A linear layer in plain loops: y = W x + b.
//
// Shapes: input [samples, in], weight [out, in], bias [out], output [samples, out].
#pragma once

#include <cstdint>

namespace troupe::nn {

struct LinearSizes {
  std::int64_t samples = 0;
  std::int64_t in_features = 0;
  std::int64_t out_features = 0;
};

template <class Scalar>
void linear_forward(const LinearSizes& sizes, const Scalar* input, const Scalar* weight, const Scalar* bias,
                    Scalar* output);

/// Overwrites the three gradients; `input_gradient` may be null if nobody needs it.
template <class Scalar>
void linear_backward(const LinearSizes& sizes, const Scalar* input, const Scalar* weight, const Scalar* output_gradient,
                     Scalar* input_gradient, Scalar* weight_gradient, Scalar* bias_gradient);

}  // namespace troupe::nn
