#include "nn/layers/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "runtime/base/check.h"

namespace troupe::nn {

namespace {

/// Subtracting the largest logit keeps exp within its range and changes neither loss nor gradient.
template <class Scalar>
LossSum summed(std::span<const Scalar> logits, std::span<const std::uint8_t> labels, std::span<Scalar> gradient) {
  if (labels.empty()) return {};
  const std::size_t classes = logits.size() / labels.size();
  TROUPE_CHECK(classes > 0 && classes * labels.size() == logits.size(), "every sample has one logit a class");
  TROUPE_CHECK(gradient.empty() || gradient.size() == logits.size(), "the gradient is of the logits' size");

  LossSum total;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const Scalar* z = logits.data() + n * classes;
    const std::size_t label = labels[n];
    TROUPE_CHECK(label < classes, "a label is one of the classes");
    const Scalar* largest = std::max_element(z, z + classes);
    Scalar sum = 0;
    for (std::size_t c = 0; c < classes; ++c) sum += std::exp(z[c] - *largest);
    total.loss += std::log(sum) - (z[label] - *largest);
    if (largest == z + label) ++total.correct;
    if (gradient.empty()) continue;
    Scalar* g = gradient.data() + n * classes;
    for (std::size_t c = 0; c < classes; ++c) g[c] = std::exp(z[c] - *largest) / sum;
    g[label] -= 1;
  }
  return total;
}

}  // namespace

LossSum cross_entropy(std::span<const float> logits, std::span<const std::uint8_t> labels, std::span<float> gradient) {
  return summed(logits, labels, gradient);
}

LossSum cross_entropy(std::span<const double> logits, std::span<const std::uint8_t> labels,
                      std::span<double> gradient) {
  return summed(logits, labels, gradient);
}

}  // namespace troupe::nn
