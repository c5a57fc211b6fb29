#include "nn/backend/onednn_backend.h"

#include <algorithm>
#include <list>

#include <dnnl.hpp>

#include "nn/backend/onednn_program.h"
#include "nn/tensor/flush_denormals.h"
#include "runtime/base/check.h"

// From OpenMP's run time, which oneDNN brings; omp.h is not on clang's path.
extern "C" {
int omp_get_max_threads();
void omp_set_num_threads(int threads);
}

namespace troupe::nn {

namespace {

/// oneDNN cuts its work by OpenMP's number of threads, when a primitive is created and when it runs, and the cut
/// decides the order of its sums. So that number is 1 in both, and the caller's own is put back.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

/// Programs hold memory for their activations: a slot keeps those of the last few numbers of samples.
constexpr std::size_t most_programs_per_slot = 4;

class OnednnNetwork final : public Network {
 public:
  OnednnNetwork(const Model& model, const BuildOptions& options)
      : model_(model),
        options_(options),
        input_elements_(static_cast<std::size_t>(elements_of(model.input))),
        output_elements_(static_cast<std::size_t>(elements_of(borders(model).back()))),
        parameter_count_(parameter_count(model)),
        engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_),
        parameters_(engine_, parameter_count_),
        slots_(options.slots) {}

  void set_parameters(std::span<const float> parameters) override {
    TROUPE_CHECK(parameters.size() == parameter_count_, "all parameters of the model are set");
    const OneThread one_thread;
    parameters_.set(stream_, parameters);
  }

  void forward(std::size_t slot, std::int64_t samples, std::span<const float> input, std::span<float> output) override {
    TROUPE_CHECK(slot < slots_.size(), "the network was built for this slot");
    TROUPE_CHECK(samples > 0 && samples <= options_.most_samples, "no slot is larger than the network was built for");
    const auto count = static_cast<std::size_t>(samples);
    TROUPE_CHECK(input.size() == count * input_elements_, "the input holds this many samples");
    TROUPE_CHECK(output.size() == count * output_elements_, "the output has room for this many samples");
    const OneThread one_thread;
    const FlushDenormals flush;
    Slot& live = slots_[slot];
    select_program(live, samples);
    live.programs.front().forward(stream_, input, output);
    live.has_forward = true;
  }

  void backward(std::size_t slot, std::span<const float> output_gradient, std::span<float> input_gradient,
                std::span<float> gradient) override {
    TROUPE_CHECK(slot < slots_.size() && slots_[slot].has_forward, "backward follows a forward of the same slot");
    OnednnProgram& program = slots_[slot].programs.front();
    const auto count = static_cast<std::size_t>(program.samples());
    TROUPE_CHECK(output_gradient.size() == count * output_elements_, "one gradient for every output");
    TROUPE_CHECK(input_gradient.empty() || input_gradient.size() == count * input_elements_,
                 "one gradient for every input");
    TROUPE_CHECK(gradient.size() == parameter_count_, "one gradient for every parameter");
    const OneThread one_thread;
    const FlushDenormals flush;
    program.backward(stream_, output_gradient, input_gradient, gradient);
    slots_[slot].has_forward = false;
  }

 private:
  struct Slot {
    std::list<OnednnProgram> programs;  // the one used last in front
    bool has_forward = false;
  };

  /// Moves the program for this number of samples to the front, made now if the slot has none.
  void select_program(Slot& slot, std::int64_t samples) {
    const auto found = std::find_if(slot.programs.begin(), slot.programs.end(),
                                    [&](const OnednnProgram& program) { return program.samples() == samples; });
    if (found != slot.programs.end()) {
      slot.programs.splice(slot.programs.begin(), slot.programs, found);
      return;
    }
    slot.programs.emplace_front(model_, samples, engine_, stream_, parameters_);
    if (slot.programs.size() > most_programs_per_slot) slot.programs.pop_back();
  }

  Model model_;
  BuildOptions options_;
  std::size_t input_elements_;
  std::size_t output_elements_;
  std::size_t parameter_count_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  OnednnParameters parameters_;
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<Network> OnednnBackend::build(const Model& model, const BuildOptions& options) const {
  return std::make_unique<OnednnNetwork>(model, options);
}

}  // namespace troupe::nn
