// SampleOrder of dataset.h: a Feistel network permutes 0 … 2^(2h)-1, the smallest such range that holds `size`; what
// falls outside `size` is permuted again until it falls inside. A permutation of the larger range that is followed
// along its cycles back into the smaller one is a permutation of the smaller one.
#include <bit>

#include "nn/data/dataset.h"

namespace troupe::nn {

namespace {

constexpr std::uint32_t rounds = 8;

/// Source: splitmix64.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

SampleOrder::SampleOrder(std::uint64_t seed, std::uint64_t epoch, std::uint32_t size)
    : key_(mix(mix(mix(seed) ^ epoch) ^ size)), size_(size) {
  const auto bits = static_cast<std::uint32_t>(std::bit_width(size > 1 ? size - 1 : 1u));
  half_bits_ = (bits + 1) / 2;
}

std::uint32_t SampleOrder::at(std::uint32_t position) const {
  TROUPE_CHECK(position < size_, "a position within the epoch");
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t value = position;
  do {
    std::uint64_t left = value >> half_bits_;
    std::uint64_t right = value & mask;
    for (std::uint32_t round = 0; round < rounds; ++round) {
      // The upper half of the mixed bits: the better one.
      const std::uint64_t drawn = mix(key_ + (right << 8 | round)) >> 32 & mask;
      const std::uint64_t next = left ^ drawn;
      left = right;
      right = next;
    }
    value = left << half_bits_ | right;
  } while (value >= size_);
  return static_cast<std::uint32_t>(value);
}

}  // namespace troupe::nn
