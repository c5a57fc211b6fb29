#include <cmath>
#include <vector>

#include <catch2/catch.hpp>

#include "nn/layers/cross_entropy.h"
#include "nn/optim/sgd.h"

using namespace troupe::nn;

using Values = std::vector<float>;

TEST_CASE("equal logits lose ln(classes) a sample, and the gradient is softmax minus one-hot", "[loss]") {
  const Values logits(8, 3.0f);
  const std::vector<std::uint8_t> labels{1, 3};
  Values gradient(8);
  const LossSum sum = cross_entropy(logits, labels, gradient);
  CHECK(sum.loss == Approx(2 * std::log(4.0)));
  CHECK(gradient == Values{0.25, -0.75, 0.25, 0.25, /**/ 0.25, 0.25, 0.25, -0.75});
}

TEST_CASE("a sample counts as correct if its label's logit is the first largest", "[loss]") {
  const Values logits{0, 2, 2, /**/ 0, 2, 2, /**/ -1, -3, -2};
  const std::vector<std::uint8_t> labels{1, 2, 0};
  CHECK(cross_entropy(logits, labels, {}).correct == 2);
}

TEST_CASE("the loss of two logits is the log of one plus the exponential of their difference", "[loss]") {
  const Values logits{1, 3};
  const std::vector<std::uint8_t> labels{0};
  Values gradient(2);
  CHECK(cross_entropy(logits, labels, gradient).loss == Approx(std::log(1 + std::exp(2.0))));
  CHECK(gradient[1] == Approx(1 / (1 + std::exp(-2.0))));
  CHECK(gradient[0] == Approx(-1 / (1 + std::exp(-2.0))));
}

TEST_CASE("huge logits overflow nothing", "[loss]") {
  const Values logits{1e30f, -1e30f};
  const std::vector<std::uint8_t> labels{0};
  Values gradient(2);
  CHECK(cross_entropy(logits, labels, gradient).loss == 0);
  CHECK(gradient == Values{0, 0});
}

TEST_CASE("no samples lose nothing", "[loss]") {
  CHECK(cross_entropy(Values{}, {}, {}).loss == 0);
  CHECK(cross_entropy(Values{}, {}, {}).correct == 0);
}

TEST_CASE("momentum adds to the mean gradient, and the step is the learning rate times both", "[sgd]") {
  const SgdOptions options{.learning_rate = 0.5f, .momentum = 0.25f};
  const Values gradient_sum{8, -4};
  Values velocity{0, 0};
  Values parameters{1, 2};
  sgd_step(options, 4, gradient_sum, velocity, parameters);
  CHECK(velocity == Values{2, -1});
  CHECK(parameters == Values{0, 2.5});
  sgd_step(options, 4, gradient_sum, velocity, parameters);
  CHECK(velocity == Values{2.5, -1.25});
  CHECK(parameters == Values{-1.25, 3.125});
}
