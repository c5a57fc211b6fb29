#include "nn/backend/onednn_program.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "runtime/base/check.h"

namespace troupe::nn {

namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;
using Arguments = std::unordered_map<int, memory>;

constexpr auto fp32 = memory::data_type::f32;

memory::desc plain_desc(const memory::dims& dims) {
  const memory::format_tag tags[] = {memory::format_tag::a, memory::format_tag::ab, memory::format_tag::abc,
                                     memory::format_tag::abcd};
  return {dims, fp32, tags[dims.size() - 1]};
}

memory::desc any_desc(const memory::dims& dims) { return {dims, fp32, memory::format_tag::any}; }

memory::dims with_samples(std::int64_t samples, const Shape& shape) {
  memory::dims dims{samples};
  dims.insert(dims.end(), shape.begin(), shape.end());
  return dims;
}

/// oneDNN's scratch memory of its own belongs to the thread that created a primitive; ours goes with the program.
dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

dnnl::primitive_attr attributes_with_relu() {
  dnnl::primitive_attr attr = attributes();
  dnnl::post_ops relu;
  relu.append_eltwise(1.0f, algorithm::eltwise_relu, 0.0f, 0.0f);
  attr.set_post_ops(relu);
  return attr;
}

OnednnCall bound(const dnnl::primitive& primitive, const Arguments& arguments) {
  OnednnCall call{primitive, {}, false};
  for (const auto& [index, memory] : arguments) call.arguments.push_back({index, memory.get()});
  return call;
}

// The C call takes the arguments as they lie; the C++ one would copy them into a new array each time.
void run(const OnednnCall& call, const dnnl::stream& stream) {
  const dnnl_status_t status = dnnl_primitive_execute(call.primitive.get(), stream.get(),
                                                      static_cast<int>(call.arguments.size()), call.arguments.data());
  TROUPE_CHECK(status == dnnl_success, "oneDNN runs a primitive that it created");
}

std::size_t floats_of(const memory::desc& desc) { return (desc.get_size() + sizeof(float) - 1) / sizeof(float); }

memory callers_memory(const dnnl::engine& engine, const memory::dims& dims) {
  return memory(plain_desc(dims), engine, nullptr);
}

/// Convolutions and linear layers are the same to us but for the names of their oneDNN types.
struct ConvolutionKind {
  const Conv2d& conv;
  using Forward = dnnl::convolution_forward;
  using BackwardData = dnnl::convolution_backward_data;
  using BackwardWeights = dnnl::convolution_backward_weights;

  memory::dims weight_dims() const { return {conv.out_channels, conv.in_channels, conv.kernel, conv.kernel}; }
  static Forward::desc forward_desc(const memory::desc& src, const memory::desc& weights, const memory::desc& bias,
                                    const memory::desc& dst) {
    return {
        prop_kind::forward_training, algorithm::convolution_direct, src, weights, bias, dst, {1, 1}, {0, 0}, {0, 0}};
  }
  static BackwardData::desc backward_data_desc(const memory::desc& src, const memory::desc& weights,
                                               const memory::desc& dst) {
    return {algorithm::convolution_direct, src, weights, dst, {1, 1}, {0, 0}, {0, 0}};
  }
  static BackwardWeights::desc backward_weights_desc(const memory::desc& src, const memory::desc& weights,
                                                     const memory::desc& bias, const memory::desc& dst) {
    return {algorithm::convolution_direct, src, weights, bias, dst, {1, 1}, {0, 0}, {0, 0}};
  }
};

struct LinearKind {
  const Linear& linear;
  using Forward = dnnl::inner_product_forward;
  using BackwardData = dnnl::inner_product_backward_data;
  using BackwardWeights = dnnl::inner_product_backward_weights;

  memory::dims weight_dims() const { return {linear.out_features, linear.in_features}; }
  static Forward::desc forward_desc(const memory::desc& src, const memory::desc& weights, const memory::desc& bias,
                                    const memory::desc& dst) {
    return {prop_kind::forward_training, src, weights, bias, dst};
  }
  static BackwardData::desc backward_data_desc(const memory::desc& src, const memory::desc& weights,
                                               const memory::desc& dst) {
    return {src, weights, dst};
  }
  static BackwardWeights::desc backward_weights_desc(const memory::desc& src, const memory::desc& weights,
                                                     const memory::desc& bias, const memory::desc& dst) {
    return {src, weights, bias, dst};
  }
};

}  // namespace

OnednnParameters::OnednnParameters(const dnnl::engine& engine, std::size_t count) : engine_(engine), plain_(count) {}

void OnednnParameters::set(const dnnl::stream& stream, std::span<const float> parameters) {
  std::copy(parameters.begin(), parameters.end(), plain_.data());
  for (const Packed& packed : packed_) run(packed.call, stream);
}

memory OnednnParameters::in_format(const dnnl::stream& stream, std::size_t offset, const memory::desc& plain,
                                   const memory::desc& wanted) {
  for (const Packed& packed : packed_) {
    if (packed.offset == offset && packed.wanted == wanted) return packed.packed_memory;
  }
  // A plain format is packed too: that copy is on a cache line's border.
  Packed& packed = packed_.emplace_back(Packed{offset, wanted, Buffer(floats_of(wanted)), {}, {}, {}});
  packed.plain_memory = memory(plain, engine_, plain_.data() + offset);
  packed.packed_memory = memory(wanted, engine_, packed.buffer.data());
  packed.call = bound(dnnl::reorder(packed.plain_memory, packed.packed_memory),
                      {{DNNL_ARG_FROM, packed.plain_memory}, {DNNL_ARG_TO, packed.packed_memory}});
  run(packed.call, stream);
  return packed.packed_memory;
}

/// Walks the layers forwards, then backwards, and leaves the calls in the program.
struct OnednnProgram::Builder {
  OnednnProgram& program;
  const Model& model;
  const dnnl::engine& engine;
  const dnnl::stream& stream;
  OnednnParameters& parameters;

  /// What a layer's backward needs of its forward.
  struct Made {
    memory input;      // in the format the forward wanted
    memory output;     // after the rectifier, where that is fused
    memory workspace;  // of a pool
    std::optional<dnnl::convolution_forward::primitive_desc> conv;
    std::optional<dnnl::inner_product_forward::primitive_desc> linear;
    std::optional<dnnl::eltwise_forward::primitive_desc> relu;
    std::optional<dnnl::pooling_forward::primitive_desc> pool;
    bool fused_relu = false;  // this layer's primitive applies the next layer's rectifier
    bool is_done_by_previous = false;
    std::size_t offset = 0;  // of its parameters
  };

  struct Scratch {
    std::vector<OnednnCall>* calls;
    std::size_t index;
    memory::desc desc;
  };

  std::vector<Shape> shapes = borders(model);
  std::vector<Made> made = std::vector<Made>(model.layers.size());
  std::vector<Scratch> scratch = {};
  bool for_input_gradient_only = false;

  std::int64_t samples() const { return program.samples_; }

  memory keep(memory value) {
    program.memories_.push_back(value);
    return value;
  }

  memory allocate(const memory::desc& desc) {
    program.buffers_.emplace_back(floats_of(desc));
    return keep(memory(desc, engine, program.buffers_.back().data()));
  }

  void add(std::vector<OnednnCall>& calls, const dnnl::primitive& primitive, const Arguments& arguments) {
    calls.push_back(bound(primitive, arguments));
    calls.back().for_input_gradient_only = for_input_gradient_only;
  }

  template <class Description>
  void add_with_scratch(std::vector<OnednnCall>& calls, const Description& description,
                        const dnnl::primitive& primitive, const Arguments& arguments) {
    add(calls, primitive, arguments);
    if (description.scratchpad_desc().get_size() > 0) {
      scratch.push_back({&calls, calls.size() - 1, description.scratchpad_desc()});
    }
  }

  void copy(std::vector<OnednnCall>& calls, const memory& from, const memory& to) {
    const dnnl::reorder::primitive_desc description(from, to, attributes());
    add_with_scratch(calls, description, dnnl::reorder(description), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  }

  /// `value`, or a copy of it in the wanted format.
  memory in_format(std::vector<OnednnCall>& calls, const memory& value, const memory::desc& wanted) {
    if (value.get_desc() == wanted) return value;
    memory other = allocate(wanted);
    copy(calls, value, other);
    return other;
  }

  // ---- forwards

  template <class Kind>
  typename Kind::Forward::primitive_desc forward_description(const Kind& kind, std::size_t layer,
                                                             const dnnl::primitive_attr& attr) {
    const memory::dims weight = kind.weight_dims();
    return {Kind::forward_desc(any_desc(with_samples(samples(), shapes[layer])), any_desc(weight),
                               plain_desc({weight[0]}), any_desc(with_samples(samples(), shapes[layer + 1]))),
            attr, engine};
  }

  /// The rectifier joins the layer in front of it only if that layer's kernel and formats stay the same: else the bits
  /// would depend on whether the model is cut between the two.
  template <class Kind>
  typename Kind::Forward::primitive_desc fused_if_same(const Kind& kind, std::size_t layer) {
    auto alone = forward_description(kind, layer, attributes());
    const bool is_followed =
        layer + 1 < model.layers.size() && std::holds_alternative<Relu>(model.layers[layer + 1].kind);
    if (!is_followed) return alone;
    auto fused = forward_description(kind, layer, attributes_with_relu());
    const bool is_same = std::strcmp(alone.impl_info_str(), fused.impl_info_str()) == 0 &&
                         alone.src_desc() == fused.src_desc() && alone.weights_desc() == fused.weights_desc() &&
                         alone.dst_desc() == fused.dst_desc();
    made[layer].fused_relu = made[layer + 1].is_done_by_previous = is_same;
    return is_same ? fused : alone;
  }

  template <class Kind>
  memory forward_weighted(const Kind& kind, std::size_t layer, const memory& input,
                          std::optional<typename Kind::Forward::primitive_desc>& kept) {
    auto& calls = program.forward_;
    const auto description = fused_if_same(kind, layer);
    const memory::dims weight = kind.weight_dims();
    const std::size_t offset = made[layer].offset;
    const std::size_t bias_offset = offset + floats_of(plain_desc(weight));
    made[layer].input = in_format(calls, input, description.src_desc());
    made[layer].output = allocate(description.dst_desc());
    add_with_scratch(
        calls, description, typename Kind::Forward(description),
        {{DNNL_ARG_SRC, made[layer].input},
         {DNNL_ARG_WEIGHTS, keep(parameters.in_format(stream, offset, plain_desc(weight), description.weights_desc()))},
         {DNNL_ARG_BIAS,
          keep(parameters.in_format(stream, bias_offset, plain_desc({weight[0]}), plain_desc({weight[0]})))},
         {DNNL_ARG_DST, made[layer].output}});
    kept.emplace(description);
    return made[layer].output;
  }

  memory forward_relu(std::size_t layer, const memory& input) {
    Made& m = made[layer];
    m.relu.emplace(dnnl::eltwise_forward::desc(prop_kind::forward_training, algorithm::eltwise_relu_use_dst_for_bwd,
                                               input.get_desc(), 0.0f, 0.0f),
                   attributes(), engine);
    m.output = allocate(input.get_desc());
    add_with_scratch(program.forward_, *m.relu, dnnl::eltwise_forward(*m.relu),
                     {{DNNL_ARG_SRC, input}, {DNNL_ARG_DST, m.output}});
    return m.output;
  }

  memory forward_pool(std::size_t layer, const MaxPool2d& pool, const memory& input) {
    Made& m = made[layer];
    m.pool.emplace(dnnl::pooling_forward::desc(prop_kind::forward_training, algorithm::pooling_max, input.get_desc(),
                                               any_desc(with_samples(samples(), shapes[layer + 1])),
                                               {pool.size, pool.size}, {pool.size, pool.size}, {0, 0}, {0, 0}),
                   attributes(), engine);
    m.input = input;
    m.output = allocate(m.pool->dst_desc());
    m.workspace = allocate(m.pool->workspace_desc());
    add_with_scratch(program.forward_, *m.pool, dnnl::pooling_forward(*m.pool),
                     {{DNNL_ARG_SRC, input}, {DNNL_ARG_DST, m.output}, {DNNL_ARG_WORKSPACE, m.workspace}});
    return m.output;
  }

  /// The same numbers, row-major, seen with other dimensions.
  memory seen_as(std::vector<OnednnCall>& calls, const memory& value, const Shape& from, const Shape& to) {
    const memory plain = in_format(calls, value, plain_desc(with_samples(samples(), from)));
    return keep(memory(plain_desc(with_samples(samples(), to)), engine, plain.get_data_handle()));
  }

  memory forward_layer(std::size_t layer, const memory& input) {
    const LayerKind& kind = model.layers[layer].kind;
    if (made[layer].is_done_by_previous) return input;
    if (const auto* conv = std::get_if<Conv2d>(&kind)) {
      return forward_weighted(ConvolutionKind{*conv}, layer, input, made[layer].conv);
    }
    if (const auto* linear = std::get_if<Linear>(&kind)) {
      return forward_weighted(LinearKind{*linear}, layer, input, made[layer].linear);
    }
    if (const auto* pool = std::get_if<MaxPool2d>(&kind)) return forward_pool(layer, *pool, input);
    if (std::holds_alternative<Relu>(kind)) return forward_relu(layer, input);
    return seen_as(program.forward_, input, shapes[layer], shapes[layer + 1]);
  }

  // ---- backwards

  template <class Kind>
  void backward_weights(const Kind& kind, std::size_t layer, const memory& output_gradient,
                        const typename Kind::Forward::primitive_desc& forward) {
    auto& calls = program.backward_;
    const memory::dims weight = kind.weight_dims();
    const typename Kind::BackwardWeights::primitive_desc description(
        Kind::backward_weights_desc(any_desc(with_samples(samples(), shapes[layer])), any_desc(weight),
                                    plain_desc({weight[0]}), any_desc(with_samples(samples(), shapes[layer + 1]))),
        attributes(), engine, forward);
    const auto callers_gradient = [&](const memory::dims& dims, std::size_t offset) {
      program.gradients_.push_back({keep(callers_memory(engine, dims)), offset});
      return program.gradients_.back().memory;
    };
    const memory callers_weight = callers_gradient(weight, made[layer].offset);
    const memory callers_bias = callers_gradient({weight[0]}, made[layer].offset + floats_of(plain_desc(weight)));
    const bool is_plain = description.diff_weights_desc() == plain_desc(weight);
    const memory weight_gradient = is_plain ? callers_weight : allocate(description.diff_weights_desc());
    add_with_scratch(calls, description, typename Kind::BackwardWeights(description),
                     {{DNNL_ARG_SRC, in_format(calls, made[layer].input, description.src_desc())},
                      {DNNL_ARG_DIFF_DST, in_format(calls, output_gradient, description.diff_dst_desc())},
                      {DNNL_ARG_DIFF_WEIGHTS, weight_gradient},
                      {DNNL_ARG_DIFF_BIAS, callers_bias}});
    if (!is_plain) copy(calls, weight_gradient, callers_weight);
  }

  template <class Kind>
  memory backward_data(const Kind& kind, std::size_t layer, const memory& output_gradient,
                       const typename Kind::Forward::primitive_desc& forward) {
    auto& calls = program.backward_;
    const memory::dims weight = kind.weight_dims();
    const typename Kind::BackwardData::primitive_desc description(
        Kind::backward_data_desc(any_desc(with_samples(samples(), shapes[layer])), any_desc(weight),
                                 any_desc(with_samples(samples(), shapes[layer + 1]))),
        attributes(), engine, forward);
    const memory input_gradient = allocate(description.diff_src_desc());
    const memory weights =
        keep(parameters.in_format(stream, made[layer].offset, plain_desc(weight), description.weights_desc()));
    add_with_scratch(calls, description, typename Kind::BackwardData(description),
                     {{DNNL_ARG_DIFF_DST, in_format(calls, output_gradient, description.diff_dst_desc())},
                      {DNNL_ARG_WEIGHTS, weights},
                      {DNNL_ARG_DIFF_SRC, input_gradient}});
    return input_gradient;
  }

  /// `output`: of the rectifier, whose sign says where the gradient passes.
  memory backward_relu(const memory& output, const memory& output_gradient) {
    auto& calls = program.backward_;
    const memory::desc desc = output.get_desc();
    const dnnl::eltwise_forward::primitive_desc forward(
        dnnl::eltwise_forward::desc(prop_kind::forward_training, algorithm::eltwise_relu_use_dst_for_bwd, desc, 0.0f,
                                    0.0f),
        attributes(), engine);
    const dnnl::eltwise_backward::primitive_desc description(
        dnnl::eltwise_backward::desc(algorithm::eltwise_relu_use_dst_for_bwd, desc, desc, 0.0f, 0.0f), attributes(),
        engine, forward);
    const memory input_gradient = allocate(desc);
    add_with_scratch(calls, description, dnnl::eltwise_backward(description),
                     {{DNNL_ARG_DST, output},
                      {DNNL_ARG_DIFF_DST, in_format(calls, output_gradient, desc)},
                      {DNNL_ARG_DIFF_SRC, input_gradient}});
    return input_gradient;
  }

  memory backward_pool(std::size_t layer, const MaxPool2d& pool, const memory& output_gradient) {
    auto& calls = program.backward_;
    const Made& m = made[layer];
    const dnnl::pooling_backward::primitive_desc description(
        dnnl::pooling_backward::desc(algorithm::pooling_max, m.input.get_desc(), m.output.get_desc(),
                                     {pool.size, pool.size}, {pool.size, pool.size}, {0, 0}, {0, 0}),
        attributes(), engine, *m.pool);
    const memory input_gradient = allocate(m.input.get_desc());
    add_with_scratch(calls, description, dnnl::pooling_backward(description),
                     {{DNNL_ARG_DIFF_DST, in_format(calls, output_gradient, m.output.get_desc())},
                      {DNNL_ARG_WORKSPACE, m.workspace},
                      {DNNL_ARG_DIFF_SRC, input_gradient}});
    return input_gradient;
  }

  /// `is_needed_inside`: a layer in front of this one has parameters.
  memory backward_layer(std::size_t layer, memory output_gradient, bool is_needed_inside) {
    const LayerKind& kind = model.layers[layer].kind;
    Made& m = made[layer];
    if (m.is_done_by_previous) return output_gradient;
    if (m.fused_relu) output_gradient = backward_relu(m.output, output_gradient);
    if (const auto* conv = std::get_if<Conv2d>(&kind)) {
      backward_weights(ConvolutionKind{*conv}, layer, output_gradient, *m.conv);
    } else if (const auto* linear = std::get_if<Linear>(&kind)) {
      backward_weights(LinearKind{*linear}, layer, output_gradient, *m.linear);
    }
    for_input_gradient_only = !is_needed_inside;
    if (m.conv) return backward_data(ConvolutionKind{std::get<Conv2d>(kind)}, layer, output_gradient, *m.conv);
    if (m.linear) return backward_data(LinearKind{std::get<Linear>(kind)}, layer, output_gradient, *m.linear);
    if (const auto* pool = std::get_if<MaxPool2d>(&kind)) return backward_pool(layer, *pool, output_gradient);
    if (std::holds_alternative<Relu>(kind)) return backward_relu(m.output, output_gradient);
    return seen_as(program.backward_, output_gradient, shapes[layer + 1], shapes[layer]);
  }

  void build() {
    std::size_t offset = 0;
    std::size_t first_with_parameters = model.layers.size();
    for (std::size_t layer = 0; layer < model.layers.size(); ++layer) {
      made[layer].offset = offset;
      if (!has_parameters(model.layers[layer])) continue;
      first_with_parameters = std::min(first_with_parameters, layer);
      offset += parameter_count(model.piece(layer, layer + 1));
    }

    program.input_ = callers_memory(engine, with_samples(samples(), shapes.front()));
    program.output_ = callers_memory(engine, with_samples(samples(), shapes.back()));
    program.output_gradient_ = callers_memory(engine, with_samples(samples(), shapes.back()));
    program.input_gradient_ = callers_memory(engine, with_samples(samples(), shapes.front()));

    // Into memory of ours first: formats at the caller's borders then never matter to what follows.
    memory value = allocate(program.input_.get_desc());
    copy(program.forward_, program.input_, value);
    for (std::size_t layer = 0; layer < model.layers.size(); ++layer) value = forward_layer(layer, value);
    copy(program.forward_, value, program.output_);

    memory gradient = allocate(program.output_gradient_.get_desc());
    copy(program.backward_, program.output_gradient_, gradient);
    for (std::size_t layer = model.layers.size(); layer-- > 0;) {
      for_input_gradient_only = layer < first_with_parameters;
      gradient = backward_layer(layer, gradient, layer > first_with_parameters);
    }
    for_input_gradient_only = true;
    copy(program.backward_, gradient, program.input_gradient_);
    for_input_gradient_only = false;

    std::size_t most = 0;
    for (const Scratch& need : scratch) most = std::max(most, floats_of(need.desc));
    program.buffers_.emplace_back(most);
    for (const Scratch& need : scratch) {
      const memory shared = keep(memory(need.desc, engine, program.buffers_.back().data()));
      (*need.calls)[need.index].arguments.push_back({DNNL_ARG_SCRATCHPAD, shared.get()});
    }
  }
};

OnednnProgram::OnednnProgram(const Model& model, std::int64_t samples, const dnnl::engine& engine,
                             const dnnl::stream& stream, OnednnParameters& parameters)
    : samples_(samples) {
  Builder{*this, model, engine, stream, parameters}.build();
}

void OnednnProgram::forward(const dnnl::stream& stream, std::span<const float> input, std::span<float> output) {
  input_.set_data_handle(const_cast<float*>(input.data()));  // oneDNN has no memory for reading only
  output_.set_data_handle(output.data());
  for (const OnednnCall& call : forward_) run(call, stream);
}

void OnednnProgram::backward(const dnnl::stream& stream, std::span<const float> output_gradient,
                             std::span<float> input_gradient, std::span<float> gradient) {
  output_gradient_.set_data_handle(const_cast<float*>(output_gradient.data()));
  input_gradient_.set_data_handle(input_gradient.data());
  for (ParameterGradient& parameter : gradients_) parameter.memory.set_data_handle(gradient.data() + parameter.offset);
  for (const OnednnCall& call : backward_) {
    if (!call.for_input_gradient_only || !input_gradient.empty()) run(call, stream);
  }
}

}  // namespace troupe::nn
