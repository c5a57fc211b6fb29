#include "nn/backend/lane_backend.h"

#include <algorithm>
#include <utility>

#include "nn/backend/lane_steps.h"
#include "nn/tensor/flush_denormals.h"
#include "runtime/base/check.h"

namespace troupe::nn {

namespace {

class LaneNetwork final : public Network {
 public:
  LaneNetwork(const Model& model, const BuildOptions& options, const LaneKernelSet& set)
      : set_(set), options_(options), borders_(borders(model)), parameter_count_(parameter_count(model)) {
    add_steps(model);
    slots_.resize(options.slots);
    for (Slot& slot : slots_) slot.values.resize(borders_.size());
    std::size_t most = 0;
    const auto make_border = [&](std::size_t border) {
      const std::size_t storage = lane_storage(borders_[border], options.most_samples);
      for (Slot& slot : slots_) slot.values[border] = Buffer(storage);
      most = std::max(most, storage);
    };
    make_border(0);
    for (const Placed& placed : steps_) make_border(placed.end);
    for (Buffer& gradient : gradients_) gradient = Buffer(most);
  }

  void set_parameters(std::span<const float> parameters) override {
    TROUPE_CHECK(parameters.size() == parameter_count_, "all parameters of the model are set");
    for (const Placed& placed : steps_) placed.step->set_parameters(parameters.data() + placed.offset);
  }

  void forward(std::size_t slot_index, std::int64_t samples, std::span<const float> input,
               std::span<float> output) override {
    TROUPE_CHECK(slot_index < slots_.size(), "the network was built for this slot");
    TROUPE_CHECK(samples > 0 && samples <= options_.most_samples, "no slot is larger than the network was built for");
    TROUPE_CHECK(input.size() == plain_size(borders_.front(), samples), "the input holds this many samples");
    TROUPE_CHECK(output.size() == plain_size(borders_.back(), samples), "the output has room for this many samples");
    const FlushDenormals flush;
    Slot& slot = slots_[slot_index];
    slot.samples = samples;
    from_plain(set_, borders_.front(), samples, input.data(), slot.values.front().data());
    for (const Placed& placed : steps_) {
      placed.step->forward({.slot = slot_index,
                            .samples = samples,
                            .input = slot.values[placed.begin].data(),
                            .output = slot.values[placed.end].data()});
    }
    to_plain(set_, borders_.back(), samples, slot.values.back().data(), output.data());
  }

  void backward(std::size_t slot_index, std::span<const float> output_gradient, std::span<float> input_gradient,
                std::span<float> gradient) override {
    TROUPE_CHECK(slot_index < slots_.size() && slots_[slot_index].samples > 0,
                 "backward follows a forward of the same slot");
    Slot& slot = slots_[slot_index];
    const std::int64_t samples = slot.samples;
    TROUPE_CHECK(output_gradient.size() == plain_size(borders_.back(), samples), "one gradient for every output");
    TROUPE_CHECK(input_gradient.empty() || input_gradient.size() == plain_size(borders_.front(), samples),
                 "one gradient for every input");
    TROUPE_CHECK(gradient.size() == parameter_count_, "one gradient for every parameter");
    const FlushDenormals flush;
    from_plain(set_, borders_.back(), samples, output_gradient.data(), gradients_[0].data());
    for (std::size_t i = steps_.size(); i-- > 0;) {
      const Placed& placed = steps_[i];
      const bool is_wanted = i > first_with_parameters_ || !input_gradient.empty();
      if (i < first_with_parameters_ && !is_wanted) break;
      placed.step->backward({.slot = slot_index,
                             .samples = samples,
                             .input = slot.values[placed.begin].data(),
                             .output = slot.values[placed.end].data(),
                             .output_gradient = gradients_[0].data(),
                             .input_gradient = is_wanted ? gradients_[1].data() : nullptr,
                             .gradient = gradient.data() + placed.offset});
      std::swap(gradients_[0], gradients_[1]);
    }
    if (!input_gradient.empty()) {
      to_plain(set_, borders_.front(), samples, gradients_[0].data(), input_gradient.data());
    }
    slot.samples = 0;
  }

 private:
  /// A step, the borders it goes from and to, and where its parameters begin.
  struct Placed {
    std::unique_ptr<LaneStep> step;
    std::size_t begin;
    std::size_t end;
    std::size_t offset;
  };
  struct Slot {
    std::int64_t samples = 0;         // 0: no forward since the last backward
    std::vector<Buffer> values = {};  // at the borders between steps
  };

  static std::size_t plain_size(const Shape& shape, std::int64_t samples) {
    return static_cast<std::size_t>(samples * elements_of(shape));
  }

  void add_steps(const Model& model) {
    const LaneOptions options{.set = set_, .slots = options_.slots, .most_samples = options_.most_samples};
    const auto& layers = model.layers;
    std::size_t offset = 0;
    for (std::size_t i = 0; i < layers.size();) {
      const std::size_t begin = i++;
      const LayerKind& kind = layers[begin].kind;
      const auto take_relu = [&] {
        const bool is_there = i < layers.size() && std::holds_alternative<Relu>(layers[i].kind);
        if (is_there) ++i;
        return is_there;
      };
      std::unique_ptr<LaneStep> step;
      if (const auto* conv = std::get_if<Conv2d>(&kind)) {
        const bool relu = take_relu();
        const auto* pool = i < layers.size() ? std::get_if<MaxPool2d>(&layers[i].kind) : nullptr;
        if (pool) ++i;
        step = convolution_step(options, *conv, borders_[begin], relu, pool ? pool->size : 0);
      } else if (const auto* linear = std::get_if<Linear>(&kind)) {
        step = linear_step(options, *linear, take_relu());
      } else if (const auto* pool = std::get_if<MaxPool2d>(&kind)) {
        step = pool_step(options, *pool, borders_[begin]);
      } else if (std::holds_alternative<Relu>(kind)) {
        step = relu_step(options, borders_[begin]);
      } else {
        step = flatten_step(options, borders_[begin]);
      }
      steps_.push_back({std::move(step), begin, i, offset});
      if (has_parameters(layers[begin])) {
        first_with_parameters_ = std::min(first_with_parameters_, steps_.size() - 1);
        offset += parameter_count(model.piece(begin, begin + 1));
      }
    }
    first_with_parameters_ = std::min(first_with_parameters_, steps_.size());
  }

  const LaneKernelSet& set_;
  BuildOptions options_;
  std::vector<Shape> borders_;
  std::size_t parameter_count_;
  std::vector<Placed> steps_;
  std::size_t first_with_parameters_ = SIZE_MAX;
  std::vector<Slot> slots_;
  Buffer gradients_[2];  // of the border in work, and of the one in front
};

}  // namespace

std::unique_ptr<Network> LaneBackend::build(const Model& model, const BuildOptions& options) const {
  return std::make_unique<LaneNetwork>(model, options, set_);
}

}  // namespace troupe::nn
