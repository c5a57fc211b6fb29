// Numbers for the tests of nn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace troupe::nn {

/// A permutation of `count` values equally spread over (-1, 1), none of them 0: any two differ by 2 / count at least,
/// so that no step of a finite difference crosses a rectifier's kink or turns a pool's order round.
inline std::vector<double> spread_values(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = (2 * static_cast<double>(i) + 1.5) / static_cast<double>(count) - 1;
  }
  for (std::size_t i = count; i > 1; --i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    std::swap(values[i - 1], values[(seed >> 33) % i]);
  }
  return values;
}

inline std::vector<float> spread_floats(std::size_t count, std::uint64_t seed) {
  const std::vector<double> values = spread_values(count, seed);
  return {values.begin(), values.end()};
}

/// Whole numbers in [-most, most].
inline std::vector<float> small_integers(std::size_t count, int most, std::uint64_t seed) {
  std::vector<float> values(count);
  for (float& value : values) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<float>(static_cast<int>((seed >> 33) % static_cast<unsigned>(2 * most + 1)) - most);
  }
  return values;
}

}  // namespace troupe::nn
