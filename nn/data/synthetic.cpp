#include "nn/data/synthetic.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace troupe::nn {

namespace {

constexpr std::size_t classes = 10;
constexpr std::size_t channels = 3;
constexpr std::size_t side = 32;
constexpr std::size_t cell = 4;  ///< Patterns are of squares this wide, so that convolutions can see them.
constexpr std::size_t pixels = channels * side * side;
using Pattern = std::array<std::uint8_t, pixels>;

/// 64 well-mixed bits of a counter. Source: splitmix64.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// Values 1 … 64, one a cell.
Pattern pattern_of(std::size_t label) {
  constexpr std::size_t cells = side / cell;
  Pattern pattern;
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::size_t channel = i / (side * side);
    const std::size_t row = i / side % side / cell;
    const std::size_t column = i % side / cell;
    const std::size_t number = ((label * channels + channel) * cells + row) * cells + column;
    pattern[i] = static_cast<std::uint8_t>(1 + mix(number) % 64);
  }
  return pattern;
}

/// Pattern plus noise of 0 … 190, eight pixels at a time: no sum leaves its byte.
void draw(const Pattern& pattern, std::uint64_t number, std::uint8_t* image) {
  constexpr std::size_t words = pixels / 8;
  constexpr std::uint64_t first_counter = 1 << 20;  // Beyond those of the patterns.
  for (std::size_t word = 0; word < words; ++word) {
    const std::uint64_t counter = first_counter + 2 * (number * words + word);
    std::uint64_t eight;
    std::memcpy(&eight, pattern.data() + 8 * word, 8);
    eight += (mix(counter) & 0x7f7f7f7f7f7f7f7fu) + (mix(counter + 1) & 0x3f3f3f3f3f3f3f3fu);
    std::memcpy(image + 8 * word, &eight, 8);
  }
}

Images make(const std::array<Pattern, classes>& patterns, std::size_t first, std::size_t count) {
  Images images{.channels = channels, .height = side, .width = side, .classes = classes};
  images.pixels.resize(count * pixels);
  images.labels.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    images.labels[i] = static_cast<std::uint8_t>(i % classes);
    draw(patterns[i % classes], first + i, images.pixels.data() + i * pixels);
  }
  return images;
}

}  // namespace

Dataset synthetic_dataset() {
  std::array<Pattern, classes> patterns;
  for (std::size_t label = 0; label < classes; ++label) patterns[label] = pattern_of(label);
  constexpr std::size_t train = 10000;
  constexpr std::size_t test = 2000;
  return {.name = "synthetic", .train = make(patterns, 0, train), .test = make(patterns, train, test)};
}

}  // namespace troupe::nn
