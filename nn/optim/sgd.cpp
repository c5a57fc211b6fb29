#include "nn/optim/sgd.h"

#include <cstddef>

#include "nn/tensor/flush_denormals.h"
#include "runtime/base/check.h"

namespace troupe::nn {

void sgd_step(const SgdOptions& options, float samples, std::span<const float> gradient_sum, std::span<float> velocity,
              std::span<float> parameters) {
  TROUPE_CHECK(gradient_sum.size() == parameters.size() && velocity.size() == parameters.size(),
               "gradient, velocity and parameters are of one size");
  TROUPE_CHECK(samples > 0, "a step follows at least one sample");
  const FlushDenormals flush;  // the velocity of a weight without gradient fades into them
  const auto momentum = static_cast<float>(options.momentum);
  const auto learning_rate = static_cast<float>(options.learning_rate);
  const float* gradient = gradient_sum.data();
  float* v = velocity.data();
  float* theta = parameters.data();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    v[i] = momentum * v[i] + gradient[i] / samples;
    theta[i] -= learning_rate * v[i];
  }
}

}  // namespace troupe::nn
