#include "nn/backend/lane_steps.h"

#include <algorithm>

namespace troupe::nn {

namespace {

/// Layers without parameters that are computed alone.
class PlainStep : public LaneStep {
 public:
  void set_parameters(const float*) final {}
};

class PoolStep final : public PlainStep {
 public:
  PoolStep(const LaneOptions& options, const MaxPool2d& pool, const Shape& input)
      : set_(options.set),
        spread_{.channels = input[0], .height = input[1], .width = input[2], .pool = pool.size},
        inputs_(elements_of(input)),
        outputs_(input[0] * (input[1] / pool.size) * (input[2] / pool.size)) {
    const auto most = static_cast<std::size_t>(outputs_ * padded(options.most_samples, set_.groups[0].lanes));
    for (std::size_t slot = 0; slot < options.slots; ++slot) chosen_.emplace_back(most);
  }

  void forward(const Forward& pass) override {
    for_each_group(set_, pass.samples, [&](const Group& group) {
      group.kernels.pool(spread_.channels, spread_.height, spread_.width, spread_.pool,
                         pass.input + group.first_sample * inputs_, pass.output + group.first_sample * outputs_,
                         chosen_[pass.slot].data() + group.first_sample * outputs_);
    });
  }

  void backward(const Backward& pass) override {
    if (!pass.input_gradient) return;
    for_each_group(set_, pass.samples, [&](const Group& group) {
      group.kernels.spread_gradient(spread_, pass.output_gradient + group.first_sample * outputs_,
                                    chosen_[pass.slot].data() + group.first_sample * outputs_, nullptr,
                                    pass.input_gradient + group.first_sample * inputs_);
    });
  }

 private:
  const LaneKernelSet& set_;
  GradientSpread spread_;
  std::int64_t inputs_;
  std::int64_t outputs_;
  std::vector<AlignedArray<std::int32_t>> chosen_;  // by slot
};

class ReluStep final : public PlainStep {
 public:
  explicit ReluStep(const Shape& input) : shape_(input) {}

  void forward(const Forward& pass) override {
    const std::size_t count = lane_storage(shape_, pass.samples);
    for (std::size_t i = 0; i < count; ++i) pass.output[i] = pass.input[i] <= 0 ? 0 : pass.input[i];
  }

  void backward(const Backward& pass) override {
    if (!pass.input_gradient) return;
    const std::size_t count = lane_storage(shape_, pass.samples);
    for (std::size_t i = 0; i < count; ++i) {
      pass.input_gradient[i] = pass.output[i] <= 0 ? 0 : pass.output_gradient[i];
    }
  }

 private:
  Shape shape_;
};

class FlattenStep final : public PlainStep {
 public:
  FlattenStep(const LaneOptions& options, const Shape& input) : set_(options.set), shape_(input) {}

  void forward(const Forward& pass) override {
    if (lies_in_rows(shape_)) {
      std::copy_n(pass.input, lane_storage(shape_, pass.samples), pass.output);
      return;
    }
    const std::int64_t features = elements_of(shape_);
    const std::int64_t row = padded(features, row_multiple);
    for_each_group(set_, pass.samples, [&](const Group& group) {
      group.kernels.from_lanes(group.samples, features, pass.input + group.first_sample * features,
                               pass.output + group.first_sample * row, row);
    });
  }

  void backward(const Backward& pass) override {
    if (!pass.input_gradient) return;
    if (lies_in_rows(shape_)) {
      std::copy_n(pass.output_gradient, lane_storage(shape_, pass.samples), pass.input_gradient);
      return;
    }
    const std::int64_t features = elements_of(shape_);
    const std::int64_t row = padded(features, row_multiple);
    for_each_group(set_, pass.samples, [&](const Group& group) {
      group.kernels.to_lanes(group.samples, features, pass.output_gradient + group.first_sample * row, row,
                             pass.input_gradient + group.first_sample * features);
    });
  }

 private:
  const LaneKernelSet& set_;
  Shape shape_;
};

}  // namespace

std::size_t lane_storage(const Shape& shape, std::int64_t samples) {
  constexpr std::int64_t most_lanes = 16;
  const std::int64_t numbers =
      lies_in_rows(shape) ? samples * padded(shape[0], row_multiple) : padded(samples, most_lanes) * elements_of(shape);
  return static_cast<std::size_t>(numbers + overrun);
}

void from_plain(const LaneKernelSet& set, const Shape& shape, std::int64_t samples, const float* plain, float* own) {
  const std::int64_t features = elements_of(shape);
  if (lies_in_rows(shape)) {
    const std::int64_t row = padded(features, row_multiple);
    for (std::int64_t n = 0; n < samples; ++n) std::copy_n(plain + n * features, features, own + n * row);
    return;
  }
  for_each_group(set, samples, [&](const Group& group) {
    const std::int64_t first = group.first_sample * features;
    group.kernels.to_lanes(group.samples, features, plain + first, features, own + first);
  });
}

void to_plain(const LaneKernelSet& set, const Shape& shape, std::int64_t samples, const float* own, float* plain) {
  const std::int64_t features = elements_of(shape);
  if (lies_in_rows(shape)) {
    const std::int64_t row = padded(features, row_multiple);
    for (std::int64_t n = 0; n < samples; ++n) std::copy_n(own + n * row, features, plain + n * features);
    return;
  }
  for_each_group(set, samples, [&](const Group& group) {
    const std::int64_t first = group.first_sample * features;
    group.kernels.from_lanes(group.samples, features, own + first, plain + first, features);
  });
}

std::unique_ptr<LaneStep> pool_step(const LaneOptions& options, const MaxPool2d& pool, const Shape& input) {
  return std::make_unique<PoolStep>(options, pool, input);
}

std::unique_ptr<LaneStep> relu_step(const LaneOptions&, const Shape& input) {
  return std::make_unique<ReluStep>(input);
}

std::unique_ptr<LaneStep> flatten_step(const LaneOptions& options, const Shape& input) {
  return std::make_unique<FlattenStep>(options, input);
}

}  // namespace troupe::nn
