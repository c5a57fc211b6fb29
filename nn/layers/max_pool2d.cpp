#include "nn/layers/max_pool2d.h"

#include <algorithm>

#include "nn/tensor/index.h"

namespace troupe::nn {

namespace {

/// Where in `input` the first largest entry of the window of output (plane, y, x) lies. A NaN counts as larger than any
/// number, so that it is not lost.
template <class Scalar>
std::size_t first_largest(const MaxPool2dSizes& s, const Scalar* input, std::int64_t plane, std::int64_t y,
                          std::int64_t x) {
  const Index4 in{s.planes, s.height, s.width};
  std::size_t best = in(0, plane, y * s.size, x * s.size);
  for (std::int64_t i = 0; i < s.size; ++i) {
    for (std::int64_t j = 0; j < s.size; ++j) {
      const std::size_t here = in(0, plane, y * s.size + i, x * s.size + j);
      if (input[here] > input[best] || (input[here] != input[here] && input[best] == input[best])) best = here;
    }
  }
  return best;
}

}  // namespace

template <class Scalar>
void max_pool2d_forward(const MaxPool2dSizes& s, const Scalar* input, Scalar* output) {
  const Index4 out{s.planes, s.out_height(), s.out_width()};
  for (std::int64_t plane = 0; plane < s.planes; ++plane) {
    for (std::int64_t y = 0; y < s.out_height(); ++y) {
      for (std::int64_t x = 0; x < s.out_width(); ++x) {
        output[out(0, plane, y, x)] = input[first_largest(s, input, plane, y, x)];
      }
    }
  }
}

template <class Scalar>
void max_pool2d_backward(const MaxPool2dSizes& s, const Scalar* input, const Scalar* output_gradient,
                         Scalar* input_gradient) {
  const Index4 out{s.planes, s.out_height(), s.out_width()};
  std::fill_n(input_gradient, s.planes * s.height * s.width, Scalar(0));
  for (std::int64_t plane = 0; plane < s.planes; ++plane) {
    for (std::int64_t y = 0; y < s.out_height(); ++y) {
      for (std::int64_t x = 0; x < s.out_width(); ++x) {
        input_gradient[first_largest(s, input, plane, y, x)] = output_gradient[out(0, plane, y, x)];
      }
    }
  }
}

template void max_pool2d_forward(const MaxPool2dSizes&, const float*, float*);
template void max_pool2d_forward(const MaxPool2dSizes&, const double*, double*);
template void max_pool2d_backward(const MaxPool2dSizes&, const float*, const float*, float*);
template void max_pool2d_backward(const MaxPool2dSizes&, const double*, const double*, double*);

}  // namespace troupe::nn
