// IDX, the format of MNIST and its kin: big endian 0, 0, type, rank, then the dimensions, then the entries. Read plain
// or gzip-packed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace troupe::nn {

/// Bytes in row-major order. Invariant: bytes.size() is the product of the dimensions.
struct IdxArray {
  std::vector<std::uint32_t> dimensions;
  std::vector<std::uint8_t> bytes;
};

/// Reads an array of unsigned bytes of the given rank, whole.
///
/// Requires: 1 <= rank <= 3.
/// Fails with: not_found, bad_input (no file of this kind), corrupt (cut, damaged, sizes that do not fit).
Result<IdxArray> read_idx(const std::string& path, std::size_t rank);

/// Only the header: the dimensions.
Result<std::vector<std::uint32_t>> read_idx_header(const std::string& path, std::size_t rank);

}  // namespace troupe::nn
