// What computes: a back-end turns a model (or a piece of one) into a network that runs forward and backward on slots.
//
// A slot is a share of the batch whose gradient is always computed as one piece, so its bits depend on the slot and the
// parameters alone: not on which process computes it, nor on what else that process computes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/model/model.h"
#include "runtime/base/result.h"

namespace troupe::nn {

/// A model made ready for one back-end. Arrays at its borders are plain row-major fp32, samples first.
///
/// Threads: one thread at a time.
class Network {
 public:
  virtual ~Network() = default;

  /// Takes over the parameters for the forward and backward passes that follow.
  ///
  /// Shapes: flat, in model order (`parameters_of`).
  virtual void set_parameters(std::span<const float> parameters) = 0;

  /// Computes the output of slot `slot` and keeps what its backward pass will need, until that pass or the next forward
  /// of the same slot.
  ///
  /// Shapes: input [samples, input...], output [samples, output...]; samples >= 1, any number up to the most that
  /// `Backend::build` was told.
  virtual void forward(std::size_t slot, std::int64_t samples, std::span<const float> input,
                       std::span<float> output) = 0;

  /// Overwrites `gradient` with the sum over the slot's samples of the parameters' gradients, and `input_gradient`, if
  /// it is not empty, with the gradient of the slot's input.
  ///
  /// Requires: a forward of this slot since the last backward of it. The input that forward was given is still
  /// readable.
  virtual void backward(std::size_t slot, std::span<const float> output_gradient, std::span<float> input_gradient,
                        std::span<float> gradient) = 0;
};

struct BuildOptions {
  std::size_t slots = 1;          ///< How many slots may be live (forward done, backward not) at once.
  std::int64_t most_samples = 1;  ///< In one slot.
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;

  /// Requires: check(model).
  virtual std::unique_ptr<Network> build(const Model& model, const BuildOptions& options) const = 0;
};

/// `reference` (plain loops) or `cpu` (one core, fast); otherwise which there are.
Result<std::unique_ptr<Backend>> find_backend(const std::string& name);

}  // namespace troupe::nn
