// The binary version of CIFAR-10: records of one label byte and 3 x 1024 bytes, all red, then all green, then all blue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "nn/data/dataset.h"
#include "runtime/base/result.h"

namespace troupe::nn {

/// Reads all records of a file, behind those that `images` has.
///
/// Requires: images of 3 x 32 x 32.
/// Fails with: not_found, corrupt (no whole number of records, a label above 9).
Result<void> append_cifar(const std::string& path, Images& images);

/// Only the size: the number of records.
Result<std::uint64_t> count_cifar(const std::string& path);

}  // namespace troupe::nn
