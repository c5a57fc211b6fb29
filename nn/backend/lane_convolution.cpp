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
                .out_channels = conv.out_channels,
                .out_height = height,
                .out_width = width,
                .kernel = conv.kernel,
                .relu = relu};
    to_input_ = {.in_channels = conv.out_channels,
                 .in_height = height,
                 .in_width = width + 2 * pad,
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
    const std::int64_t lanes = set_.large.lanes;
    if (pool_ > 0) {
      before_pool_ = Buffer(static_cast<std::size_t>(conv.out_channels * height * width * lanes));
      const auto most = static_cast<std::size_t>(pooled_ * padded(options.most_samples, lanes));
      for (std::size_t slot = 0; slot < options.slots; ++slot) chosen_.emplace_back(most);
    }
    spread_ = Buffer(static_cast<std::size_t>(conv.out_channels * height * to_input_.in_width * lanes));
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
    const std::int64_t pad = pass.input_gradient ? to_input_.pad : 0;
    const GradientSpread spread{.channels = forward_.out_channels,
                                .height = forward_.out_height,
                                .width = forward_.out_width,
                                .pool = std::max<std::int64_t>(pool_, 1),
                                .pad_columns = pad};
    std::fill_n(pass.gradient, weights_ + forward_.out_channels, 0.0f);
    for_each_group(set_, pass.samples, [&](const Group& group) {
      group.kernels.spread_gradient(spread, pass.output_gradient + group.first_sample * pooled_,
                                    pool_ > 0 ? chosen_of(pass.slot, group) : nullptr,
                                    relu_ ? pass.output + group.first_sample * pooled_ : nullptr, spread_.data());
      group.kernels.correlate_weights(forward_, pass.input + group.first_sample * inputs(), spread_.data(),
                                      forward_.out_width + 2 * pad, pad, pass.gradient, pass.gradient + weights_);
      if (pass.input_gradient) {
        group.kernels.correlate(to_input_, spread_.data(), packed_to_input_.data(), no_bias_.data(),
                                pass.input_gradient + group.first_sample * inputs());
      }
    });
  }

 private:
  std::int64_t inputs() const { return forward_.in_channels * forward_.in_height * forward_.in_width; }

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
