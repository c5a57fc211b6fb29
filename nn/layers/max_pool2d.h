// Max pooling in plain loops: the largest of each size x size window, stride = size. Rows and columns that do not fill
// a window are left out. In a tie the first in row order counts.
//
// Shapes: input [planes, height, width], where planes = samples * channels; output [planes, height / size, width /
// size].
#pragma once

#include <cstdint>

namespace troupe::nn {

struct MaxPool2dSizes {
  std::int64_t planes = 0;
  std::int64_t height = 0;  ///< Of the input.
  std::int64_t width = 0;
  std::int64_t size = 0;

  std::int64_t out_height() const { return height / size; }
  std::int64_t out_width() const { return width / size; }
};

template <class Scalar>
void max_pool2d_forward(const MaxPool2dSizes& sizes, const Scalar* input, Scalar* output);

/// The gradient of a window goes to its first largest entry, all others get 0.
template <class Scalar>
void max_pool2d_backward(const MaxPool2dSizes& sizes, const Scalar* input, const Scalar* output_gradient,
                         Scalar* input_gradient);

}  // namespace troupe::nn
