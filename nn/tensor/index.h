// Where an entry of a plain row-major array lies.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::nn {

/// Index into an array of shape [any, b, c, d].
struct Index4 {
  std::int64_t b = 0;
  std::int64_t c = 0;
  std::int64_t d = 0;

  constexpr std::size_t operator()(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const {
    return static_cast<std::size_t>(((i * b + j) * c + k) * d + l);
  }
};

}  // namespace troupe::nn
