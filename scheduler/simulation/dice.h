// Chance from a seed: the same on every machine and compiler. Each thing that rolls has dice of its own, so that
// rolling one more often moves no other.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::scheduler::sim {

/// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
class Dice {
 public:
  Dice(std::uint64_t seed, std::string_view purpose) : state_(seed * 0x9e3779b97f4a7c15u) {
    for (const char letter : purpose) state_ = (state_ ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
    (void)roll();
  }

  /// For one moment out of many: what is drawn at one moves nothing that is drawn at another.
  Dice at(std::uint64_t moment) const {
    Dice dice = *this;
    dice.state_ ^= moment * 0xd1342543de82ef95u;
    (void)dice.roll();
    return dice;
  }

  std::uint64_t roll() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /// From `low` to `high`, both included.
  template <std::integral Number>
  Number between(Number low, Number high) {
    const auto span = static_cast<std::uint64_t>(high - low) + 1;
    return static_cast<Number>(low + static_cast<Number>(roll() % span));
  }

  std::chrono::milliseconds between(std::chrono::milliseconds low, std::chrono::milliseconds high) {
    return std::chrono::milliseconds{between(low.count(), high.count())};
  }

  /// Each power of two as likely as the next: for sizes and rates of which the small ones matter as much as the large.
  template <std::integral Number>
  Number log_between(Number low, Number high) {
    const auto bits_of = [](Number number) { return std::bit_width(static_cast<std::uint64_t>(number)); };
    const int bits = between(bits_of(low), bits_of(high));
    const auto least = bits == 0 ? Number{0} : static_cast<Number>(Number{1} << (bits - 1));
    return between(std::max(low, least), std::min(high, static_cast<Number>(least + std::max<Number>(least, 1) - 1)));
  }

  bool chance(int permille) { return static_cast<int>(roll() % 1000) < permille; }

  template <class Items>
  const auto& one_of(const Items& items) {
    return items[static_cast<std::size_t>(roll() % items.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace troupe::scheduler::sim
