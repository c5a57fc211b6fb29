#include "nn/model/model.h"

#include <optional>
#include <set>

#include "runtime/base/check.h"
#include "runtime/base/overloaded.h"

namespace troupe::nn {

namespace {

/// No array of a model may reach this many elements: products of dimensions below it cannot overflow.
constexpr std::int64_t most_elements = std::int64_t{1} << 31;

/// The product, or nothing if a dimension is not positive or the product too large.
std::optional<std::int64_t> bounded_product(const Shape& shape) {
  std::int64_t product = 1;
  for (const std::int64_t dimension : shape) {
    if (dimension <= 0 || dimension >= most_elements || product * dimension >= most_elements) return std::nullopt;
    product *= dimension;
  }
  return product;
}

Error misfit(const Layer& layer, const Shape& input, const std::string& expected) {
  return bad_input("layer '" + layer.name + "': the input is " + describe(input) + ", expected " + expected);
}

Error bad_sizes(const Layer& layer, const Shape& sizes) {
  return bad_input("layer '" + layer.name + "': sizes " + describe(sizes) +
                   ", expected all of them positive and their product below 2^31");
}

Result<Shape> shape_after(const Layer& layer, const Conv2d& conv, const Shape& input) {
  const Shape weight{conv.out_channels, conv.in_channels, conv.kernel, conv.kernel};
  if (!bounded_product(weight)) return bad_sizes(layer, weight);
  if (input.size() != 3 || input[0] != conv.in_channels || input[1] < conv.kernel || input[2] < conv.kernel) {
    const std::string least = std::to_string(conv.kernel);
    return misfit(layer, input, std::to_string(conv.in_channels) + " channels of at least " + least + "x" + least);
  }
  return Shape{conv.out_channels, input[1] - conv.kernel + 1, input[2] - conv.kernel + 1};
}

Result<Shape> shape_after(const Layer& layer, const MaxPool2d& pool, const Shape& input) {
  if (pool.size <= 0) return bad_sizes(layer, {pool.size});
  if (input.size() != 3 || input[1] < pool.size || input[2] < pool.size) {
    const std::string least = std::to_string(pool.size);
    return misfit(layer, input, "channels of at least " + least + "x" + least);
  }
  return Shape{input[0], input[1] / pool.size, input[2] / pool.size};
}

Result<Shape> shape_after(const Layer& layer, const Linear& linear, const Shape& input) {
  const Shape weight{linear.out_features, linear.in_features};
  if (!bounded_product(weight)) return bad_sizes(layer, weight);
  if (input.size() != 1 || input[0] != linear.in_features) {
    return misfit(layer, input, std::to_string(linear.in_features) + " features");
  }
  return Shape{linear.out_features};
}

std::vector<ParameterInfo> weight_and_bias(const Layer& layer) {
  const auto pair = [&](Shape weight, std::int64_t out, std::int64_t fan_in) {
    const auto size = static_cast<std::size_t>(elements_of(weight));
    return std::vector<ParameterInfo>{
        {.name = layer.name + ".weight", .shape = std::move(weight), .size = size, .fan_in = fan_in},
        {.name = layer.name + ".bias", .shape = {out}, .size = static_cast<std::size_t>(out), .fan_in = fan_in}};
  };
  if (const auto* conv = std::get_if<Conv2d>(&layer.kind)) {
    return pair({conv->out_channels, conv->in_channels, conv->kernel, conv->kernel}, conv->out_channels,
                conv->in_channels * conv->kernel * conv->kernel);
  }
  if (const auto* linear = std::get_if<Linear>(&layer.kind)) {
    return pair({linear->out_features, linear->in_features}, linear->out_features, linear->in_features);
  }
  return {};
}

}  // namespace

std::int64_t elements_of(const Shape& shape) {
  std::int64_t product = 1;
  for (const std::int64_t dimension : shape) product *= dimension;
  return product;
}

std::string describe(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t dimension : shape) {
    if (text.size() > 1) text += ',';
    text += std::to_string(dimension);
  }
  return text + "]";
}

bool has_parameters(const Layer& layer) {
  return std::holds_alternative<Conv2d>(layer.kind) || std::holds_alternative<Linear>(layer.kind);
}

Result<Shape> output_shape(const Layer& layer, const Shape& input) {
  return std::visit(Overloaded{
                        [&](const Conv2d& conv) { return shape_after(layer, conv, input); },
                        [&](const MaxPool2d& pool) { return shape_after(layer, pool, input); },
                        [&](const Linear& linear) { return shape_after(layer, linear, input); },
                        [&](const Relu&) { return Result<Shape>(input); },
                        [&](const Flatten&) { return Result<Shape>(Shape{elements_of(input)}); },
                    },
                    layer.kind);
}

Model Model::piece(std::size_t begin, std::size_t end) const {
  TROUPE_CHECK(begin < end && end <= layers.size(), "a piece has at least one layer, all of them the model's");
  Model piece;
  piece.name =
      begin == 0 && end == layers.size() ? name : name + "[" + std::to_string(begin) + "," + std::to_string(end) + ")";
  piece.input = borders(*this)[begin];
  piece.layers.assign(layers.begin() + static_cast<std::ptrdiff_t>(begin),
                      layers.begin() + static_cast<std::ptrdiff_t>(end));
  return piece;
}

Result<void> check(const Model& model) {
  const std::string where = "model '" + model.name + "': ";
  if (model.layers.empty()) return bad_input(where + "has no layers");
  if (model.input.empty() || !bounded_product(model.input)) {
    return bad_input(where + "the input is " + describe(model.input) +
                     ", expected positive sizes and a product below 2^31");
  }
  std::set<std::string> names;
  Shape shape = model.input;
  for (const Layer& layer : model.layers) {
    if (has_parameters(layer) && layer.name.empty()) return bad_input(where + "a layer with parameters has no name");
    if (has_parameters(layer) && !names.insert(layer.name).second) {
      return bad_input(where + "two layers with parameters are called '" + layer.name + "'");
    }
    Result<Shape> next = output_shape(layer, shape);
    if (!next) return Error{next.error().fault, where + next.error().message};
    if (!bounded_product(*next)) return bad_input(where + "the output of layer '" + layer.name + "' is too large");
    shape = *std::move(next);
  }
  return {};
}

std::vector<Shape> borders(const Model& model) {
  std::vector<Shape> shapes{model.input};
  for (const Layer& layer : model.layers) shapes.push_back(output_shape(layer, shapes.back()).value());
  return shapes;
}

std::vector<ParameterInfo> parameters_of(const Model& model) {
  std::vector<ParameterInfo> all;
  std::size_t offset = 0;
  for (const Layer& layer : model.layers) {
    for (ParameterInfo& parameter : weight_and_bias(layer)) {
      parameter.offset = offset;
      offset += parameter.size;
      all.push_back(std::move(parameter));
    }
  }
  return all;
}

std::size_t parameter_count(const Model& model) {
  std::size_t count = 0;
  for (const ParameterInfo& parameter : parameters_of(model)) count += parameter.size;
  return count;
}

Flops flops_of(const Model& model, bool needs_input_gradient) {
  const std::vector<Shape> shapes = borders(model);
  Flops sum;
  bool passes_gradient_on = needs_input_gradient;  // does anything in front of this layer want its input gradient?
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const std::vector<ParameterInfo> parameters = weight_and_bias(model.layers[i]);
    if (parameters.empty()) continue;
    const std::int64_t forward = 2 * elements_of(shapes[i + 1]) * parameters[0].fan_in;
    sum.forward += forward;
    sum.training += passes_gradient_on ? 3 * forward : 2 * forward;
    passes_gradient_on = true;
  }
  return sum;
}

}  // namespace troupe::nn
