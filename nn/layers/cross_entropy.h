// Softmax and cross entropy in one: the loss of a classifier on its logits.
#pragma once

#include <cstdint>
#include <span>

namespace troupe::nn {

struct LossSum {
  double loss = 0;           ///< Sum over the samples, in their order.
  std::int64_t correct = 0;  ///< Samples whose largest logit is the label's; the first wins a tie.
};

/// Sums the cross entropy over the samples; fills `gradient`, unless it is empty, with softmax - onehot, not divided by
/// the number of samples.
///
/// Shapes: logits, gradient [n, classes]; labels [n].
LossSum cross_entropy(std::span<const float> logits, std::span<const std::uint8_t> labels, std::span<float> gradient);
LossSum cross_entropy(std::span<const double> logits, std::span<const std::uint8_t> labels, std::span<double> gradient);

}  // namespace troupe::nn
