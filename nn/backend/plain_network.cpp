#include "nn/backend/plain_network.h"

#include <algorithm>

#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "runtime/base/check.h"

namespace troupe::nn {

namespace {

std::int64_t weights_in(const Conv2d& conv) { return conv.out_channels * conv.in_channels * conv.kernel * conv.kernel; }

std::int64_t weights_in(const Linear& linear) { return linear.out_features * linear.in_features; }

Conv2dSizes sizes_of(const Conv2d& conv, const Shape& input, std::int64_t samples) {
  return {.samples = samples,
          .in_channels = conv.in_channels,
          .height = input[1],
          .width = input[2],
          .out_channels = conv.out_channels,
          .kernel = conv.kernel};
}

MaxPool2dSizes sizes_of(const MaxPool2d& pool, const Shape& input, std::int64_t samples) {
  return {.planes = samples * input[0], .height = input[1], .width = input[2], .size = pool.size};
}

LinearSizes sizes_of(const Linear& linear, std::int64_t samples) {
  return {.samples = samples, .in_features = linear.in_features, .out_features = linear.out_features};
}

}  // namespace

template <class Scalar>
PlainNetwork<Scalar>::PlainNetwork(const Model& model, std::size_t slots)
    : model_(model), borders_(borders(model)), parameters_(parameter_count(model)), slots_(slots) {
  std::size_t offset = 0;
  for (const Layer& layer : model_.layers) {
    offsets_.push_back(offset);
    if (const auto* conv = std::get_if<Conv2d>(&layer.kind)) {
      offset += static_cast<std::size_t>(weights_in(*conv) + conv->out_channels);
    } else if (const auto* linear = std::get_if<Linear>(&layer.kind)) {
      offset += static_cast<std::size_t>(weights_in(*linear) + linear->out_features);
    }
  }
  for (Slot& slot : slots_) slot.values.resize(borders_.size());
}

template <class Scalar>
void PlainNetwork<Scalar>::set_parameters(std::span<const Scalar> parameters) {
  TROUPE_CHECK(parameters.size() == parameters_.size(), "all parameters of the model are set");
  std::copy(parameters.begin(), parameters.end(), parameters_.begin());
}

template <class Scalar>
void PlainNetwork<Scalar>::forward(std::size_t slot_index, std::int64_t samples, std::span<const Scalar> input,
                                   std::span<Scalar> output) {
  TROUPE_CHECK(slot_index < slots_.size(), "the network was built for this slot");
  const auto elements = [&](const Shape& shape) { return static_cast<std::size_t>(samples * elements_of(shape)); };
  TROUPE_CHECK(samples > 0 && input.size() == elements(borders_.front()), "the input holds this many samples");
  TROUPE_CHECK(output.size() == elements(borders_.back()), "the output has room for this many samples");

  Slot& slot = slots_[slot_index];
  slot.samples = samples;
  slot.values.front().assign(input.begin(), input.end());
  for (std::size_t layer = 0; layer < model_.layers.size(); ++layer) {
    slot.values[layer + 1].resize(elements(borders_[layer + 1]));
    layer_forward(layer, slot);
  }
  std::copy(slot.values.back().begin(), slot.values.back().end(), output.begin());
}

template <class Scalar>
void PlainNetwork<Scalar>::backward(std::size_t slot_index, std::span<const Scalar> output_gradient,
                                    std::span<Scalar> input_gradient, std::span<Scalar> gradient) {
  TROUPE_CHECK(slot_index < slots_.size(), "the network was built for this slot");
  Slot& slot = slots_[slot_index];
  TROUPE_CHECK(slot.samples > 0, "backward follows a forward of the same slot");
  TROUPE_CHECK(output_gradient.size() == slot.values.back().size(), "one gradient for every output");
  TROUPE_CHECK(input_gradient.empty() || input_gradient.size() == slot.values.front().size(),
               "one gradient for every input");
  TROUPE_CHECK(gradient.size() == parameters_.size(), "one gradient for every parameter");

  std::vector<Scalar> of_output(output_gradient.begin(), output_gradient.end());
  std::vector<Scalar> of_input;
  for (std::size_t layer = model_.layers.size(); layer-- > 0;) {
    const bool wanted = layer > 0 || !input_gradient.empty();
    of_input.resize(wanted ? slot.values[layer].size() : 0);
    layer_backward(layer, slot, of_output.data(), wanted ? of_input.data() : nullptr,
                   gradient.data() + offsets_[layer]);
    std::swap(of_output, of_input);
  }
  if (!input_gradient.empty()) std::copy(of_output.begin(), of_output.end(), input_gradient.begin());
  slot.samples = 0;
}

template <class Scalar>
void PlainNetwork<Scalar>::layer_forward(std::size_t layer, Slot& slot) const {
  const Shape& shape = borders_[layer];
  const Scalar* parameters = parameters_.data() + offsets_[layer];
  const Scalar* input = slot.values[layer].data();
  Scalar* output = slot.values[layer + 1].data();
  const LayerKind& kind = model_.layers[layer].kind;
  if (const auto* conv = std::get_if<Conv2d>(&kind)) {
    conv2d_forward(sizes_of(*conv, shape, slot.samples), input, parameters, parameters + weights_in(*conv), output);
  } else if (const auto* linear = std::get_if<Linear>(&kind)) {
    linear_forward(sizes_of(*linear, slot.samples), input, parameters, parameters + weights_in(*linear), output);
  } else if (const auto* pool = std::get_if<MaxPool2d>(&kind)) {
    max_pool2d_forward(sizes_of(*pool, shape, slot.samples), input, output);
  } else if (std::holds_alternative<Relu>(kind)) {
    relu_forward(slot.samples * elements_of(shape), input, output);
  } else {
    std::copy_n(input, slot.samples * elements_of(shape), output);  // Flatten: row-major order is C, H, W already
  }
}

template <class Scalar>
void PlainNetwork<Scalar>::layer_backward(std::size_t layer, const Slot& slot, const Scalar* output_gradient,
                                          Scalar* input_gradient, Scalar* gradient) const {
  const Shape& shape = borders_[layer];
  const Scalar* parameters = parameters_.data() + offsets_[layer];
  const Scalar* input = slot.values[layer].data();
  const LayerKind& kind = model_.layers[layer].kind;
  if (const auto* conv = std::get_if<Conv2d>(&kind)) {
    conv2d_backward(sizes_of(*conv, shape, slot.samples), input, parameters, output_gradient, input_gradient, gradient,
                    gradient + weights_in(*conv));
  } else if (const auto* linear = std::get_if<Linear>(&kind)) {
    linear_backward(sizes_of(*linear, slot.samples), input, parameters, output_gradient, input_gradient, gradient,
                    gradient + weights_in(*linear));
  } else if (!input_gradient) {
    return;
  } else if (const auto* pool = std::get_if<MaxPool2d>(&kind)) {
    max_pool2d_backward(sizes_of(*pool, shape, slot.samples), input, output_gradient, input_gradient);
  } else if (std::holds_alternative<Relu>(kind)) {
    relu_backward(slot.samples * elements_of(shape), slot.values[layer + 1].data(), output_gradient, input_gradient);
  } else {
    std::copy_n(output_gradient, slot.samples * elements_of(shape), input_gradient);
  }
}

template class PlainNetwork<float>;
template class PlainNetwork<double>;

}  // namespace troupe::nn
