#include "nn/backend/cpu_backend.h"

#include <utility>

#include "nn/backend/lane_backend.h"
#include "nn/backend/onednn_backend.h"
#include "runtime/base/check.h"

namespace troupe::nn {

namespace {

enum class Engine { lanes, onednn };

/// Measured on one Zen 4 core, forward and backward in slots of 4 and 28, lanes' time over oneDNN's: convolutions 3 to
/// 6 channels 0.2, 6 to 16 0.7, 3 to 64 0.6, 8 to 8 0.6, but 16 to 16 1.3 and 32 to 64 1.5; linear layers 400 x 120
/// 0.6, 2048 x 2048 0.9, but 4096 x 4096 1.15 (these fit no cache, and only oneDNN cuts them into blocks that do).
Engine engine_for(const Layer& layer) {
  if (const auto* conv = std::get_if<Conv2d>(&layer.kind)) {
    return conv->in_channels < 16 ? Engine::lanes : Engine::onednn;
  }
  const auto& linear = std::get<Linear>(layer.kind);
  return linear.in_features * linear.out_features <= 1 << 22 ? Engine::lanes : Engine::onednn;
}

/// Layers [begin, end) for one engine.
struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
  Engine engine = Engine::onednn;
};

/// Layers without parameters copy and compare, but never round: they go with the layer in front, or the first one
/// behind.
std::vector<Run> runs_of(const Model& model) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (!has_parameters(model.layers[i])) continue;
    const Engine engine = engine_for(model.layers[i]);
    if (runs.empty()) {
      runs.push_back({.begin = 0, .engine = engine});
    } else if (runs.back().engine != engine) {
      runs.back().end = i;
      runs.push_back({.begin = i, .engine = engine});
    }
  }
  if (runs.empty()) runs.push_back({.engine = Engine::lanes});
  runs.back().end = model.layers.size();
  return runs;
}

std::unique_ptr<Network> build_run(const Model& model, const Run& run, const BuildOptions& options) {
  const Model part = model.piece(run.begin, run.end);
  return run.engine == Engine::lanes ? LaneBackend().build(part, options) : OnednnBackend().build(part, options);
}

/// Networks one behind the other, with plain arrays between them.
class ChainNetwork final : public Network {
 public:
  ChainNetwork(const Model& model, const std::vector<Run>& runs, const BuildOptions& options) : slots_(options.slots) {
    for (const Run& run : runs) {
      const Model part = model.piece(run.begin, run.end);
      links_.push_back({.network = build_run(model, run, options),
                        .parameters = parameter_count(part),
                        .input_elements = static_cast<std::size_t>(elements_of(part.input))});
    }
    for (Slot& slot : slots_) slot.inputs.resize(links_.size());
    for (std::size_t i = 1; i < links_.size(); ++i) {
      const std::size_t most = static_cast<std::size_t>(options.most_samples) * links_[i].input_elements;
      for (Slot& slot : slots_) slot.inputs[i].resize(most);
      links_[i].input_gradient.resize(most);
    }
  }

  void set_parameters(std::span<const float> parameters) override {
    for (Link& link : links_) {
      TROUPE_CHECK(link.parameters <= parameters.size(), "all parameters of the model are set");
      link.network->set_parameters(parameters.first(link.parameters));
      parameters = parameters.subspan(link.parameters);
    }
    TROUPE_CHECK(parameters.empty(), "all parameters are the model's");
  }

  void forward(std::size_t slot, std::int64_t samples, std::span<const float> input, std::span<float> output) override {
    TROUPE_CHECK(slot < slots_.size(), "the network was built for this slot");
    slots_[slot].samples = static_cast<std::size_t>(samples);
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const std::span<float> next = i + 1 < links_.size() ? border(slot, i + 1) : output;
      links_[i].network->forward(slot, samples, input, next);
      input = next;
    }
  }

  void backward(std::size_t slot, std::span<const float> output_gradient, std::span<float> input_gradient,
                std::span<float> gradient) override {
    TROUPE_CHECK(slot < slots_.size(), "the network was built for this slot");
    for (std::size_t i = links_.size(); i-- > 0;) {
      Link& link = links_[i];
      TROUPE_CHECK(link.parameters <= gradient.size(), "one gradient for every parameter");
      const std::span<float> passed_on =
          i > 0 ? std::span(link.input_gradient).first(slots_[slot].samples * link.input_elements) : input_gradient;
      link.network->backward(slot, output_gradient, passed_on, gradient.last(link.parameters));
      gradient = gradient.first(gradient.size() - link.parameters);
      output_gradient = passed_on;
    }
    TROUPE_CHECK(gradient.empty(), "all gradients are the model's");
  }

 private:
  struct Link {
    std::unique_ptr<Network> network;
    std::size_t parameters = 0;
    std::size_t input_elements = 0;
    std::vector<float> input_gradient = {};
  };
  struct Slot {
    std::size_t samples = 0;
    std::vector<std::vector<float>> inputs = {};  // of each link but the first
  };

  std::span<float> border(std::size_t slot, std::size_t link) {
    return std::span(slots_[slot].inputs[link]).first(slots_[slot].samples * links_[link].input_elements);
  }

  std::vector<Link> links_;
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<Network> CpuBackend::build(const Model& model, const BuildOptions& options) const {
  const std::vector<Run> runs = runs_of(model);
  if (runs.size() == 1) return build_run(model, runs.front(), options);
  return std::make_unique<ChainNetwork>(model, runs, options);
}

}  // namespace troupe::nn
