#include "nn/layers/linear.h"

#include <algorithm>

namespace troupe::nn {

template <class Scalar>
void linear_forward(const LinearSizes& s, const Scalar* input, const Scalar* weight, const Scalar* bias,
                    Scalar* output) {
  for (std::int64_t n = 0; n < s.samples; ++n) {
    for (std::int64_t o = 0; o < s.out_features; ++o) {
      Scalar sum = bias[o];
      for (std::int64_t i = 0; i < s.in_features; ++i) {
        sum += weight[o * s.in_features + i] * input[n * s.in_features + i];
      }
      output[n * s.out_features + o] = sum;
    }
  }
}

template <class Scalar>
void linear_backward(const LinearSizes& s, const Scalar* input, const Scalar* weight, const Scalar* output_gradient,
                     Scalar* input_gradient, Scalar* weight_gradient, Scalar* bias_gradient) {
  std::fill_n(weight_gradient, s.out_features * s.in_features, Scalar(0));
  std::fill_n(bias_gradient, s.out_features, Scalar(0));
  if (input_gradient) std::fill_n(input_gradient, s.samples * s.in_features, Scalar(0));

  for (std::int64_t n = 0; n < s.samples; ++n) {
    for (std::int64_t o = 0; o < s.out_features; ++o) {
      const Scalar g = output_gradient[n * s.out_features + o];
      bias_gradient[o] += g;
      for (std::int64_t i = 0; i < s.in_features; ++i) {
        weight_gradient[o * s.in_features + i] += g * input[n * s.in_features + i];
        if (input_gradient) input_gradient[n * s.in_features + i] += g * weight[o * s.in_features + i];
      }
    }
  }
}

template void linear_forward(const LinearSizes&, const float*, const float*, const float*, float*);
template void linear_forward(const LinearSizes&, const double*, const double*, const double*, double*);
template void linear_backward(const LinearSizes&, const float*, const float*, const float*, float*, float*, float*);
template void linear_backward(const LinearSizes&, const double*, const double*, const double*, double*, double*,
                              double*);

}  // namespace troupe::nn
