// Labelled images, read whole into memory as bytes; they become fp32 as they are copied into a batch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/model/model.h"
#include "runtime/base/result.h"

namespace troupe::nn {

/// Invariant: pixels.size() == labels.size() * channels * height * width; each label < classes.
struct Images {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t classes = 10;
  std::vector<std::uint8_t> pixels;  ///< [n, channels, height, width]
  std::vector<std::uint8_t> labels;  ///< [n]

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
};

struct Dataset {
  std::string name;
  Images train;
  Images test;
};

/// `fashion-mnist`, `cifar10:DIR`, `idx:DIR` or `synthetic`; otherwise which there are.
///
/// Fails with: bad_input, naming file, place, found, expected, and what to do.
Result<Dataset> load_dataset(const std::string& name);

/// Only the checks of `load_dataset` that need no decoding of the whole: the name, and that each file is there.
Result<void> check_dataset(const std::string& name);

/// Copies samples `ids` into `pixels` as fp32 of `shape` and their labels into `labels`: grey images are repeated over
/// the channels, smaller ones are padded evenly with zero bytes, then x = (byte/255 - 0.5)/0.5.
///
/// Shapes: pixels [ids.size(), shape...], labels [ids.size()].
/// Requires: fits(images, shape).
void copy_batch(const Images& images, std::span<const std::uint32_t> ids, const Shape& shape, std::span<float> pixels,
                std::span<std::uint8_t> labels);

/// Whether images can be brought to `shape`; otherwise why not.
Result<void> fits(const Images& images, const Shape& shape);

/// The order of the samples in an epoch, as a pure function: `at(position)` for positions 0 … size-1 is a permutation
/// of 0 … size-1 that depends on (seed, epoch, size) alone. Position is the only state.
class SampleOrder {
 public:
  SampleOrder(std::uint64_t seed, std::uint64_t epoch, std::uint32_t size);
  std::uint32_t at(std::uint32_t position) const;

 private:
  std::uint64_t key_;
  std::uint32_t size_;
  std::uint32_t half_bits_;
};

}  // namespace troupe::nn
