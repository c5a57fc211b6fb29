#include <algorithm>

#include "nn/backend/lane_steps.h"

namespace troupe::nn {

namespace {

class LinearStep final : public LaneStep {
 public:
  LinearStep(const LaneOptions& options, const Linear& linear, bool relu)
      : set_(options.set),
        relu_(relu),
        in_(linear.in_features),
        out_(linear.out_features),
        in_row_(padded(in_, row_multiple)),
        out_row_(padded(out_, row_multiple)),
        weights_(static_cast<std::size_t>(out_ * in_row_)),
        transposed_(static_cast<std::size_t>(in_ * out_row_)),
        bias_(static_cast<std::size_t>(out_row_)) {
    if (relu_) masked_ = Buffer(static_cast<std::size_t>(options.most_samples * out_row_));
  }

  void set_parameters(const float* parameters) override {
    for (std::int64_t o = 0; o < out_; ++o) std::copy_n(parameters + o * in_, in_, weights_.data() + o * in_row_);
    set_.transpose(out_, in_, parameters, transposed_.data(), out_row_);
    std::copy_n(parameters + out_ * in_, out_, bias_.data());
  }

  void forward(const Forward& pass) override {
    const RowProduct product{.rows = pass.samples,
                             .depth = in_,
                             .width = out_row_,
                             .a_row = in_row_,
                             .a_column = 1,
                             .b_row = out_row_,
                             .c_row = out_row_,
                             .relu = relu_};
    set_.row_product(product, pass.input, transposed_.data(), bias_.data(), pass.output);
  }

  void backward(const Backward& pass) override {
    const float* output_gradient = relu_ ? masked(pass) : pass.output_gradient;
    const RowProduct to_weights{.rows = out_,
                                .depth = pass.samples,
                                .width = in_,
                                .a_row = 1,
                                .a_column = out_row_,
                                .b_row = in_row_,
                                .c_row = in_};
    set_.row_product(to_weights, output_gradient, pass.input, nullptr, pass.gradient);

    float* bias_gradient = pass.gradient + out_ * in_;
    std::fill_n(bias_gradient, out_, 0.0f);
    for (std::int64_t n = 0; n < pass.samples; ++n) {
      for (std::int64_t o = 0; o < out_; ++o) bias_gradient[o] += output_gradient[n * out_row_ + o];
    }

    if (!pass.input_gradient) return;
    const RowProduct to_input{.rows = pass.samples,
                              .depth = out_,
                              .width = in_row_,
                              .a_row = out_row_,
                              .a_column = 1,
                              .b_row = in_row_,
                              .c_row = in_row_};
    set_.row_product(to_input, output_gradient, weights_.data(), nullptr, pass.input_gradient);
  }

 private:
  const float* masked(const Backward& pass) {
    for (std::int64_t i = 0; i < pass.samples * out_row_; ++i) {
      masked_.data()[i] = pass.output[i] <= 0 ? 0 : pass.output_gradient[i];
    }
    return masked_.data();
  }

  const LaneKernelSet& set_;
  bool relu_;
  std::int64_t in_;
  std::int64_t out_;
  std::int64_t in_row_;  // with padding
  std::int64_t out_row_;
  Buffer weights_;     // [out][in_row]: for the input's gradient
  Buffer transposed_;  // [in][out_row]: for the output
  Buffer bias_;
  Buffer masked_;  // the output's gradient before the rectifier
};

}  // namespace

std::unique_ptr<LaneStep> linear_step(const LaneOptions& options, const Linear& linear, bool relu) {
  return std::make_unique<LinearStep>(options, linear, relu);
}

}  // namespace troupe::nn
