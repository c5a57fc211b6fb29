#include "nn/layers/conv2d.h"

#include <algorithm>

#include "nn/tensor/index.h"

namespace troupe::nn {

template <class Scalar>
void conv2d_forward(const Conv2dSizes& s, const Scalar* input, const Scalar* weight, const Scalar* bias,
                    Scalar* output) {
  const Index4 in{s.in_channels, s.height, s.width};
  const Index4 out{s.out_channels, s.out_height(), s.out_width()};
  const Index4 w{s.in_channels, s.kernel, s.kernel};
  for (std::int64_t n = 0; n < s.samples; ++n) {
    for (std::int64_t o = 0; o < s.out_channels; ++o) {
      for (std::int64_t y = 0; y < s.out_height(); ++y) {
        for (std::int64_t x = 0; x < s.out_width(); ++x) {
          Scalar sum = bias[o];
          for (std::int64_t c = 0; c < s.in_channels; ++c) {
            for (std::int64_t i = 0; i < s.kernel; ++i) {
              for (std::int64_t j = 0; j < s.kernel; ++j) {
                sum += weight[w(o, c, i, j)] * input[in(n, c, y + i, x + j)];
              }
            }
          }
          output[out(n, o, y, x)] = sum;
        }
      }
    }
  }
}

template <class Scalar>
void conv2d_backward(const Conv2dSizes& s, const Scalar* input, const Scalar* weight, const Scalar* output_gradient,
                     Scalar* input_gradient, Scalar* weight_gradient, Scalar* bias_gradient) {
  const Index4 in{s.in_channels, s.height, s.width};
  const Index4 out{s.out_channels, s.out_height(), s.out_width()};
  const Index4 w{s.in_channels, s.kernel, s.kernel};
  std::fill_n(weight_gradient, s.out_channels * s.in_channels * s.kernel * s.kernel, Scalar(0));
  std::fill_n(bias_gradient, s.out_channels, Scalar(0));
  if (input_gradient) std::fill_n(input_gradient, s.samples * s.in_channels * s.height * s.width, Scalar(0));

  for (std::int64_t n = 0; n < s.samples; ++n) {
    for (std::int64_t o = 0; o < s.out_channels; ++o) {
      for (std::int64_t y = 0; y < s.out_height(); ++y) {
        for (std::int64_t x = 0; x < s.out_width(); ++x) {
          const Scalar g = output_gradient[out(n, o, y, x)];
          bias_gradient[o] += g;
          for (std::int64_t c = 0; c < s.in_channels; ++c) {
            for (std::int64_t i = 0; i < s.kernel; ++i) {
              for (std::int64_t j = 0; j < s.kernel; ++j) {
                weight_gradient[w(o, c, i, j)] += g * input[in(n, c, y + i, x + j)];
                if (input_gradient) input_gradient[in(n, c, y + i, x + j)] += g * weight[w(o, c, i, j)];
              }
            }
          }
        }
      }
    }
  }
}

template void conv2d_forward(const Conv2dSizes&, const float*, const float*, const float*, float*);
template void conv2d_forward(const Conv2dSizes&, const double*, const double*, const double*, double*);
template void conv2d_backward(const Conv2dSizes&, const float*, const float*, const float*, float*, float*, float*);
template void conv2d_backward(const Conv2dSizes&, const double*, const double*, const double*, double*, double*,
                              double*);

}  // namespace troupe::nn
