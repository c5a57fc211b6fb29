// A model as a list of oneDNN calls for one slot and one number of samples: everything is created, allocated and bound
// once; running it only walks the lists.
//
// Invariant: each layer's primitive, and the memory formats it wants, follow from the layer, its input shape and the
// number of samples, never from its neighbours; between layers only copies into another format happen. So a layer's
// bits are the same wherever the model is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include <dnnl.hpp>

#include "nn/model/model.h"
#include "nn/tensor/buffer.h"

namespace troupe::nn {

struct OnednnCall {
  dnnl::primitive primitive;
  std::vector<dnnl_exec_arg_t> arguments;
  bool for_input_gradient_only = false;
};

/// The model's parameters, plain and in every format that a program wants them in; packed once per `set`.
class OnednnParameters {
 public:
  OnednnParameters(const dnnl::engine& engine, std::size_t count);

  /// Takes over the parameters and packs them into every format asked for so far.
  void set(const dnnl::stream& stream, std::span<const float> parameters);

  /// The parameters at `offset`, described by `plain`, in `wanted` format. Packs them now if the format is new.
  dnnl::memory in_format(const dnnl::stream& stream, std::size_t offset, const dnnl::memory::desc& plain,
                         const dnnl::memory::desc& wanted);

 private:
  struct Packed {
    std::size_t offset;
    dnnl::memory::desc wanted;
    Buffer buffer;
    dnnl::memory plain_memory;
    dnnl::memory packed_memory;
    OnednnCall call;
  };

  dnnl::engine engine_;
  Buffer plain_;
  std::list<Packed> packed_;
};

class OnednnProgram {
 public:
  OnednnProgram(const Model& model, std::int64_t samples, const dnnl::engine& engine, const dnnl::stream& stream,
                OnednnParameters& parameters);

  std::int64_t samples() const { return samples_; }

  /// As `Network` says; the sizes were checked there.
  void forward(const dnnl::stream& stream, std::span<const float> input, std::span<float> output);
  void backward(const dnnl::stream& stream, std::span<const float> output_gradient, std::span<float> input_gradient,
                std::span<float> gradient);

 private:
  struct Builder;
  struct ParameterGradient {
    dnnl::memory memory;  // the caller's array
    std::size_t offset;
  };

  std::int64_t samples_;
  std::vector<OnednnCall> forward_;
  std::vector<OnednnCall> backward_;
  dnnl::memory input_;  // the caller's arrays, bound at each call
  dnnl::memory output_;
  dnnl::memory output_gradient_;
  dnnl::memory input_gradient_;
  std::vector<ParameterGradient> gradients_;
  std::vector<dnnl::memory> memories_;  // keeps alive what the calls point at
  std::vector<Buffer> buffers_;
};

}  // namespace troupe::nn
