// A folder of its own for a test, and data set files written by hand.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/folder.h"

namespace troupe::nn::testing {

using FileBytes = std::vector<std::uint8_t>;

class Folder : public test::Folder {
 public:
  std::string write(const std::string& name, const FileBytes& bytes) const {
    const std::string path = file(name);
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    REQUIRE(out.good());
    return path;
  }
};

/// Big endian header of an IDX file of bytes.
inline FileBytes idx_header(const std::vector<std::uint32_t>& dimensions) {
  FileBytes bytes{0, 0, 8, static_cast<std::uint8_t>(dimensions.size())};
  for (const std::uint32_t dimension : dimensions) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(dimension >> shift));
  }
  return bytes;
}

inline FileBytes idx_file(const std::vector<std::uint32_t>& dimensions, const FileBytes& entries) {
  FileBytes bytes = idx_header(dimensions);
  bytes.insert(bytes.end(), entries.begin(), entries.end());
  return bytes;
}

inline FileBytes gzip(const FileBytes& bytes) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  FileBytes packed(::deflateBound(&stream, bytes.size()) + 64);
  FileBytes input = bytes;
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.erase(packed.end() - static_cast<std::ptrdiff_t>(stream.avail_out), packed.end());
  ::deflateEnd(&stream);
  return packed;
}

/// Bytes that look like an image, another for each number.
inline FileBytes noise(std::size_t size, std::uint32_t number) {
  FileBytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::uint8_t>((static_cast<std::uint32_t>(i) * 2654435761u + number * 40503u) >> 13);
  }
  return bytes;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace troupe::nn::testing
