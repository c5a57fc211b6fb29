#include <cmath>

#include "nn/model/model.h"

namespace troupe::nn {

namespace {

/// Source: splitmix64, Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

/// In (-1, 1), symmetric, a multiple of 2^-24: exact in fp32.
double uniform(std::uint64_t seed, std::uint64_t index) {
  const std::uint64_t random = mixed(mixed(seed) ^ index) >> 40;
  return (static_cast<double>(random) + 0.5) / static_cast<double>(1 << 23) - 1.0;
}

}  // namespace

std::vector<float> initial_parameters(const Model& model, std::uint64_t seed) {
  std::vector<float> values(parameter_count(model));
  for (const ParameterInfo& parameter : parameters_of(model)) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(parameter.fan_in));
    for (std::size_t i = parameter.offset; i < parameter.offset + parameter.size; ++i) {
      values[i] = static_cast<float>(bound * uniform(seed, i));
    }
  }
  return values;
}

}  // namespace troupe::nn
