// The data set that Debian packages, whole. Ends with 77, a skip, where it is not installed.
#include <cstdio>
#include <filesystem>
#include <vector>

#include "nn/data/dataset.h"

using namespace troupe;
using namespace troupe::nn;

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

}  // namespace

int main() {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    const auto missing = check_dataset("fashion-mnist");
    std::printf("skipped: %s\n", missing ? "" : missing.error().message.c_str());
    return missing ? 1 : 77;
  }
  expect(check_dataset("fashion-mnist").has_value(), "the files are there");
  const auto data = load_dataset("fashion-mnist");
  if (!data) {
    std::printf("failed: %s\n", data.error().message.c_str());
    return 1;
  }
  expect(data->name == "fashion-mnist", "its name");
  expect(data->train.size() == 60000 && data->test.size() == 10000, "60,000 and 10,000 images");
  expect(data->train.channels == 1 && data->train.height == 28 && data->train.width == 28, "of 28 x 28 grey");
  for (const auto& [images, each] : {std::pair(&data->train, 6000), std::pair(&data->test, 1000)}) {
    std::vector<int> counts(10);
    for (const std::uint8_t label : images->labels) ++counts[label];
    expect(counts == std::vector<int>(10, each), "as many of every class");
    expect(images->pixels.size() == static_cast<std::size_t>(images->size()) * 28 * 28, "a byte a pixel");
  }
  expect(fits(data->train, {3, 32, 32}).has_value(), "they fit the network of the tutorial");
  return failures == 0 ? 0 : 1;
}
