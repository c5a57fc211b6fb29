// Stochastic gradient descent with momentum, as PyTorch does it without damping, Nesterov or weight decay.
#pragma once

#include <span>

namespace troupe::nn {

/// As written by people; a step rounds both to fp32 first.
struct SgdOptions {
  double learning_rate = 0.001;
  double momentum = 0.9;
  friend bool operator==(const SgdOptions&, const SgdOptions&) = default;
};

/// v <- momentum v + gradient_sum / samples;  parameters <- parameters - learning_rate v.
///
/// Shapes: all [n].
void sgd_step(const SgdOptions& options, float samples, std::span<const float> gradient_sum, std::span<float> velocity,
              std::span<float> parameters);

}  // namespace troupe::nn
