// Files of data sets, by the first byte: IDX of one to three dimensions, plain or packed with gzip, or CIFAR-10. They
// are written to a file first, for that is what is read.
// Covers: nn/data/idx_file.cpp nn/data/cifar_file.cpp nn/data/byte_source.cpp
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <numeric>

#include "nn/data/cifar_file.h"
#include "nn/data/idx_file.h"
#include "runtime/base/check.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

std::string packed(const std::string& bytes) {
  z_stream stream{};
  constexpr int gzip_format = 15 + 16;
  TROUPE_CHECK(::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_format, 8, Z_DEFAULT_STRATEGY) == Z_OK,
               "zlib starts");
  std::string made(::deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(made.data());
  stream.avail_out = static_cast<uInt>(made.size());
  TROUPE_CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END, "there is room for all of it");
  made.resize(stream.total_out);
  ::deflateEnd(&stream);
  return made;
}

}  // namespace

void run(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto kind = static_cast<unsigned char>(bytes[0]) % 4;
  bytes.remove_prefix(1);
  const int file = ::memfd_create("fuzz", MFD_CLOEXEC);
  TROUPE_CHECK(file >= 0 && ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
               "a file in memory can be written");
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (kind == 3) {
    nn::Images images{.channels = 3, .height = 32, .width = 32};
    const auto count = nn::count_cifar(path);
    const auto read = nn::append_cifar(path, images);
    if (read) TROUPE_CHECK(count && *count == images.labels.size(), "as many records are read as were counted");
  } else {
    const auto array = nn::read_idx(path, kind + 1);
    if (array) {
      const auto& sizes = array->dimensions;
      const auto product = std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{1}, std::multiplies<>());
      TROUPE_CHECK(sizes.size() == kind + 1u && array->bytes.size() == product, "it has as many bytes as it says");
      const auto header = nn::read_idx_header(path, kind + 1);
      TROUPE_CHECK(header && *header == sizes, "the header alone says the same");
    }
  }
  ::close(file);
}

std::vector<std::string> seeds() {
  const auto idx = [](std::string sizes, std::string entries) {
    std::string bytes{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
    for (const char size : sizes) bytes += std::string{'\0', '\0', '\0', size};
    return bytes + entries;
  };
  const std::string record = '\3' + std::string(3072, 'p');
  const std::string cube = idx("\1\2\3", "abcdef");
  return {'\2' + packed(cube),
          '\2' + packed(cube.substr(0, 10)) + packed(cube.substr(10)),
          '\2' + packed(cube).substr(0, 20),
          '\2' + packed(cube + "more"),
          '\2' + packed(cube.substr(0, 18)),
          '\2' + cube.substr(0, 18),
          '\3' + packed(record),
          '\0' + idx("\3", "abc"),
          '\1' + idx("\2\2", "abcd"),
          '\2' + idx("\1\2\3", "abcdef"),
          '\3' + record + record};
}

}  // namespace troupe::fuzz
