// A slot's bits depend on the parameters and the slot alone: by memcmp.
#include <cstring>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/nn/backends.h"
#include "tests/nn/numbers.h"

using namespace troupe::nn;

extern "C" void omp_set_num_threads(int threads);

namespace {

using Values = std::vector<float>;

struct Outcome {
  Values output, input_gradient, gradient;
};

bool same_bits(const Values& a, const Values& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

bool same_bits(const Outcome& a, const Outcome& b) {
  return same_bits(a.output, b.output) && same_bits(a.input_gradient, b.input_gradient) &&
         same_bits(a.gradient, b.gradient);
}

std::size_t total(std::int64_t samples, const Shape& shape) {
  return static_cast<std::size_t>(samples * elements_of(shape));
}

Values input_of(const Model& model, std::int64_t samples) { return spread_floats(total(samples, model.input), 21); }

/// Runs the model as the pieces that `cut` says, each a network of its own.
Outcome in_pieces(const Backend& backend, const Model& model, const std::vector<std::size_t>& cut,
                  std::int64_t samples) {
  const Values parameters = initial_parameters(model, 9);
  std::vector<std::unique_ptr<Network>> networks;
  std::vector<Values> values{input_of(model, samples)};
  std::vector<std::size_t> offsets{0};
  for (std::size_t piece = 0; piece + 1 < cut.size(); ++piece) {
    const Model part = model.piece(cut[piece], cut[piece + 1]);
    networks.push_back(backend.build(part, {.slots = 1, .most_samples = samples}));
    const std::size_t count = parameter_count(part);
    networks.back()->set_parameters(std::span(parameters).subspan(offsets.back(), count));
    offsets.push_back(offsets.back() + count);
    values.emplace_back(total(samples, borders(part).back()));
    networks.back()->forward(0, samples, values[piece], values[piece + 1]);
  }
  Outcome outcome{values.back(), {}, Values(parameters.size())};
  Values gradient = spread_floats(values.back().size(), 22);
  for (std::size_t piece = networks.size(); piece-- > 0;) {
    Values input_gradient(values[piece].size());
    networks[piece]->backward(0, gradient, input_gradient,
                              std::span(outcome.gradient).subspan(offsets[piece], offsets[piece + 1] - offsets[piece]));
    gradient = std::move(input_gradient);
  }
  outcome.input_gradient = std::move(gradient);
  return outcome;
}

Outcome whole(const Backend& backend, const Model& model, std::int64_t samples) {
  return in_pieces(backend, model, {0, model.layers.size()}, samples);
}

/// Layers small and large, and two rectifiers in a row.
Model mixed() {
  return {.name = "mixed",
          .input = {3, 12, 12},
          .layers = {{"a", Conv2d{3, 32, 3}},
                     {"r", Relu{}},
                     {"r", Relu{}},
                     {"b", Conv2d{32, 64, 3}},
                     {"p", MaxPool2d{2}},
                     {"r", Relu{}},
                     {"f", Flatten{}},
                     {"l", Linear{1024, 300}},
                     {"r", Relu{}},
                     {"m", Linear{300, 4}}}};
}

}  // namespace

TEST_CASE("a model cut in two anywhere gives the bits of the whole", "[pieces]") {
  for (const auto& backend : all_backends()) {
    for (const Model& model : {lenet(), mixed()}) {
      for (const std::int64_t samples : {1, 4, 7, 24, 28}) {
        if (backend->name() == "reference" && samples > 4) continue;  // slow, and the same loops for any number
        const Outcome expected = whole(*backend, model, samples);
        for (std::size_t border = 1; border < model.layers.size(); ++border) {
          INFO(backend->name() << ", " << model.name << " of " << samples << " cut at " << border);
          CHECK(same_bits(in_pieces(*backend, model, {0, border, model.layers.size()}, samples), expected));
        }
      }
    }
  }
}

TEST_CASE("lenet in one to five balanced pieces gives the same bits", "[pieces]") {
  for (const auto& backend : all_backends()) {
    const Outcome expected = whole(*backend, lenet(), 12);
    for (std::size_t pieces = 2; pieces <= 5; ++pieces) {
      INFO(backend->name() << " in " << pieces);
      CHECK(same_bits(in_pieces(*backend, lenet(), balanced_cut(lenet(), pieces).value(), 12), expected));
    }
  }
}

TEST_CASE("a slot's bits do not depend on its neighbours, its number or what it held before", "[pieces]") {
  const Model model = lenet();
  for (const auto& backend : all_backends()) {
    INFO(backend->name());
    const std::int64_t samples = 6;
    const Outcome expected = whole(*backend, model, samples);
    const auto network = backend->build(model, {.slots = 3, .most_samples = 9});
    const Values parameters = initial_parameters(model, 9);
    const Values input = input_of(model, samples);
    const Values other = spread_floats(total(9, model.input), 77);
    const Values output_gradient = spread_floats(static_cast<std::size_t>(samples) * 10, 22);
    const Values other_gradient = spread_floats(90, 78);
    Values output(static_cast<std::size_t>(samples) * 10), other_output(90), gradient(parameters.size());
    Values input_gradient(input.size());

    // The slot held nine other samples under other parameters, and its backward comes after its neighbours' forwards.
    network->set_parameters(initial_parameters(model, 10));
    network->forward(2, 9, other, other_output);
    network->backward(2, other_gradient, {}, gradient);
    network->set_parameters(parameters);
    network->forward(0, 9, other, other_output);
    network->forward(2, samples, input, output);
    network->forward(1, 9, other, other_output);
    network->backward(1, other_gradient, {}, gradient);
    network->backward(2, output_gradient, input_gradient, gradient);
    CHECK(same_bits({output, input_gradient, gradient}, expected));
  }
}

TEST_CASE("a slot's bits do not depend on the threads that OpenMP would use", "[pieces]") {
  for (const auto& backend : all_backends()) {
    INFO(backend->name());
    omp_set_num_threads(1);
    const Outcome one = whole(*backend, mixed(), 8);
    omp_set_num_threads(4);
    const Outcome four = whole(*backend, mixed(), 8);
    omp_set_num_threads(1);
    CHECK(same_bits(one, four));
  }
}
