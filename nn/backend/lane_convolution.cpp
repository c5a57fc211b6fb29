#include <algorithm>

#include "nn/backend/lane_steps.h"

namespace troupe::nn {

namespace {

class ConvolutionStep final : public LaneStep {
 public:
  ConvolutionStep(const LaneOptions& options, const Conv2d& conv, const Shape& input, bool relu, std::int64_t pool)
      : set_(options.set), relu_(relu), pool_(pool) {
    const std::int64_t height = input[1] - conv.kernel + 1;
    const std::int64_t width = input[2] - conv.kernel + 1;
    const std::int64_t pad = conv.kernel - 1;
    forward_ = {.in_channels = conv.in_channels,
                .in_height = input[1],
                .in_width = input[2],
                .in_stride = input[2],
                .out_channels = conv.out_channels,
                .out_height = height,
                .out_width = width,
                .kernel = conv.kernel,
                .relu = relu};
    to_input_ = {.in_channels = conv.out_channels,
                 .in_height = height,
                 .in_width = width,
                 .out_channels = conv.in_channels,
                 .out_height = input[1],
                 .out_width = input[2],
                 .kernel = conv.kernel,
                 .pad = pad};
    weights_ = conv.out_channels * conv.in_channels * conv.kernel * conv.kernel;
    packed_ = Buffer(static_cast<std::size_t>(weights_));
    packed_to_input_ = Buffer(static_cast<std::size_t>(weights_));
    bias_ = Buffer(static_cast<std::size_t>(conv.out_channels));
    no_bias_ = Buffer(static_cast<std::size_t>(conv.in_channels));
    pooled_ = pool_ > 0 ? conv.out_channels * (height / pool_) * (width / pool_) : conv.out_channels * height * width;
    const std::int64_t lanes = set_.groups[0].lanes;
    if (pool_ > 0) {
      before_pool_ = Buffer(static_cast<std::size_t>(conv.out_channels * height * width * lanes + overrun));
      const auto most = static_cast<std::size_t>(pooled_ * padded(options.most_samples, lanes));
      for (std::size_t slot = 0; slot < options.slots; ++slot) chosen_.emplace_back(most);
    }
    std::int64_t most_spread = 0;
    for (std::int64_t kind = 0; kind < set_.group_kinds; ++kind) {
      const std::int64_t stride = spread_for(set_.groups[kind], pad).stride();
      most_spread = std::max(most_spread, conv.out_channels * height * stride * set_.groups[kind].lanes);
    }
    spread_ = Buffer(static_cast<std::size_t>(most_spread + overrun));
  }

  void set_parameters(const float* parameters) override {
    set_.pack_weights(forward_, false, parameters, packed_.data());
    set_.pack_weights(to_input_, true, parameters, packed_to_input_.data());
    std::copy_n(parameters + weights_, forward_.out_channels, bias_.data());
  }

  void forward(const Forward& pass) override {
    for_each_group(set_, pass.samples, [&](const Group& group) {
      const float* input = pass.input + group.first_sample * inputs();
      float* output = pass.output + group.first_sample * pooled_;
      if (pool_ == 0) {
        group.kernels.correlate(forward_, input, packed_.data(), bias_.data(), output);
        return;
      }
      group.kernels.correlate(forward_, input, packed_.data(), bias_.data(), before_pool_.data());
      group.kernels.pool(forward_.out_channels, forward_.out_height, forward_.out_width, pool_, before_pool_.data(),
                         output, chosen_of(pass.slot, group));
    });
  }

  void backward(const Backward& pass) override {
    std::fill_n(pass.gradient, weights_ + forward_.out_channels, 0.0f);
    for_each_group(set_, pass.samples, [&](const Group& group) {
      const std::int64_t outputs = group.first_sample * pooled_;
      const GradientSpread spread = spread_for(group.kernels, pass.input_gradient ? to_input_.pad : 0);
      group.kernels.spread_gradient(spread, pass.output_gradient + outputs,
                                    pool_ > 0 ? chosen_of(pass.slot, group) : nullptr,
                                    relu_ ? pass.output + outputs : nullptr, spread_.data());
      group.kernels.correlate_weights(forward_, spread, pass.input + group.first_sample * inputs(), spread_.data(),
                                      pass.gradient, pass.gradient + weights_);
      if (!pass.input_gradient) return;
      to_input_.in_stride = spread.stride();
      group.kernels.correlate(to_input_, spread_.data(), packed_to_input_.data(), no_bias_.data(),
                              pass.input_gradient + group.first_sample * inputs());
    });
  }

 private:
  std::int64_t inputs() const { return forward_.in_channels * forward_.in_height * forward_.in_width; }

  /// `zeros`: that the backward pass to the input wants on either side.
  GradientSpread spread_for(const LaneKernels& kernels, std::int64_t zeros) const {
    return {.channels = forward_.out_channels,
            .height = forward_.out_height,
            .width = forward_.out_width,
            .pool = std::max<std::int64_t>(pool_, 1),
            .zeros_left = zeros,
            .zeros_right = std::max(zeros, kernels.zeros_right)};
  }

  std::int32_t* chosen_of(std::size_t slot, const Group& group) {
    return chosen_[slot].data() + group.first_sample * pooled_;
  }

  const LaneKernelSet& set_;
  bool relu_;
  std::int64_t pool_;
  Correlation forward_;
  Correlation to_input_;
  std::int64_t weights_ = 0;
  std::int64_t pooled_ = 0;  // outputs of a sample
  Buffer packed_;
  Buffer packed_to_input_;
  Buffer bias_;
  Buffer no_bias_;
  Buffer before_pool_;                              // of one group; backward needs only what the pool chose
  Buffer spread_;                                   // of one group
  std::vector<AlignedArray<std::int32_t>> chosen_;  // by slot
};

}  // namespace

std::unique_ptr<LaneStep> convolution_step(const LaneOptions& options, const Conv2d& conv, const Shape& input,
                                           bool relu, std::int64_t pool) {
  return std::make_unique<ConvolutionStep>(options, conv, input, relu, pool);
}

}  // namespace troupe::nn
