#include <catch2/catch.hpp>

#include "nn/data/dataset.h"
#include "tests/nn/data/files.h"

using namespace troupe;
using namespace troupe::nn;
using namespace troupe::nn::testing;

namespace {

Images images_of(std::int64_t channels, std::int64_t height, std::int64_t width, std::size_t count) {
  Images images{.channels = channels, .height = height, .width = width};
  images.pixels = noise(count * static_cast<std::size_t>(channels * height * width), 1);
  for (std::size_t i = 0; i < count; ++i) images.labels.push_back(static_cast<std::uint8_t>(i % 10));
  return images;
}

float scaled(std::uint8_t byte) { return (static_cast<float>(byte) / 255.0f - 0.5f) / 0.5f; }

/// The same by the definition: any channel of a grey image, zero bytes around a smaller one.
float expected(const Images& images, std::size_t id, const Shape& shape, std::int64_t c, std::int64_t y,
               std::int64_t x) {
  y -= (shape[1] - images.height) / 2;
  x -= (shape[2] - images.width) / 2;
  if (y < 0 || x < 0 || y >= images.height || x >= images.width) return -1.0f;
  const std::int64_t channel = images.channels == 1 ? 0 : c;
  const std::int64_t image = static_cast<std::int64_t>(id) * images.channels + channel;
  return scaled(images.pixels[static_cast<std::size_t>((image * images.height + y) * images.width + x)]);
}

}  // namespace

TEST_CASE("a batch holds the asked samples in order, scaled, padded and repeated", "[batch]") {
  struct Case {
    std::int64_t channels, height, width;
    Shape shape;
  };
  const std::vector<Case> cases{{3, 32, 32, {3, 32, 32}}, {1, 28, 28, {3, 32, 32}}, {1, 28, 28, {1, 28, 28}},
                                {1, 28, 28, {1, 32, 28}}, {3, 5, 7, {3, 8, 10}},    {1, 1, 1, {2, 4, 4}}};
  for (const Case& c : cases) {
    const Images images = images_of(c.channels, c.height, c.width, 20);
    REQUIRE(fits(images, c.shape));
    const std::vector<std::uint32_t> ids{3, 19, 0, 3, 7};
    const auto size = static_cast<std::size_t>(c.shape[0] * c.shape[1] * c.shape[2]);
    std::vector<float> pixels(ids.size() * size, 99.0f);
    std::vector<std::uint8_t> labels(ids.size(), 99);
    copy_batch(images, ids, c.shape, pixels, labels);
    CHECK(labels == FileBytes{3, 9, 0, 3, 7});
    std::size_t wrong = 0;
    std::size_t i = 0;
    for (const std::uint32_t id : ids) {
      for (std::int64_t channel = 0; channel < c.shape[0]; ++channel) {
        for (std::int64_t y = 0; y < c.shape[1]; ++y) {
          for (std::int64_t x = 0; x < c.shape[2]; ++x) {
            wrong += pixels[i++] != expected(images, id, c.shape, channel, y, x);
          }
        }
      }
    }
    CAPTURE(c.channels, c.height, c.width);
    CHECK(wrong == 0);
  }
}

TEST_CASE("black is -1, white is 1", "[batch]") {
  Images images{.channels = 1, .height = 1, .width = 2, .pixels = {0, 255}, .labels = {4}};
  std::vector<float> pixels(2);
  std::vector<std::uint8_t> labels(1);
  copy_batch(images, std::vector<std::uint32_t>{0}, {1, 1, 2}, pixels, labels);
  CHECK(pixels == std::vector<float>{-1.0f, 1.0f});
  copy_batch(images, {}, {1, 1, 2}, {}, {});
}

TEST_CASE("images that cannot be brought to the input's shape are refused in words", "[batch]") {
  const Images grey = images_of(1, 28, 28, 1);
  const Images colour = images_of(3, 32, 32, 1);
  CHECK(fits(grey, {3, 32, 32}));
  CHECK(fits(grey, {1, 28, 28}));
  CHECK(fits(colour, {1, 32, 32}).error().message ==
        "images of [3,32,32] cannot be brought to the model's input [1,32,32]: expected 1 channels, or 1 to repeat");
  CHECK(contains(fits(colour, {3, 28, 40}).error().message, "they are larger"));
  CHECK(contains(fits(colour, {3, 40, 28}).error().message, "they are larger"));
  CHECK(
      contains(fits(colour, {3072}).error().message, "input [3072]: expected an input of channels, height and width"));
  CHECK(contains(fits(colour, {}).error().message, "input []"));
}
