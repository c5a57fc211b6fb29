// A folder of its own for a test, and data set files written by hand.
#pragma once

#include <stdlib.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace troupe::nn::testing {

using FileBytes = std::vector<std::uint8_t>;

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-data-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }

  std::string write(const std::string& name, const FileBytes& bytes) const {
    std::string file = path_;
    file.append("/").append(name);
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    REQUIRE(out.good());
    return file;
  }

 private:
  std::string path_;
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
  packed.resize(packed.size() - stream.avail_out);
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
