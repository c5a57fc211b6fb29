// From stored bytes to the numbers a network reads: copy_batch and fits of dataset.h.
#include <algorithm>
#include <array>
#include <cstring>

#include "nn/data/dataset.h"

namespace troupe::nn {

namespace {

using ByteTable = std::array<float, 256>;

/// x = (byte/255 - 0.5)/0.5, each operation rounded to fp32 as PyTorch's ToTensor and Normalize do.
constexpr ByteTable scaled = [] {
  ByteTable table{};
  for (int byte = 0; byte < 256; ++byte) {
    table[static_cast<std::size_t>(byte)] = (static_cast<float>(byte) / 255.0f - 0.5f) / 0.5f;
  }
  return table;
}();

std::string text_of(std::span<const std::int64_t> dimensions) {
  std::string text;
  for (const std::int64_t dimension : dimensions) {
    text.append(text.empty() ? "[" : ",").append(std::to_string(dimension));
  }
  return text.empty() ? "[]" : text.append("]");
}

struct Plane {
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t size() const { return height * width; }
};

/// Writes one channel in the middle of a larger one; what is left over on an odd rest is below and to the right.
void copy_plane(const std::uint8_t* from, Plane small, float* to, Plane large) {
  if (small.width == large.width) {
    const std::size_t above = (large.height - small.height) / 2 * large.width;
    std::fill_n(to, above, scaled[0]);
    for (std::size_t i = 0; i < small.size(); ++i) to[above + i] = scaled[from[i]];
    std::fill(to + above + small.size(), to + large.size(), scaled[0]);
    return;
  }
  std::fill_n(to, large.size(), scaled[0]);
  const std::size_t top = (large.height - small.height) / 2;
  const std::size_t left = (large.width - small.width) / 2;
  for (std::size_t row = 0; row < small.height; ++row) {
    float* const line = to + (top + row) * large.width + left;
    for (std::size_t column = 0; column < small.width; ++column)
      line[column] = scaled[from[row * small.width + column]];
  }
}

}  // namespace

Result<void> fits(const Images& images, const Shape& shape) {
  const std::array<std::int64_t, 3> found{images.channels, images.height, images.width};
  const std::string cannot =
      "images of " + text_of(found) + " cannot be brought to the model's input " + text_of(shape) + ": ";
  if (shape.size() != 3) return bad_input(cannot + "expected an input of channels, height and width");
  if (images.channels != shape[0] && images.channels != 1) {
    return bad_input(cannot + "expected " + std::to_string(shape[0]) + " channels, or 1 to repeat");
  }
  if (images.height > shape[1] || images.width > shape[2]) {
    return bad_input(cannot + "they are larger, and only smaller ones are padded");
  }
  return {};
}

void copy_batch(const Images& images, std::span<const std::uint32_t> ids, const Shape& shape, std::span<float> pixels,
                std::span<std::uint8_t> labels) {
  TROUPE_CHECK(shape.size() == 3, "images that fit");
  const auto channels = static_cast<std::size_t>(shape[0]);
  const auto own_channels = static_cast<std::size_t>(images.channels);
  const Plane small{static_cast<std::size_t>(images.height), static_cast<std::size_t>(images.width)};
  const Plane large{static_cast<std::size_t>(shape[1]), static_cast<std::size_t>(shape[2])};
  TROUPE_CHECK(small.height <= large.height && small.width <= large.width, "images that fit");
  TROUPE_CHECK(pixels.size() == ids.size() * channels * large.size() && labels.size() == ids.size(),
               "room for the batch, no more and no less");

  float* to = pixels.data();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::size_t id = ids[i];
    TROUPE_CHECK(id < images.labels.size(), "a sample of the data set");
    labels[i] = images.labels[id];
    const std::uint8_t* from = images.pixels.data() + id * own_channels * small.size();
    for (std::size_t channel = 0; channel < channels; ++channel, to += large.size()) {
      if (channel < own_channels) {
        copy_plane(from + channel * small.size(), small, to, large);
      } else {
        std::memcpy(to, to - large.size(), large.size() * sizeof(float));
      }
    }
  }
}

}  // namespace troupe::nn
