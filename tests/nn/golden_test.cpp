// Ten training steps of lenet against the same ten steps by PyTorch, recorded by golden/record_pytorch.py, which also
// says how the file is laid out. TROUPE_GOLDEN_FILE is its path.
#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "nn/layers/cross_entropy.h"
#include "nn/optim/sgd.h"
#include "tests/nn/backends.h"

using namespace troupe::nn;

namespace {

constexpr std::size_t steps = 10;
constexpr std::size_t batch = 16;
constexpr std::size_t sampled = 16;
constexpr std::size_t pixels = 3 * 32 * 32;
constexpr double tolerance = 1e-5;

enum Stream : std::uint64_t { weights_stream = 1, pixels_stream = 2, labels_stream = 3 };

std::uint64_t number(Stream stream, std::uint64_t place) {
  std::uint64_t value = place * 0x9E3779B97F4A7C15u + stream * 0xD1342543DE82EF95u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

std::vector<float> initial_weights() {
  std::vector<float> weights;
  for (const ParameterInfo& parameter : parameters_of(lenet())) {
    const auto bound = static_cast<float>(1 / std::sqrt(static_cast<double>(parameter.fan_in)));
    for (std::size_t i = 0; i < parameter.size; ++i) {
      const auto whole = static_cast<float>(number(weights_stream, weights.size()) >> 40);
      weights.push_back(bound * (whole / static_cast<float>(1 << 23) - 1));
    }
  }
  return weights;
}

std::vector<float> images_of(std::size_t step) {
  std::vector<float> images(batch * pixels);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto whole = static_cast<float>(number(pixels_stream, step * images.size() + i) >> 56);
    images[i] = (whole / 255.0f - 0.5f) / 0.5f;
  }
  return images;
}

std::vector<std::uint8_t> labels_of(std::size_t step) {
  std::vector<std::uint8_t> labels(batch);
  for (std::size_t i = 0; i < batch; ++i) {
    labels[i] = static_cast<std::uint8_t>((number(labels_stream, step * batch + i) >> 32) % 10);
  }
  return labels;
}

struct Recorded {
  struct Gradient {
    double largest = 0;
    double norm = 0;
    std::vector<float> samples;
  };
  struct Step {
    double loss = 0;
    std::vector<Gradient> gradients;  // of each parameter
  };

  std::string made_by;
  std::vector<Step> steps;
  std::vector<float> first_gradient, last_gradient;
};

/// Takes numbers off the front of a file's bytes.
class Reader {
 public:
  explicit Reader(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }

  std::string line() {
    const std::size_t end = bytes_.find('\n');
    REQUIRE(end != std::string::npos);
    position_ = end + 1;
    return bytes_.substr(0, end);
  }

  float number() {
    REQUIRE(position_ + 4 <= bytes_.size());
    std::uint32_t bits = 0;
    for (int i = 3; i >= 0; --i) bits = bits << 8 | static_cast<unsigned char>(bytes_[position_ + i]);
    position_ += 4;
    return std::bit_cast<float>(bits);
  }

  std::vector<float> numbers(std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = number();
    return values;
  }

  bool is_at_end() const { return position_ == bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t position_ = 0;
};

Recorded read_recorded() {
  Reader reader(TROUPE_GOLDEN_FILE);
  Recorded recorded;
  recorded.made_by = reader.line();
  const std::size_t parameters = parameters_of(lenet()).size();
  for (std::size_t step = 0; step < steps; ++step) {
    Recorded::Step& read = recorded.steps.emplace_back();
    read.loss = reader.number();
    for (std::size_t i = 0; i < parameters; ++i) {
      Recorded::Gradient& gradient = read.gradients.emplace_back();
      gradient.largest = reader.number();
      gradient.norm = reader.number();
      gradient.samples = reader.numbers(sampled);
    }
  }
  recorded.first_gradient = reader.numbers(parameter_count(lenet()));
  recorded.last_gradient = reader.numbers(parameter_count(lenet()));
  REQUIRE(reader.is_at_end());
  return recorded;
}

/// One parameter's gradient in one step; `mean` is over the batch. `whole` is empty where only samples were recorded.
void compare(std::span<const float> mean, const Recorded::Gradient& expected, std::span<const float> whole) {
  double squares = 0;
  for (const float value : mean) squares += static_cast<double>(value) * value;
  CHECK(std::abs(std::sqrt(squares) - expected.norm) <= tolerance * expected.norm);
  double worst = 0;
  for (std::size_t k = 0; k < sampled; ++k) {
    worst = std::max<double>(worst, std::abs(mean[k * mean.size() / sampled] - expected.samples[k]));
  }
  for (std::size_t i = 0; i < whole.size(); ++i) worst = std::max<double>(worst, std::abs(mean[i] - whole[i]));
  CHECK(worst <= tolerance * expected.largest);
}

void compare_with_recorded(const Backend& backend, const Recorded& recorded) {
  const Model model = lenet();
  const auto network = backend.build(model, {.slots = 1, .most_samples = batch});
  std::vector<float> parameters = initial_weights();
  std::vector<float> velocity(parameters.size()), gradient(parameters.size()), mean(parameters.size());
  std::vector<float> logits(batch * 10), logits_gradient(batch * 10);
  for (std::size_t step = 0; step < steps; ++step) {
    INFO(backend.name() << " against " << recorded.made_by << ": step " << step + 1);
    const std::vector<float> images = images_of(step);
    network->set_parameters(parameters);
    network->forward(0, batch, images, logits);
    const LossSum loss = cross_entropy(logits, labels_of(step), logits_gradient);
    network->backward(0, logits_gradient, {}, gradient);
    CHECK(std::abs(loss.loss / batch - recorded.steps[step].loss) <= tolerance);

    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] = gradient[i] / batch;
    std::span<const float> whole;
    if (step == 0) whole = recorded.first_gradient;
    if (step == steps - 1) whole = recorded.last_gradient;
    const std::vector<ParameterInfo> infos = parameters_of(model);
    for (std::size_t i = 0; i < infos.size(); ++i) {
      INFO(infos[i].name);
      compare(std::span<const float>(mean).subspan(infos[i].offset, infos[i].size), recorded.steps[step].gradients[i],
              whole.empty() ? whole : whole.subspan(infos[i].offset, infos[i].size));
    }
    sgd_step({.learning_rate = 0.01f, .momentum = 0.9f}, batch, gradient, velocity, parameters);
  }
}

}  // namespace

TEST_CASE("ten steps of lenet lose and derive what PyTorch's do", "[golden]") {
  const Recorded recorded = read_recorded();
  for (const auto& backend : all_backends()) compare_with_recorded(*backend, recorded);
}
