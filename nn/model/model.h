// A model as a value: a list of layer descriptions. There is no tape, so a model can be cut anywhere into pieces, and a
// piece is a model too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/result.h"

namespace troupe::nn {

/// The shape of one sample: [channels, height, width], or [features]. The batch is not part of it.
using Shape = std::vector<std::int64_t>;

std::int64_t elements_of(const Shape& shape);
std::string describe(const Shape& shape);  ///< `[3,32,32]`

/// Cross-correlation, stride 1, no padding. Parameters: weight [out, in, kernel, kernel], bias [out].
struct Conv2d {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t kernel = 0;
  friend bool operator==(const Conv2d&, const Conv2d&) = default;
};

struct Relu {
  friend bool operator==(const Relu&, const Relu&) = default;
};

/// Largest of each size x size window, stride = size. In a tie the first in row order takes the gradient.
struct MaxPool2d {
  std::int64_t size = 2;
  friend bool operator==(const MaxPool2d&, const MaxPool2d&) = default;
};

/// [C,H,W] to [C*H*W], in this order.
struct Flatten {
  friend bool operator==(const Flatten&, const Flatten&) = default;
};

/// y = W x + b. Parameters: weight [out, in], bias [out].
struct Linear {
  std::int64_t in_features = 0;
  std::int64_t out_features = 0;
  friend bool operator==(const Linear&, const Linear&) = default;
};

using LayerKind = std::variant<Conv2d, Relu, MaxPool2d, Flatten, Linear>;

struct Layer {
  /// PyTorch's: `conv1` gives `conv1.weight`, `conv1.bias`. Layers without parameters may share one.
  std::string name;
  LayerKind kind;
  friend bool operator==(const Layer&, const Layer&) = default;
};

/// The output's shape, or what does not fit, with the layer's name.
Result<Shape> output_shape(const Layer& layer, const Shape& input);

bool has_parameters(const Layer& layer);

/// One named array of parameters in the flat vector of all parameters.
struct ParameterInfo {
  std::string name;
  Shape shape;
  std::size_t offset = 0;  ///< In elements, in model order.
  std::size_t size = 0;
  std::int64_t fan_in = 0;
};

struct Model {
  std::string name;
  Shape input;
  std::vector<Layer> layers;

  /// Layers [begin, end) as a model of their own. Requires: begin < end <= layers.size().
  Model piece(std::size_t begin, std::size_t end) const;

  friend bool operator==(const Model&, const Model&) = default;
};

/// Checks every layer against the one before it.
Result<void> check(const Model& model);

/// Shapes at every border: borders()[0] is the input, [i] the output of layer i-1. Requires: check(model).
std::vector<Shape> borders(const Model& model);

/// Weight, then bias, of each layer in model order.
std::vector<ParameterInfo> parameters_of(const Model& model);
std::size_t parameter_count(const Model& model);

/// Flops of one sample, counting a multiply-add as 2: {forward, forward + backward}. The first layer of a whole model
/// needs no input gradient. Source: training.md section 2.
struct Flops {
  std::int64_t forward = 0;
  std::int64_t training = 0;
};
Flops flops_of(const Model& model, bool needs_input_gradient);

/// About what a training pass of one sample costs the `cpu` back-end, in flops of its convolutions. For comparing
/// pieces of one model, not for predicting a time.
double training_cost(const Model& model, bool needs_input_gradient);

/// Where to cut the model into pieces so that the costliest is as cheap as can be: piece i is layers [cut[i],
/// cut[i + 1]). Each piece has a layer with parameters; layers without stay with the one in front of them.
///
/// Fails with: bad_input, if there are fewer layers with parameters than pieces (one piece is always possible).
Result<std::vector<std::size_t>> balanced_cut(const Model& model, std::size_t pieces);

/// Uniform in +-1/sqrt(fan_in) for weights and biases alike, from a counter-based generator: entry i of the flat vector
/// depends on (seed, i) alone.
std::vector<float> initial_parameters(const Model& model, std::uint64_t seed);

/// The network of PyTorch's CIFAR-10 tutorial: two convolutions, three linear layers, 62,006 parameters, input
/// [3,32,32].
Model lenet();

/// By name (`lenet`), or which names there are.
Result<Model> find_model(const std::string& name);

}  // namespace troupe::nn
