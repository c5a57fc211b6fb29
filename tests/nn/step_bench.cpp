// How long a training step of lenet takes, by batch size: forward, loss and backward of every slot, the slots'
// gradients summed in their tree, one step of SGD.
//
// usage: nn_step_bench [back-end ...]
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "nn/backend/backend.h"
#include "nn/layers/cross_entropy.h"
#include "nn/optim/sgd.h"
#include "tests/nn/numbers.h"

using namespace troupe;
using namespace troupe::nn;

namespace {

using Clock = std::chrono::steady_clock;

/// What this thread has computed so far: on a busy machine closer to the truth than a clock.
double busy_milliseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

void add(const std::vector<float>& from, std::vector<float>& to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

struct Step {
  Model model = lenet();
  std::vector<std::int64_t> slots;
  std::unique_ptr<Network> network;
  std::vector<float> parameters = initial_parameters(lenet(), 1);
  std::vector<float> velocity = std::vector<float>(parameters.size());
  std::vector<std::vector<float>> gradients;
  std::vector<float> input, output, output_gradient;
  std::vector<std::uint8_t> labels;
  std::int64_t batch = 0;

  Step(const Backend& backend, std::vector<std::int64_t> slot_samples) : slots(std::move(slot_samples)) {
    network = backend.build(model, {.slots = slots.size(), .most_samples = slots.front()});
    for (const std::int64_t samples : slots) batch += samples;
    const auto count = static_cast<std::size_t>(batch);
    gradients.assign(slots.size(), std::vector<float>(parameters.size()));
    input = spread_floats(count * 3072, 7);
    output.resize(count * 10);
    output_gradient.resize(count * 10);
    for (std::size_t i = 0; i < count; ++i) labels.push_back(static_cast<std::uint8_t>(i * 7 % 10));
  }

  double run() {
    network->set_parameters(parameters);
    double loss = 0;
    std::size_t begin = 0;
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
      const auto count = static_cast<std::size_t>(slots[slot]);
      const auto logits = std::span(output).subspan(begin * 10, count * 10);
      const auto gradient = std::span(output_gradient).subspan(begin * 10, count * 10);
      network->forward(slot, slots[slot], std::span(input).subspan(begin * 3072, count * 3072), logits);
      loss += cross_entropy(logits, std::span(labels).subspan(begin, count), gradient).loss;
      network->backward(slot, gradient, {}, gradients[slot]);
      begin += count;
    }
    for (std::size_t distance = 1; distance < slots.size(); distance *= 2) {
      for (std::size_t i = 0; i + distance < slots.size(); i += 2 * distance) {
        add(gradients[i + distance], gradients[i]);
      }
    }
    sgd_step({.learning_rate = 0.001f}, static_cast<float>(batch), gradients[0], velocity, parameters);
    return loss / static_cast<double>(batch);
  }
};

void measure(const Backend& backend, std::vector<std::int64_t> slots) {
  Step step(backend, std::move(slots));
  double loss = 0;
  std::vector<double> wall, busy;
  const auto begin = Clock::now();
  while (wall.size() < 20 || Clock::now() - begin < std::chrono::milliseconds(1500)) {
    const auto before = Clock::now();
    const double busy_before = busy_milliseconds();
    loss = step.run();
    busy.push_back(busy_milliseconds() - busy_before);
    wall.push_back(std::chrono::duration<double, std::milli>(Clock::now() - before).count());
  }
  std::sort(wall.begin(), wall.end());
  std::sort(busy.begin(), busy.end());
  std::printf("%-10s batch %3ld, ms a step: median %7.3f, best %7.3f, median on the core %7.3f (loss %.4f)\n",
              backend.name().c_str(), static_cast<long>(step.batch), wall[wall.size() / 2], wall.front(),
              busy[busy.size() / 2], loss);
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::string> names(arguments + 1, arguments + count);
  if (names.empty()) names = {"cpu"};
  for (const std::string& name : names) {
    const auto backend = find_backend(name);
    if (!backend) {
      std::fprintf(stderr, "nn_step_bench: %s\n", backend.error().message.c_str());
      return 1;
    }
    measure(**backend, {1});
    measure(**backend, {4});
    measure(**backend, {16, 16});
    measure(**backend, {28, 24, 24, 24});
  }
  return 0;
}
