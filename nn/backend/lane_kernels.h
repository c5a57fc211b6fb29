// The hot loops of small networks, compiled once for each instruction set and chosen at run time.
//
// Images are computed a few at once: an array [c, h, w] of a group of L samples lies as [c][h][w][L], so that a vector
// holds the same place of 16 images, or four places in a row of four, or 16 places in a row of one. A convolution then
// needs no shuffles, whatever its sizes; pools and rectifiers are plain vector arithmetic. Arrays of features lie as
// rows, one a sample, padded with zeros to whole vectors.
//
// Invariant: the order of every sum follows from the sizes and the instruction set alone, and a sample's own numbers do
// not depend on its group.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::nn {

/// Rows of features are padded to a multiple of this many floats.
constexpr std::int64_t row_multiple = 16;

/// Kernels may read, and then ignore, this many floats behind any array.
constexpr std::int64_t overrun = 16;

/// Input channels correlated with kernels, stride 1: a convolution forward as it is; its backward to the input with the
/// kernels turned round, and as many zero rows and columns around the input as the kernel reaches beyond it.
struct Correlation {
  std::int64_t in_channels = 0;
  std::int64_t in_height = 0;
  std::int64_t in_width = 0;
  std::int64_t in_stride = 0;  ///< Columns from one row of the input to the next: `pad` zeros, in_width, zeros.
  std::int64_t out_channels = 0;
  std::int64_t out_height = 0;  ///< in_height + 2 pad - kernel + 1
  std::int64_t out_width = 0;   ///< in_width + 2 pad - kernel + 1
  std::int64_t kernel = 0;
  std::int64_t pad = 0;  ///< Rows to imagine above and below the input, and columns that it has on either side.
  bool relu = false;     ///< Applied to the output.
};

/// The gradient of a group's output made ready for the convolution's backward: back through a pool and a rectifier,
/// with zero columns on either side.
struct GradientSpread {
  std::int64_t channels = 0;
  std::int64_t height = 0;  ///< Of the convolution's output.
  std::int64_t width = 0;
  std::int64_t pool = 1;  ///< Size of the pool's windows; 1 means there is none.
  std::int64_t zeros_left = 0;
  std::int64_t zeros_right = 0;

  std::int64_t stride() const { return zeros_left + width + zeros_right; }
};

/// The kernels for groups of `lanes` samples.
struct LaneKernels {
  std::int64_t lanes = 0;

  /// Zero columns that `correlate_weights` wants to the right of the gradient.
  std::int64_t zeros_right = 0;

  /// Shapes: input [in_channels][in_height][in_stride][L], packed from `pack_weights`, bias [out_channels], output
  /// [out_channels][out_height][out_width][L].
  void (*correlate)(const Correlation& sizes, const float* input, const float* packed, const float* bias,
                    float* output) = nullptr;

  /// Adds the group's weight and bias gradients to `weight_gradient` and `bias_gradient`.
  ///
  /// Shapes: sizes as of the forward pass; output_gradient as `spread` describes; weight_gradient
  /// [out][in][kernel][kernel].
  void (*correlate_weights)(const Correlation& sizes, const GradientSpread& spread, const float* input,
                            const float* output_gradient, float* weight_gradient, float* bias_gradient) = nullptr;

  /// Largest of each window; `chosen` is its place in the window, in row order.
  ///
  /// Shapes: input [planes][height][width][L]; output, chosen [planes][height / size][width / size][L].
  void (*pool)(std::int64_t planes, std::int64_t height, std::int64_t width, std::int64_t size, const float* input,
               float* output, std::int32_t* chosen) = nullptr;

  /// Shapes: gradient [channels][height / pool][width / pool][L]; chosen and output the same, chosen null without a
  /// pool, output null without a rectifier (between convolution and pool or behind the pool: the sign of the pool's
  /// output tells it either way); spread [channels][height][stride][L].
  void (*spread_gradient)(const GradientSpread& sizes, const float* gradient, const std::int32_t* chosen,
                          const float* output, float* spread) = nullptr;

  /// From `samples` <= L rows of `features` floats, `row_stride` apart, to [features][L] and back. Lanes beyond
  /// `samples` become 0.
  void (*to_lanes)(std::int64_t samples, std::int64_t features, const float* rows, std::int64_t row_stride,
                   float* lanes) = nullptr;
  void (*from_lanes)(std::int64_t samples, std::int64_t features, const float* lanes, float* rows,
                     std::int64_t row_stride) = nullptr;
};

/// c[m][n] = start[n] + sum over k of a[m * a_row + k * a_column] b[k][n].
struct RowProduct {
  std::int64_t rows = 0;   ///< m
  std::int64_t depth = 0;  ///< k
  std::int64_t width = 0;  ///< n: columns of c that are written
  std::int64_t a_row = 0;
  std::int64_t a_column = 0;
  std::int64_t b_row = 0;  ///< Floats from one row of b to the next; b is padded to whole vectors.
  std::int64_t c_row = 0;
  bool relu = false;  ///< Applied to c.
};

/// One instruction set's kernels.
struct LaneKernelSet {
  const char* instruction_set = "";
  LaneKernels groups[4];  ///< From the most lanes to one; as many as `group_kinds`.
  std::int64_t group_kinds = 0;

  /// `start` may be null for zeros; it is padded like a row of b.
  void (*row_product)(const RowProduct& sizes, const float* a, const float* b, const float* start, float* c) = nullptr;

  /// to[c * to_row + r] = from[r * columns + c].
  void (*transpose)(std::int64_t rows, std::int64_t columns, const float* from, float* to,
                    std::int64_t to_row) = nullptr;

  /// From [out][in][kernel][kernel] to the order that `correlate` reads: `size` is that of the array. With `flip` for
  /// the backward pass to the input: input and output channels change places, the kernel is turned round.
  void (*pack_weights)(const Correlation& sizes, bool flip, const float* weights, float* packed) = nullptr;
};

/// The best set that this machine can run, or the one called `instruction_set`, or null if it cannot run it.
const LaneKernelSet* lane_kernels();
const LaneKernelSet* lane_kernels(const char* instruction_set);

}  // namespace troupe::nn
