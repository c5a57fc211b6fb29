#include "nn/backend/reference_backend.h"

#include "nn/backend/plain_network.h"
#include "runtime/base/check.h"

namespace troupe::nn {

namespace {

class ReferenceNetwork final : public Network {
 public:
  ReferenceNetwork(const Model& model, const BuildOptions& options)
      : most_samples_(options.most_samples), network_(model, options.slots) {}

  void set_parameters(std::span<const float> parameters) override { network_.set_parameters(parameters); }

  void forward(std::size_t slot, std::int64_t samples, std::span<const float> input, std::span<float> output) override {
    TROUPE_CHECK(samples <= most_samples_, "no slot is larger than the network was built for");
    network_.forward(slot, samples, input, output);
  }

  void backward(std::size_t slot, std::span<const float> output_gradient, std::span<float> input_gradient,
                std::span<float> gradient) override {
    network_.backward(slot, output_gradient, input_gradient, gradient);
  }

 private:
  std::int64_t most_samples_;
  PlainNetwork<float> network_;
};

}  // namespace

std::unique_ptr<Network> ReferenceBackend::build(const Model& model, const BuildOptions& options) const {
  return std::make_unique<ReferenceNetwork>(model, options);
}

}  // namespace troupe::nn
