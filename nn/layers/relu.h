// The rectifier in plain loops: what is positive passes, the rest becomes 0. A NaN passes: it must be seen.
//
// Shapes: all [count].
#pragma once

#include <cstdint>

namespace troupe::nn {

template <class Scalar>
void relu_forward(std::int64_t count, const Scalar* input, Scalar* output);

/// The gradient passes where the output is positive; at the kink, where input and output are 0, it does not.
template <class Scalar>
void relu_backward(std::int64_t count, const Scalar* output, const Scalar* output_gradient, Scalar* input_gradient);

}  // namespace troupe::nn
