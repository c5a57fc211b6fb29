#include "nn/data/cifar_file.h"

#include <algorithm>

#include "nn/data/byte_source.h"

namespace troupe::nn {

namespace {

constexpr std::size_t pixels_in_record = 3 * 32 * 32;
constexpr std::size_t record = 1 + pixels_in_record;
constexpr std::uint8_t most_label = 9;
constexpr std::size_t records_at_once = 256;

Result<std::uint64_t> count_records(const ByteSource& source) {
  if (source.compressed()) {
    return source.error(Fault::bad_input, 0, "found gzip, expected the plain binary version of CIFAR-10: unpack it");
  }
  const std::uint64_t bytes = source.most_left();
  if (bytes == 0 || bytes % record != 0) {
    return source.error(Fault::corrupt, bytes,
                        "the file ends here, expected a whole number of records of " + std::to_string(record) +
                            " bytes, at least one: take the binary version of CIFAR-10");
  }
  return bytes / record;
}

}  // namespace

Result<void> append_cifar(const std::string& path, Images& images) {
  auto source = ByteSource::open(path);
  if (!source) return source.error();
  const auto count = count_records(*source);
  if (!count) return count.error();
  images.pixels.reserve(images.pixels.size() + *count * pixels_in_record);
  images.labels.reserve(images.labels.size() + *count);

  for (std::uint64_t left = *count; left > 0;) {
    const std::uint64_t some = std::min<std::uint64_t>(left, records_at_once);
    const std::uint64_t start = source->offset();
    const auto bytes = source->read_exactly(some * record, "records");
    if (!bytes) return bytes.error();
    for (std::uint64_t i = 0; i < some; ++i) {
      const std::uint8_t* const at = bytes->data() + i * record;
      if (*at > most_label) {
        return source->error(Fault::corrupt, start + i * record,
                             "found label " + std::to_string(*at) + ", expected 0 to 9");
      }
      images.labels.push_back(*at);
      images.pixels.insert(images.pixels.end(), at + 1, at + record);
    }
    left -= some;
  }
  return source->expect_end();
}

Result<std::uint64_t> count_cifar(const std::string& path) {
  auto source = ByteSource::open(path);
  if (!source) return source.error();
  return count_records(*source);
}

}  // namespace troupe::nn
