// Two-dimensional convolution in plain loops: cross-correlation, stride 1, no padding.
//
// Shapes: input [samples, in, height, width], weight [out, in, kernel, kernel], bias [out],
//         output [samples, out, height - kernel + 1, width - kernel + 1]; all row-major.
#pragma once

#include <cstdint>

namespace troupe::nn {

struct Conv2dSizes {
  std::int64_t samples = 0;
  std::int64_t in_channels = 0;
  std::int64_t height = 0;  ///< Of the input.
  std::int64_t width = 0;
  std::int64_t out_channels = 0;
  std::int64_t kernel = 0;

  std::int64_t out_height() const { return height - kernel + 1; }
  std::int64_t out_width() const { return width - kernel + 1; }
};

/// output[n,o,y,x] = bias[o] + sum over c,i,j of weight[o,c,i,j] input[n,c,y+i,x+j].
template <class Scalar>
void conv2d_forward(const Conv2dSizes& sizes, const Scalar* input, const Scalar* weight, const Scalar* bias,
                    Scalar* output);

/// Overwrites the three gradients; `input_gradient` may be null if nobody needs it.
template <class Scalar>
void conv2d_backward(const Conv2dSizes& sizes, const Scalar* input, const Scalar* weight, const Scalar* output_gradient,
                     Scalar* input_gradient, Scalar* weight_gradient, Scalar* bias_gradient);

}  // namespace troupe::nn
