#include "nn/layers/relu.h"

namespace troupe::nn {

template <class Scalar>
void relu_forward(std::int64_t count, const Scalar* input, Scalar* output) {
  for (std::int64_t i = 0; i < count; ++i) output[i] = input[i] <= 0 ? 0 : input[i];
}

template <class Scalar>
void relu_backward(std::int64_t count, const Scalar* output, const Scalar* output_gradient, Scalar* input_gradient) {
  for (std::int64_t i = 0; i < count; ++i) input_gradient[i] = output[i] <= 0 ? 0 : output_gradient[i];
}

template void relu_forward(std::int64_t, const float*, float*);
template void relu_forward(std::int64_t, const double*, double*);
template void relu_backward(std::int64_t, const float*, const float*, float*);
template void relu_backward(std::int64_t, const double*, const double*, double*);

}  // namespace troupe::nn
