// One table of layers and small models, run by every back-end and compared with the plain loops in double.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "nn/backend/plain_network.h"
#include "tests/nn/backends.h"
#include "tests/nn/numbers.h"

using namespace troupe::nn;

namespace {

struct Row {
  std::string name;
  Shape input;
  std::vector<Layer> layers;
  std::vector<std::int64_t> samples;
};

std::vector<Row> table() {
  return {
      {"conv1 of lenet", {3, 32, 32}, {{"c", Conv2d{3, 6, 5}}}, {1, 3, 4, 28}},
      {"conv2 of lenet", {6, 14, 14}, {{"c", Conv2d{6, 16, 5}}}, {1, 2, 17, 24}},
      {"conv, one pixel", {5, 3, 4}, {{"c", Conv2d{5, 7, 1}}}, {1, 9}},
      {"conv, one position", {2, 3, 3}, {{"c", Conv2d{2, 1, 3}}}, {1, 5}},
      {"conv, oblong", {2, 5, 11}, {{"c", Conv2d{2, 13, 4}}}, {1, 6, 21}},
      {"conv, two by two", {1, 9, 9}, {{"c", Conv2d{1, 9, 2}}}, {2, 11}},
      {"conv, kernel of seven", {4, 12, 15}, {{"c", Conv2d{4, 5, 7}}}, {3, 8}},
      {"conv, many channels", {32, 8, 8}, {{"c", Conv2d{32, 64, 3}}}, {1, 7}},
      {"conv and relu", {3, 10, 10}, {{"c", Conv2d{3, 5, 3}}, {"relu", Relu{}}}, {1, 4, 15}},
      {"conv, relu and pool", {3, 10, 10}, {{"c", Conv2d{3, 6, 3}}, {"r", Relu{}}, {"p", MaxPool2d{2}}}, {1, 4, 15}},
      {"conv, pool and relu", {3, 9, 10}, {{"c", Conv2d{3, 6, 3}}, {"p", MaxPool2d{2}}, {"r", Relu{}}}, {1, 12}},
      {"relu", {3, 5, 5}, {{"r", Relu{}}}, {1, 7}},
      {"relu of features", {19}, {{"r", Relu{}}}, {1, 7}},
      {"pool", {3, 6, 8}, {{"p", MaxPool2d{2}}}, {1, 5, 16}},
      {"pool of three, with an edge", {2, 8, 10}, {{"p", MaxPool2d{3}}}, {1, 5}},
      {"pool, with an edge", {17, 5, 7}, {{"p", MaxPool2d{2}}}, {1, 3}},
      {"flatten", {3, 4, 5}, {{"f", Flatten{}}}, {1, 3}},
      {"flatten twice", {3, 4, 5}, {{"f", Flatten{}}, {"f", Flatten{}}, {"l", Linear{60, 3}}}, {1, 3}},
      {"fc1 of lenet", {400}, {{"l", Linear{400, 120}}}, {1, 5, 28}},
      {"fc3 of lenet", {84}, {{"l", Linear{84, 10}}}, {1, 4, 24}},
      {"linear, one by one", {1}, {{"l", Linear{1, 1}}}, {1, 3}},
      {"linear, odd", {37}, {{"l", Linear{37, 11}}}, {1, 2, 13}},
      {"linear, large", {1100}, {{"l", Linear{1100, 520}}}, {1, 6}},
      {"perceptron",
       {1, 5, 5},
       {{"f", Flatten{}}, {"a", Linear{25, 18}}, {"r", Relu{}}, {"b", Linear{18, 7}}},
       {1, 3, 16}},
      {"linear after convs",
       {2, 8, 8},
       {{"a", Conv2d{2, 4, 3}},
        {"r", Relu{}},
        {"b", Conv2d{4, 3, 3}},
        {"r", Relu{}},
        {"r", Relu{}},
        {"f", Flatten{}},
        {"l", Linear{48, 5}}},
       {1, 7}},
      {"small and large layers",
       {3, 12, 12},
       {{"a", Conv2d{3, 32, 3}},
        {"r", Relu{}},
        {"b", Conv2d{32, 64, 3}},
        {"r", Relu{}},
        {"p", MaxPool2d{2}},
        {"f", Flatten{}},
        {"l", Linear{1024, 300}},
        {"r", Relu{}},
        {"m", Linear{300, 4}}},
       {1, 5}},
  };
}

struct Outcome {
  std::vector<double> output, input_gradient, gradient;
};

/// What a pass needs; the same numbers for the oracle and the back-end.
struct Numbers {
  std::vector<float> parameters, input, output_gradient;
};

std::vector<double> widened(const std::vector<float>& values) { return {values.begin(), values.end()}; }

Outcome by_loops(const Model& model, std::int64_t samples, const Numbers& numbers) {
  PlainNetwork<double> network(model, 1);
  Outcome outcome{std::vector<double>(numbers.output_gradient.size()), std::vector<double>(numbers.input.size()),
                  std::vector<double>(numbers.parameters.size())};
  network.set_parameters(widened(numbers.parameters));
  network.forward(0, samples, widened(numbers.input), outcome.output);
  network.backward(0, widened(numbers.output_gradient), outcome.input_gradient, outcome.gradient);
  return outcome;
}

Outcome by_backend(Network& network, std::int64_t samples, const Numbers& numbers) {
  std::vector<float> output(numbers.output_gradient.size(), 99), input_gradient(numbers.input.size(), 99);
  std::vector<float> gradient(numbers.parameters.size(), 99);
  network.set_parameters(numbers.parameters);
  network.forward(1, samples, numbers.input, output);
  network.backward(1, numbers.output_gradient, input_gradient, gradient);

  // Without the input's gradient, the parameters' is the same.
  std::vector<float> again(numbers.parameters.size(), 98);
  network.forward(1, samples, numbers.input, output);
  network.backward(1, numbers.output_gradient, {}, again);
  CHECK(again == gradient);
  return {widened(output), widened(input_gradient), widened(gradient)};
}

/// In parts of the largest expected value.
double error_of(const std::vector<double>& found, const std::vector<double>& expected) {
  double largest = 0, worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double error = std::abs(found[i] - expected[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return largest > 0 ? worst / largest : worst;
}

std::size_t total(std::int64_t samples, const Shape& shape) {
  return static_cast<std::size_t>(samples * elements_of(shape));
}

/// Runs the table on one back-end with numbers made by `numbers_for(model, samples)`.
template <class NumbersFor>
void run_table(const Backend& backend, double tolerance, NumbersFor numbers_for) {
  for (const Row& row : table()) {
    const Model model{.name = row.name, .input = row.input, .layers = row.layers};
    REQUIRE(troupe::nn::check(model));
    const std::int64_t most = *std::max_element(row.samples.begin(), row.samples.end());
    const auto network = backend.build(model, {.slots = 2, .most_samples = most});
    for (const std::int64_t samples : row.samples) {
      INFO(backend.name() << ": " << row.name << ", " << samples << " samples");
      const Numbers numbers = numbers_for(model, samples);
      const Outcome expected = by_loops(model, samples, numbers);
      const Outcome found = by_backend(*network, samples, numbers);
      CHECK(error_of(found.output, expected.output) <= tolerance);
      CHECK(error_of(found.input_gradient, expected.input_gradient) <= tolerance);
      CHECK(error_of(found.gradient, expected.gradient) <= tolerance);
    }
  }
}

Numbers real_numbers(const Model& model, std::int64_t samples) {
  return {.parameters = initial_parameters(model, 3),
          .input = spread_floats(total(samples, model.input), 4),
          .output_gradient = spread_floats(total(samples, borders(model).back()), 5)};
}

/// Whole numbers so small that every sum is exact in fp32: then ties are ties in every back-end.
Numbers whole_numbers(const Model& model, std::int64_t samples) {
  return {.parameters = small_integers(parameter_count(model), 1, 6),
          .input = small_integers(total(samples, model.input), 2, 7),
          .output_gradient = small_integers(total(samples, borders(model).back()), 2, 8)};
}

}  // namespace

TEST_CASE("every back-end computes every layer as the plain loops do", "[conformance]") {
  for (const auto& backend : all_backends()) run_table(*backend, 1e-5, real_numbers);
}

TEST_CASE("where sums are exact every back-end equals the plain loops, ties of pools and kinks included",
          "[conformance]") {
  for (const auto& backend : all_backends()) run_table(*backend, 0, whole_numbers);
}

TEST_CASE("an unknown back-end's name is answered with those there are", "[conformance]") {
  CHECK(find_backend("reference").value()->name() == "reference");
  CHECK(find_backend("cpu").value()->name() == "cpu");
  CHECK_THAT(find_backend("tpu").error().message, Catch::Contains("'tpu'") && Catch::Contains("reference, cpu"));
}
