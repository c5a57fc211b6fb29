// A model run by the plain loops of nn/layers, layer by layer: the text to read first, and the oracle of the tests.
// Over the scalar, so that gradients can be checked in double.
//
// Invariant: sums run over the samples in their order, so a slot's bits depend on the slot and the parameters alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nn/model/model.h"

namespace troupe::nn {

/// The same verbs as `Network`, which says what they promise.
template <class Scalar>
class PlainNetwork {
 public:
  /// Requires: check(model).
  PlainNetwork(const Model& model, std::size_t slots);

  void set_parameters(std::span<const Scalar> parameters);
  void forward(std::size_t slot, std::int64_t samples, std::span<const Scalar> input, std::span<Scalar> output);
  void backward(std::size_t slot, std::span<const Scalar> output_gradient, std::span<Scalar> input_gradient,
                std::span<Scalar> gradient);

 private:
  struct Slot {
    std::int64_t samples = 0;                 // 0: no forward since the last backward
    std::vector<std::vector<Scalar>> values;  // at every border, the model's input first
  };

  void layer_forward(std::size_t layer, Slot& slot) const;
  void layer_backward(std::size_t layer, const Slot& slot, const Scalar* output_gradient, Scalar* input_gradient,
                      Scalar* gradient) const;

  Model model_;
  std::vector<Shape> borders_;
  std::vector<std::size_t> offsets_;  // of each layer's parameters in the flat vector
  std::vector<Scalar> parameters_;
  std::vector<Slot> slots_;
};

}  // namespace troupe::nn
