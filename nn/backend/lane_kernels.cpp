// Compiled once for each instruction set, with TROUPE_INSTRUCTION_SET its name. Includes nothing that has inline
// functions: the linker would keep one copy of them, perhaps the one that this machine cannot run.
#include "nn/backend/lane_kernels.h"

#if defined(__clang__)
#define TROUPE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TROUPE_UNROLL _Pragma("GCC unroll 16")
#endif
#define TROUPE_TEXT_OF(name) #name
#define TROUPE_TEXT(name) TROUPE_TEXT_OF(name)
#define TROUPE_JOIN_OF(a, b) a##b
#define TROUPE_JOIN(a, b) TROUPE_JOIN_OF(a, b)

namespace troupe::nn {

namespace {

// How many sums are kept in registers: 24 of 32, or 12 of 16.
#if defined(__AVX512F__)
constexpr int vector_floats = 16;
constexpr int most_vectors = 4;   // side by side in one tile
constexpr int most_channels = 6;  // of one tile of a correlation; rows of one tile of a product
constexpr int most_gradient_channels = 4;
#else
constexpr int vector_floats = 8;  // two registers each where there is no AVX
constexpr int most_vectors = 2;
constexpr int most_channels = 6;
constexpr int most_gradient_channels = 2;
#endif
constexpr int most_taps = 5;

template <int N>
struct Vectors;
#define TROUPE_VECTORS(n)                                                                         \
  template <>                                                                                     \
  struct Vectors<n> {                                                                             \
    typedef float Floats __attribute__((vector_size(4 * n)));                                     \
    typedef std::int32_t Ints __attribute__((vector_size(4 * n)));                                \
    typedef float FloatsInMemory __attribute__((vector_size(4 * n), aligned(4), may_alias));      \
    typedef std::int32_t IntsInMemory __attribute__((vector_size(4 * n), aligned(4), may_alias)); \
  };
TROUPE_VECTORS(1)
TROUPE_VECTORS(4)
TROUPE_VECTORS(8)
TROUPE_VECTORS(16)
#undef TROUPE_VECTORS
template <int N>
using Floats = typename Vectors<N>::Floats;
template <int N>
using Ints = typename Vectors<N>::Ints;

/// N numbers in memory, on any border.
template <int N>
const typename Vectors<N>::FloatsInMemory& at(const float* address) {
  return *reinterpret_cast<const typename Vectors<N>::FloatsInMemory*>(address);
}
template <int N>
typename Vectors<N>::FloatsInMemory& at(float* address) {
  return *reinterpret_cast<typename Vectors<N>::FloatsInMemory*>(address);
}
template <int N>
const typename Vectors<N>::IntsInMemory& at(const std::int32_t* address) {
  return *reinterpret_cast<const typename Vectors<N>::IntsInMemory*>(address);
}
template <int N>
typename Vectors<N>::IntsInMemory& at(std::int32_t* address) {
  return *reinterpret_cast<typename Vectors<N>::IntsInMemory*>(address);
}

/// Writes the first `count` numbers, all of them if there are fewer.
template <int N>
void write(float* to, const Floats<N>& values, std::int64_t count) {
  if (count >= N) {
    at<N>(to) = values;
    return;
  }
  alignas(64) float numbers[N];
  at<N>(numbers) = values;
  for (std::int64_t i = 0; i < count; ++i) to[i] = numbers[i];
}

constexpr std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
constexpr std::int64_t largest(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

/// `total` in as few blocks of at most `most` as possible, as equal as can be: block b begins here.
constexpr std::int64_t block_begin(std::int64_t total, std::int64_t most, std::int64_t block) {
  const std::int64_t blocks = (total + most - 1) / most;
  return block * total / blocks;
}
constexpr std::int64_t blocks_of(std::int64_t total, std::int64_t most) { return (total + most - 1) / most; }

/// Calls `run` with the template argument that equals `value`, from 1 to Most.
template <int Most, class Run>
void with_constant(std::int64_t value, Run&& run) {
  if constexpr (Most > 0) {
    if (value == Most) {
      run.template operator()<Most>();
    } else {
      with_constant<Most - 1>(value, run);
    }
  }
}

// ---- correlation: a vector holds vector_floats / L columns of L samples

/// Outputs of Channels channels in row y, of as many columns as fit Vectors vectors, from column x on.
template <int L, int Channels, int Vectors>
void correlate_tile(const Correlation& s, const float* input, const float* packed, const float* bias, float* output,
                    std::int64_t y, std::int64_t x) {
  constexpr int N = vector_floats;
  Floats<N> sum[Channels][Vectors];
  TROUPE_UNROLL
  for (int o = 0; o < Channels; ++o) {
    TROUPE_UNROLL
    for (int v = 0; v < Vectors; ++v) sum[o][v] = bias[o] - Floats<N>{};
  }
  // The part of the kernel that meets more than zeros: rows and, for all of the tile's columns, columns.
  const std::int64_t first_row = largest(0, s.pad - y);
  const std::int64_t last_row = least(s.kernel, s.in_height + s.pad - y);
  const std::int64_t first_column = largest(0, s.pad - x - Vectors * N / L + 1);
  const std::int64_t last_column = least(s.kernel, s.in_width + s.pad - x);
  for (std::int64_t c = 0; c < s.in_channels; ++c) {
    for (std::int64_t i = first_row; i < last_row; ++i) {
      const float* here = input + ((c * s.in_height + y + i - s.pad) * s.in_stride + x + first_column) * L;
      const float* weights = packed + ((c * s.kernel + i) * s.kernel + first_column) * Channels;
      for (std::int64_t j = first_column; j < last_column; ++j, here += L, weights += Channels) {
        Floats<N> values[Vectors];
        TROUPE_UNROLL
        for (int v = 0; v < Vectors; ++v) values[v] = at<N>(here + v * N);
        TROUPE_UNROLL
        for (int o = 0; o < Channels; ++o) {
          const Floats<N> weight = weights[o] - Floats<N>{};
          TROUPE_UNROLL
          for (int v = 0; v < Vectors; ++v) sum[o][v] += weight * values[v];
        }
      }
    }
  }
  const std::int64_t left = (s.out_width - x) * L;
  TROUPE_UNROLL
  for (int o = 0; o < Channels; ++o) {
    float* to = output + ((o * s.out_height + y) * s.out_width + x) * L;
    TROUPE_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      const Floats<N> result = s.relu ? (sum[o][v] <= 0 ? Floats<N>{} : sum[o][v]) : sum[o][v];
      write<N>(to + v * N, result, left - v * N);
    }
  }
}

template <int L>
void correlate(const Correlation& s, const float* input, const float* packed, const float* bias, float* output) {
  const std::int64_t taps = s.in_channels * s.kernel * s.kernel;
  const std::int64_t vectors = (s.out_width * L + vector_floats - 1) / vector_floats;
  for (std::int64_t block = 0; block < blocks_of(s.out_channels, most_channels); ++block) {
    const std::int64_t begin = block_begin(s.out_channels, most_channels, block);
    const std::int64_t end = block_begin(s.out_channels, most_channels, block + 1);
    const float* weights = packed + begin * taps;
    float* to = output + begin * s.out_height * s.out_width * L;
    with_constant<most_channels>(end - begin, [&]<int Channels>() {
      for (std::int64_t y = 0; y < s.out_height; ++y) {
        std::int64_t v = 0;
        for (; v + most_vectors <= vectors; v += most_vectors) {
          correlate_tile<L, Channels, most_vectors>(s, input, weights, bias + begin, to, y, v * vector_floats / L);
        }
        with_constant<most_vectors - 1>(vectors - v, [&]<int Vectors>() {
          correlate_tile<L, Channels, Vectors>(s, input, weights, bias + begin, to, y, v * vector_floats / L);
        });
      }
    });
  }
}

void pack_weights(const Correlation& s, bool flip, const float* weights, float* packed) {
  const std::int64_t window = s.kernel * s.kernel;
  for (std::int64_t block = 0; block < blocks_of(s.out_channels, most_channels); ++block) {
    const std::int64_t begin = block_begin(s.out_channels, most_channels, block);
    const std::int64_t end = block_begin(s.out_channels, most_channels, block + 1);
    for (std::int64_t c = 0; c < s.in_channels; ++c) {
      for (std::int64_t tap = 0; tap < window; ++tap) {
        for (std::int64_t o = begin; o < end; ++o) {
          *packed++ = flip ? weights[(c * s.out_channels + o) * window + window - 1 - tap]
                           : weights[(o * s.in_channels + c) * window + tap];
        }
      }
    }
  }
}

float sum_within(const Floats<vector_floats>& values) {
  float sums[vector_floats];
  for (int i = 0; i < vector_floats; ++i) sums[i] = values[i];
  for (int half = vector_floats / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

/// The gradients of Taps weights in a row, of Channels output channels and one input channel. A row's last vector may
/// reach beyond it: there the gradient is 0.
template <int L, int Channels, int Taps>
void correlate_weights_tile(const Correlation& s, const float* input, const float* output_gradient,
                            std::int64_t gradient_stride, float* weight_gradient) {
  constexpr int N = vector_floats;
  Floats<N> sum[Channels][Taps];
  TROUPE_UNROLL
  for (int o = 0; o < Channels; ++o) {
    TROUPE_UNROLL
    for (int j = 0; j < Taps; ++j) sum[o][j] = Floats<N>{};
  }
  for (std::int64_t y = 0; y < s.out_height; ++y) {
    const float* values = input + y * s.in_stride * L;
    const float* gradients = output_gradient + y * gradient_stride * L;
    for (std::int64_t x = 0; x < s.out_width * L; x += N, values += N, gradients += N) {
      Floats<N> gradient[Channels];
      TROUPE_UNROLL
      for (int o = 0; o < Channels; ++o) gradient[o] = at<N>(gradients + o * s.out_height * gradient_stride * L);
      TROUPE_UNROLL
      for (int j = 0; j < Taps; ++j) {
        const Floats<N> value = at<N>(values + j * L);
        TROUPE_UNROLL
        for (int o = 0; o < Channels; ++o) sum[o][j] += gradient[o] * value;
      }
    }
  }
  TROUPE_UNROLL
  for (int o = 0; o < Channels; ++o) {
    float* to = weight_gradient + o * s.in_channels * s.kernel * s.kernel;
    TROUPE_UNROLL
    for (int j = 0; j < Taps; ++j) to[j] += sum_within(sum[o][j]);
  }
}

template <int L>
void correlate_weights(const Correlation& s, const GradientSpread& spread, const float* input,
                       const float* output_gradient, float* weight_gradient, float* bias_gradient) {
  constexpr int N = vector_floats;
  const std::int64_t stride = spread.stride();
  const std::int64_t plane = s.out_height * stride * L;
  output_gradient += spread.zeros_left * L;
  for (std::int64_t o = 0; o < s.out_channels; ++o) {
    Floats<N> sum{};
    for (std::int64_t y = 0; y < s.out_height; ++y) {
      const float* row = output_gradient + o * plane + y * stride * L;
      for (std::int64_t x = 0; x < s.out_width * L; x += N) sum += at<N>(row + x);
    }
    bias_gradient[o] += sum_within(sum);
  }
  for (std::int64_t block = 0; block < blocks_of(s.out_channels, most_gradient_channels); ++block) {
    const std::int64_t begin = block_begin(s.out_channels, most_gradient_channels, block);
    const std::int64_t end = block_begin(s.out_channels, most_gradient_channels, block + 1);
    with_constant<most_gradient_channels>(end - begin, [&]<int Channels>() {
      for (std::int64_t c = 0; c < s.in_channels; ++c) {
        for (std::int64_t i = 0; i < s.kernel; ++i) {
          std::int64_t j = 0;
          const auto run = [&]<int Taps>() {
            correlate_weights_tile<L, Channels, Taps>(
                s, input + ((c * s.in_height + i) * s.in_stride + j) * L, output_gradient + begin * plane, stride,
                weight_gradient + ((begin * s.in_channels + c) * s.kernel + i) * s.kernel + j);
          };
          for (; j + most_taps <= s.kernel; j += most_taps) run.template operator()<most_taps>();
          with_constant<most_taps - 1>(s.kernel - j, run);
        }
      }
    });
  }
}

// ---- pool and rectifier

template <int L>
void pool(std::int64_t planes, std::int64_t height, std::int64_t width, std::int64_t size, const float* input,
          float* output, std::int32_t* chosen) {
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    for (std::int64_t y = 0; y < height / size; ++y) {
      for (std::int64_t x = 0; x < width / size; ++x, output += L, chosen += L) {
        const float* window = input + ((plane * height + y * size) * width + x * size) * L;
        Floats<L> best = at<L>(window);
        Ints<L> where{};
        for (std::int64_t i = 0; i < size; ++i) {
          for (std::int64_t j = 0; j < size; ++j) {
            const Floats<L> value = at<L>(window + (i * width + j) * L);
            const Ints<L> is_better = ~(value <= best) & (best == best);  // a NaN is better than any number, once
            best = is_better ? value : best;
            where = is_better ? static_cast<std::int32_t>(i * size + j) - Ints<L>{} : where;
          }
        }
        at<L>(output) = best;
        at<L>(chosen) = where;
      }
    }
  }
}

template <int L>
void zero(float* from, const float* to) {
  for (; from < to; from += L) at<L>(from) = Floats<L>{};
}

template <int L>
void spread_gradient(const GradientSpread& s, const float* gradient, const std::int32_t* chosen, const float* output,
                     float* spread) {
  const std::int64_t width = s.stride();
  const std::int64_t pooled_width = s.width / s.pool;
  const std::int64_t covered = s.zeros_left + pooled_width * s.pool;
  for (std::int64_t c = 0; c < s.channels; ++c) {
    for (std::int64_t y = 0; y < s.height; y += s.pool) {
      const std::int64_t rows = least(s.pool, s.height - y);
      float* to = spread + (c * s.height + y) * width * L;
      if (rows < s.pool) {
        zero<L>(to, to + rows * width * L);
        continue;
      }
      for (std::int64_t i = 0; i < rows; ++i) {
        zero<L>(to + i * width * L, to + (i * width + s.zeros_left) * L);
        zero<L>(to + (i * width + covered) * L, to + (i + 1) * width * L);
      }
      to += s.zeros_left * L;
      for (std::int64_t x = 0; x < pooled_width; ++x, gradient += L, to += s.pool * L) {
        Floats<L> value = at<L>(gradient);
        if (output) {
          value = at<L>(output) <= 0 ? Floats<L>{} : value;
          output += L;
        }
        if (!chosen) {
          at<L>(to) = value;
          continue;
        }
        const Ints<L> where = at<L>(chosen);
        chosen += L;
        for (std::int64_t i = 0; i < s.pool; ++i) {
          for (std::int64_t j = 0; j < s.pool; ++j) {
            at<L>(to + (i * width + j) * L) = where == static_cast<std::int32_t>(i * s.pool + j) ? value : Floats<L>{};
          }
        }
      }
    }
  }
}

// ---- rows to lanes and back, in blocks of 4 x 4

void transpose_four(const float* from, std::int64_t from_row, float* to, std::int64_t to_row) {
  using Four = Vectors<4>::FloatsInMemory;
  const Four a = *reinterpret_cast<const Four*>(from);
  const Four b = *reinterpret_cast<const Four*>(from + from_row);
  const Four c = *reinterpret_cast<const Four*>(from + 2 * from_row);
  const Four d = *reinterpret_cast<const Four*>(from + 3 * from_row);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *reinterpret_cast<Four*>(to) = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  *reinterpret_cast<Four*>(to + to_row) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  *reinterpret_cast<Four*>(to + 2 * to_row) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *reinterpret_cast<Four*>(to + 3 * to_row) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

template <int L>
void to_lanes(std::int64_t samples, std::int64_t features, const float* rows, std::int64_t row_stride, float* lanes) {
  const std::int64_t whole_samples = samples / 4 * 4;
  const std::int64_t whole_features = features / 4 * 4;
  for (std::int64_t f = 0; f < whole_features; f += 4) {
    for (std::int64_t n = 0; n < whole_samples; n += 4) {
      transpose_four(rows + n * row_stride + f, row_stride, lanes + f * L + n, L);
    }
  }
  for (std::int64_t f = 0; f < features; ++f) {
    const std::int64_t begin = f < whole_features ? whole_samples : 0;
    for (std::int64_t n = begin; n < samples; ++n) lanes[f * L + n] = rows[n * row_stride + f];
    for (std::int64_t n = samples; n < L; ++n) lanes[f * L + n] = 0;
  }
}

template <int L>
void from_lanes(std::int64_t samples, std::int64_t features, const float* lanes, float* rows, std::int64_t row_stride) {
  const std::int64_t whole_samples = samples / 4 * 4;
  const std::int64_t whole_features = features / 4 * 4;
  for (std::int64_t f = 0; f < whole_features; f += 4) {
    for (std::int64_t n = 0; n < whole_samples; n += 4) {
      transpose_four(lanes + f * L + n, L, rows + n * row_stride + f, row_stride);
    }
  }
  for (std::int64_t f = 0; f < features; ++f) {
    const std::int64_t begin = f < whole_features ? whole_samples : 0;
    for (std::int64_t n = begin; n < samples; ++n) rows[n * row_stride + f] = lanes[f * L + n];
  }
}

/// Down the rows four columns at a time: what is written lies in a row.
void transpose(std::int64_t rows, std::int64_t columns, const float* from, float* to, std::int64_t to_row) {
  const std::int64_t whole_rows = rows / 4 * 4;
  const std::int64_t whole_columns = columns / 4 * 4;
  for (std::int64_t c = 0; c < whole_columns; c += 4) {
    for (std::int64_t r = 0; r < whole_rows; r += 4) {
      transpose_four(from + r * columns + c, columns, to + c * to_row + r, to_row);
    }
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r) to[c * to_row + r] = from[r * columns + c];
  }
}

// ---- products of rows

template <int Rows, int Columns>
void row_product_tile(const RowProduct& s, const float* a, const float* b, const float* start, float* c,
                      std::int64_t width) {
  constexpr int L = vector_floats;
  Floats<L> sum[Rows][Columns];
  TROUPE_UNROLL
  for (int m = 0; m < Rows; ++m) {
    TROUPE_UNROLL
    for (int i = 0; i < Columns; ++i) sum[m][i] = start ? at<L>(start + i * L) : Floats<L>{};
  }
  for (std::int64_t k = 0; k < s.depth; ++k, a += s.a_column, b += s.b_row) {
    Floats<L> values[Columns];
    TROUPE_UNROLL
    for (int i = 0; i < Columns; ++i) values[i] = at<L>(b + i * L);
    TROUPE_UNROLL
    for (int m = 0; m < Rows; ++m) {
      const Floats<L> factor = a[m * s.a_row] - Floats<L>{};
      TROUPE_UNROLL
      for (int i = 0; i < Columns; ++i) sum[m][i] += factor * values[i];
    }
  }
  TROUPE_UNROLL
  for (int m = 0; m < Rows; ++m) {
    TROUPE_UNROLL
    for (int i = 0; i < Columns; ++i) {
      const Floats<L> result = s.relu ? (sum[m][i] <= 0 ? Floats<L>{} : sum[m][i]) : sum[m][i];
      write<L>(c + m * s.c_row + i * L, result, width - i * L);
    }
  }
}

void row_product(const RowProduct& s, const float* a, const float* b, const float* start, float* c) {
  constexpr int L = vector_floats;
  const std::int64_t vectors = (s.width + L - 1) / L;
  const std::int64_t row_blocks = blocks_of(s.rows, most_channels);
  const std::int64_t column_blocks = blocks_of(vectors, most_vectors);
  for (std::int64_t column_block = 0; column_block < column_blocks; ++column_block) {
    const std::int64_t column = block_begin(vectors, most_vectors, column_block);
    with_constant<most_vectors>(block_begin(vectors, most_vectors, column_block + 1) - column, [&]<int Columns>() {
      for (std::int64_t row_block = 0; row_block < row_blocks; ++row_block) {
        const std::int64_t row = block_begin(s.rows, most_channels, row_block);
        with_constant<most_channels>(block_begin(s.rows, most_channels, row_block + 1) - row, [&]<int Rows>() {
          row_product_tile<Rows, Columns>(s, a + row * s.a_row, b + column * L, start ? start + column * L : nullptr,
                                          c + row * s.c_row + column * L, s.width - column * L);
        });
      }
    });
  }
}

template <int L>
constexpr LaneKernels kernels_of() {
  return {.lanes = L,
          .zeros_right = vector_floats / L - 1,
          .correlate = correlate<L>,
          .correlate_weights = correlate_weights<L>,
          .pool = pool<L>,
          .spread_gradient = spread_gradient<L>,
          .to_lanes = to_lanes<L>,
          .from_lanes = from_lanes<L>};
}

}  // namespace

extern const LaneKernelSet TROUPE_JOIN(lane_kernels_, TROUPE_INSTRUCTION_SET);
const LaneKernelSet TROUPE_JOIN(lane_kernels_, TROUPE_INSTRUCTION_SET) = {
    .instruction_set = TROUPE_TEXT(TROUPE_INSTRUCTION_SET),
#if defined(__AVX512F__)
    .groups = {kernels_of<16>(), kernels_of<8>(), kernels_of<4>(), kernels_of<1>()},
    .group_kinds = 4,
#else
    .groups = {kernels_of<8>(), kernels_of<4>(), kernels_of<1>()},
    .group_kinds = 3,
#endif
    .row_product = row_product,
    .transpose = transpose,
    .pack_weights = pack_weights,
};

}  // namespace troupe::nn
