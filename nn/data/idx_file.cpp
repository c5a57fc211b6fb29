#include "nn/data/idx_file.h"

#include <array>
#include <cstdio>
#include <utility>

#include "nn/data/byte_source.h"

namespace troupe::nn {

namespace {

constexpr std::uint8_t type_of_bytes = 0x08;

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

std::string hexadecimal(std::uint32_t value) {
  std::array<char, 16> text;
  std::snprintf(text.data(), text.size(), "0x%08x", value);
  return text.data();
}

struct Header {
  std::vector<std::uint32_t> dimensions;
  std::uint64_t bytes = 0;  ///< The product.
};

Result<Header> read_header(ByteSource& source, std::size_t rank) {
  auto start = source.read_exactly(4, "the magic number");
  if (!start) return start.error();
  const std::uint32_t magic = big_endian(start->data());
  const std::uint32_t expected = std::uint32_t{type_of_bytes} << 8 | static_cast<std::uint32_t>(rank);
  if (magic != expected) {
    return source.error(Fault::bad_input, 0,
                        "found " + hexadecimal(magic) + ", expected " + hexadecimal(expected) + " (an IDX file of " +
                            (rank == 1 ? "labels" : "images") + "): is this the right file?");
  }
  auto sizes = source.read_exactly(4 * rank, "the dimensions");
  if (!sizes) return sizes.error();
  Header header{.bytes = 1};
  for (std::size_t i = 0; i < rank; ++i) {
    const std::uint32_t dimension = big_endian(sizes->data() + 4 * i);
    if (dimension == 0) return source.error(Fault::bad_input, 4 + 4 * i, "found dimension 0, expected 1 or more");
    if (__builtin_mul_overflow(header.bytes, std::uint64_t{dimension}, &header.bytes)) {
      return source.error(Fault::corrupt, 4 + 4 * i, "found dimensions whose product has over 64 bits");
    }
    header.dimensions.push_back(dimension);
  }
  if (header.bytes > source.most_left()) {
    return source.error(Fault::corrupt, 4,
                        "found dimensions of " + std::to_string(header.bytes) + " bytes in all, expected at most " +
                            std::to_string(source.most_left()) + ", as many as can follow");
  }
  return header;
}

}  // namespace

Result<IdxArray> read_idx(const std::string& path, std::size_t rank) {
  auto source = ByteSource::open(path);
  if (!source) return source.error();
  auto header = read_header(*source, rank);
  if (!header) return header.error();
  auto bytes = source->read_exactly(header->bytes, rank == 1 ? "the labels" : "the images");
  if (!bytes) return bytes.error();
  if (auto end = source->expect_end(); !end) return end.error();
  return IdxArray{std::move(header->dimensions), std::move(*bytes)};
}

Result<std::vector<std::uint32_t>> read_idx_header(const std::string& path, std::size_t rank) {
  auto source = ByteSource::open(path);
  if (!source) return source.error();
  auto header = read_header(*source, rank);
  if (!header) return header.error();
  return std::move(header->dimensions);
}

}  // namespace troupe::nn
