#include "nn/model/model.h"

#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::nn;

namespace {

Model small(std::vector<Layer> layers) { return {.name = "small", .input = {1, 6, 6}, .layers = std::move(layers)}; }

std::string complaint(const Model& model) {
  const Result<void> result = check(model);
  return result ? "" : result.error().message;
}

}  // namespace

TEST_CASE("lenet has the parameters of the tutorial, under PyTorch's names", "[model]") {
  const Model model = lenet();
  REQUIRE(check(model));
  CHECK(parameter_count(model) == 62006);
  const std::vector<ParameterInfo> parameters = parameters_of(model);
  REQUIRE(parameters.size() == 10);
  CHECK(parameters[0].name == "conv1.weight");
  CHECK(parameters[0].shape == Shape{6, 3, 5, 5});
  CHECK(parameters[1].name == "conv1.bias");
  CHECK(parameters[2].offset == 456);
  CHECK(parameters[4].name == "fc1.weight");
  CHECK(parameters[4].shape == Shape{120, 400});
  CHECK(parameters[9].name == "fc3.bias");
  CHECK(parameters[9].offset + parameters[9].size == 62006);
  CHECK(borders(model).back() == Shape{10});
}

TEST_CASE("lenet takes 1.303 MFLOP forward and 3.205 in training, 3.910 with the input's gradient", "[model]") {
  CHECK(flops_of(lenet(), false).forward == 1303440);
  CHECK(flops_of(lenet(), false).training == 3204720);
  CHECK(flops_of(lenet(), true).training == 3910320);
}

TEST_CASE("a layer that does not fit the one before it is refused by name", "[model]") {
  CHECK_THAT(complaint(small({})), Catch::Contains("no layers"));
  CHECK_THAT(complaint(small({{"c", Conv2d{2, 3, 3}}})), Catch::Contains("layer 'c': the input is [1,6,6]"));
  CHECK_THAT(complaint(small({{"c", Conv2d{1, 3, 7}}})), Catch::Contains("at least 7x7"));
  CHECK_THAT(complaint(small({{"c", Conv2d{1, 0, 3}}})), Catch::Contains("[0,1,3,3]"));
  CHECK_THAT(complaint(small({{"p", MaxPool2d{7}}})), Catch::Contains("at least 7x7"));
  CHECK_THAT(complaint(small({{"p", MaxPool2d{0}}})), Catch::Contains("positive"));
  CHECK_THAT(complaint(small({{"f", Linear{36, 4}}})), Catch::Contains("expected 36 features"));
  CHECK_THAT(complaint(small({{"", Conv2d{1, 3, 3}}})), Catch::Contains("no name"));
  CHECK_THAT(complaint(small({{"c", Conv2d{1, 1, 2}}, {"c", Conv2d{1, 1, 2}}})), Catch::Contains("'c'"));
  CHECK_THAT(complaint({.name = "big", .input = {1 << 20, 1 << 20, 4}, .layers = {{"r", Relu{}}}}),
             Catch::Contains("2^31"));
  CHECK(check(small({{"r", Relu{}}, {"p", MaxPool2d{2}}, {"r", Relu{}}, {"f", Flatten{}}, {"l", Linear{9, 1}}})));
}

TEST_CASE("a piece is a model whose parameters are a range of the whole model's", "[model]") {
  const Model tail = lenet().piece(3, 12);
  REQUIRE(check(tail));
  CHECK(tail.input == Shape{6, 14, 14});
  CHECK(parameter_count(tail) == 62006 - 456);
  CHECK(parameters_of(tail)[0].name == "conv2.weight");
  CHECK(lenet().piece(0, 12) == lenet());
}

TEST_CASE("lenet is cut after pool1 for two pieces, after pool1 and pool2 for three", "[model]") {
  CHECK(balanced_cut(lenet(), 1).value() == std::vector<std::size_t>{0, 12});
  CHECK(balanced_cut(lenet(), 2).value() == std::vector<std::size_t>{0, 3, 12});
  CHECK(balanced_cut(lenet(), 3).value() == std::vector<std::size_t>{0, 3, 7, 12});
  CHECK(balanced_cut(lenet(), 4).value() == std::vector<std::size_t>{0, 3, 7, 9, 12});
  CHECK(balanced_cut(lenet(), 5).value() == std::vector<std::size_t>{0, 3, 7, 9, 11, 12});
}

TEST_CASE("a cut into no pieces, or more than layers with parameters, is refused", "[model]") {
  CHECK_FALSE(balanced_cut(lenet(), 0));
  REQUIRE_FALSE(balanced_cut(lenet(), 6));
  CHECK_THAT(balanced_cut(lenet(), 6).error().message, Catch::Contains("into 6 pieces") && Catch::Contains("has 5"));
  CHECK(balanced_cut(small({{"r", Relu{}}}), 1));
  CHECK_FALSE(balanced_cut(small({{"r", Relu{}}}), 2));
}

TEST_CASE("layers in front of the first one with parameters stay with it", "[model]") {
  const Model mlp{.name = "mlp",
                  .input = {1, 2, 2},
                  .layers = {{"flatten", Flatten{}}, {"a", Linear{4, 4}}, {"relu", Relu{}}, {"b", Linear{4, 4}}}};
  CHECK(balanced_cut(mlp, 2).value() == std::vector<std::size_t>{0, 3, 4});
}

TEST_CASE("initial parameters are uniform in their bounds and depend on seed and place alone", "[model]") {
  const std::vector<float> values = initial_parameters(lenet(), 1);
  REQUIRE(values.size() == 62006);
  CHECK(values == initial_parameters(lenet(), 1));
  CHECK(values != initial_parameters(lenet(), 2));
  for (const ParameterInfo& parameter : parameters_of(lenet())) {
    const double bound = 1 / std::sqrt(static_cast<double>(parameter.fan_in));
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(parameter.offset);
    const auto [low, high] = std::minmax_element(begin, begin + static_cast<std::ptrdiff_t>(parameter.size));
    CHECK(std::max(-*low, *high) <= bound);
    if (parameter.size < 400) continue;
    CHECK(*low < -0.97 * bound);
    CHECK(*high > 0.97 * bound);
    double sum = 0;
    for (std::size_t i = 0; i < parameter.size; ++i) sum += begin[static_cast<std::ptrdiff_t>(i)];
    CHECK(std::abs(sum / static_cast<double>(parameter.size)) <
          4 * bound / std::sqrt(3.0 * static_cast<double>(parameter.size)));
  }
  // A one-layer model with the same fan-in begins with the same values.
  const std::vector<float> first = initial_parameters(lenet().piece(0, 1), 1);
  CHECK(std::equal(first.begin(), first.end(), values.begin()));
}

TEST_CASE("an unknown model's name is answered with those there are", "[model]") {
  CHECK(find_model("lenet").value() == lenet());
  CHECK_THAT(find_model("alexnet").error().message, Catch::Contains("'alexnet'") && Catch::Contains("lenet"));
}
