// Backward against central differences, in double, on the reference loops.
#include <cmath>
#include <functional>
#include <vector>

#include <catch2/catch.hpp>

#include "nn/backend/plain_network.h"
#include "nn/layers/cross_entropy.h"
#include "tests/nn/numbers.h"

using namespace troupe::nn;

namespace {

constexpr double step = 1e-6;
constexpr double absolute_tolerance = 1e-5;
constexpr double relative_tolerance = 1e-3;

using Doubles = std::vector<double>;

/// Compares `gradient` with the central differences of `loss` over every entry of `at`.
void check_gradient(const std::string& what, Doubles at, const Doubles& gradient,
                    const std::function<double(const Doubles&)>& loss) {
  REQUIRE(gradient.size() == at.size());
  double worst = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double here = at[i];
    at[i] = here + step;
    const double above = loss(at);
    at[i] = here - step;
    const double below = loss(at);
    at[i] = here;
    const double numeric = (above - below) / (2 * step);
    worst = std::max(worst,
                     std::abs(gradient[i] - numeric) - (absolute_tolerance + relative_tolerance * std::abs(numeric)));
  }
  INFO(what);
  CHECK(worst <= 0);
}

/// Checks parameters' and input's gradients of a fixed random linear function of the outputs.
void check_model(const Model& model, std::int64_t samples) {
  INFO(model.name);
  REQUIRE(troupe::nn::check(model));
  const auto elements = [&](const Shape& shape) { return static_cast<std::size_t>(samples * elements_of(shape)); };
  const Doubles input = spread_values(elements(model.input), 11);
  const Doubles weights = spread_values(elements(borders(model).back()), 12);
  Doubles parameters = spread_values(parameter_count(model), 13);
  for (double& parameter : parameters) parameter *= 0.7;

  PlainNetwork<double> network(model, 1);
  const auto run = [&](const Doubles& with_parameters, const Doubles& with_input) {
    network.set_parameters(with_parameters);
    Doubles output(weights.size());
    network.forward(0, samples, with_input, output);
    double loss = 0;
    for (std::size_t i = 0; i < output.size(); ++i) loss += weights[i] * output[i];
    return loss;
  };

  run(parameters, input);
  Doubles gradient(parameters.size(), 99);
  Doubles input_gradient(input.size(), 99);
  network.backward(0, weights, input_gradient, gradient);
  check_gradient("input", input, input_gradient, [&](const Doubles& at) { return run(parameters, at); });
  check_gradient("parameters", parameters, gradient, [&](const Doubles& at) { return run(at, input); });
}

}  // namespace

TEST_CASE("every layer's backward is the derivative of its forward", "[gradient]") {
  const auto one = [](const std::string& name, const Shape& input, const LayerKind& kind) {
    return Model{.name = name, .input = input, .layers = {{"layer", kind}}};
  };
  check_model(one("conv", {2, 5, 6}, Conv2d{2, 3, 3}), 2);
  check_model(one("conv of one pixel", {3, 2, 2}, Conv2d{3, 2, 1}), 3);
  check_model(one("relu", {2, 3, 3}, Relu{}), 2);
  check_model(one("pool", {2, 4, 6}, MaxPool2d{2}), 2);
  check_model(one("pool with an edge", {1, 7, 8}, MaxPool2d{3}), 2);
  check_model(one("flatten", {2, 2, 2}, Flatten{}), 2);
  check_model(one("linear", {7}, Linear{7, 4}), 3);
}

TEST_CASE("a whole small model's backward is the derivative of its forward", "[gradient]") {
  check_model({.name = "small lenet",
               .input = {2, 10, 10},
               .layers = {{"conv1", Conv2d{2, 3, 3}},
                          {"relu", Relu{}},
                          {"pool", MaxPool2d{2}},
                          {"conv2", Conv2d{3, 4, 3}},
                          {"relu", Relu{}},
                          {"pool", MaxPool2d{2}},
                          {"flatten", Flatten{}},
                          {"fc1", Linear{4, 6}},
                          {"relu", Relu{}},
                          {"fc2", Linear{6, 3}}}},
              3);
  check_model({.name = "pool before relu",
               .input = {1, 6, 6},
               .layers = {{"conv1", Conv2d{1, 2, 3}}, {"pool", MaxPool2d{2}}, {"relu", Relu{}}}},
              2);
  check_model({.name = "perceptron",
               .input = {1, 3, 3},
               .layers = {{"flatten", Flatten{}}, {"a", Linear{9, 5}}, {"relu", Relu{}}, {"b", Linear{5, 2}}}},
              4);
}

TEST_CASE("the loss's gradient is the derivative of the loss", "[gradient]") {
  const std::vector<std::uint8_t> labels{0, 3, 4};
  const Doubles logits = spread_values(15, 5);
  Doubles gradient(15, 99);
  cross_entropy(logits, labels, gradient);
  check_gradient("logits", logits, gradient, [&](const Doubles& at) { return cross_entropy(at, labels, {}).loss; });
}
