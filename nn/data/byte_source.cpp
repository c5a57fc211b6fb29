#include "nn/data/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

namespace troupe::nn {

namespace {

/// Deflate packs at most 1032 bytes into one.
constexpr std::uint64_t best_ratio = 1032;
constexpr std::size_t first_piece = std::size_t{1} << 16;

}  // namespace

struct ByteSource::Inflater {
  z_stream stream{};
  std::array<std::uint8_t, 1 << 16> input;
  bool in_member = true;
  bool ended = false;

  ~Inflater() { ::inflateEnd(&stream); }
};

ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;
ByteSource::~ByteSource() = default;

Result<ByteSource> ByteSource::open(const std::string& path) {
  ByteSource source;
  source.path_ = path;
  // A pipe, which may stand in the file's place, would let the opening wait for ever.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return Error{errno == ENOENT ? Fault::not_found : Fault::bad_input, path + ": " + std::strerror(errno)};
  }
  source.file_.reset(::fdopen(descriptor, "rb"));
  TROUPE_CHECK(source.file_, "a stream for an open file");
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    return bad_input(path + ": not a regular file");
  }
  source.file_size_ = static_cast<std::uint64_t>(status.st_size);

  std::array<std::uint8_t, 2> magic{};
  const std::size_t found = std::fread(magic.data(), 1, magic.size(), source.file_.get());
  std::rewind(source.file_.get());
  if (found == 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
    source.inflater_ = std::make_unique<Inflater>();
    constexpr int gzip_format = 15 + 16;
    const int made = ::inflateInit2(&source.inflater_->stream, gzip_format);
    TROUPE_CHECK(made == Z_OK, "zlib starts");
  }
  return source;
}

std::uint64_t ByteSource::most_left() const {
  if (!compressed()) return file_size_ - std::min(file_size_, offset_);
  // Nobody has such a file; and no product overflows.
  const std::uint64_t most = std::min(file_size_, std::numeric_limits<std::uint64_t>::max() / best_ratio) * best_ratio;
  return most - std::min(most, offset_);
}

Error ByteSource::error(Fault fault, std::uint64_t at, const std::string& message) const {
  return {fault, path_ + ": byte " + std::to_string(at) + (compressed() ? " (unpacked): " : ": ") + message};
}

Result<std::size_t> ByteSource::read(std::span<std::uint8_t> bytes) {
  auto count = compressed() ? read_compressed(bytes) : read_plain(bytes);
  if (count) offset_ += *count;
  return count;
}

Result<std::size_t> ByteSource::read_plain(std::span<std::uint8_t> bytes) {
  const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), file_.get());
  if (count < bytes.size() && std::ferror(file_.get())) {
    return error(Fault::bad_input, offset_ + count, std::string("cannot be read: ") + std::strerror(errno));
  }
  return count;
}

Result<std::size_t> ByteSource::read_compressed(std::span<std::uint8_t> bytes) {
  Inflater& inflater = *inflater_;
  z_stream& stream = inflater.stream;
  std::size_t done = 0;
  while (done < bytes.size() && !inflater.ended) {
    if (stream.avail_in == 0) {
      stream.avail_in = static_cast<uInt>(std::fread(inflater.input.data(), 1, inflater.input.size(), file_.get()));
      stream.next_in = inflater.input.data();
      if (std::ferror(file_.get())) {
        return error(Fault::bad_input, offset_ + done, std::string("cannot be read: ") + std::strerror(errno));
      }
    }
    if (!inflater.in_member) {
      // A gzip file may be several, one after the other.
      if (stream.avail_in == 0) {
        inflater.ended = true;
        break;
      }
      ::inflateReset(&stream);
      inflater.in_member = true;
    }
    if (stream.avail_in == 0) {
      return error(Fault::corrupt, offset_ + done, "the compressed file is cut off: fetch it again");
    }
    const std::size_t room = std::min<std::size_t>(bytes.size() - done, std::size_t{1} << 30);
    stream.next_out = bytes.data() + done;
    stream.avail_out = static_cast<uInt>(room);
    const int state = ::inflate(&stream, Z_NO_FLUSH);
    done += room - stream.avail_out;
    if (state == Z_STREAM_END) {
      inflater.in_member = false;
    } else if (state != Z_OK) {
      return error(
          Fault::corrupt, offset_ + done,
          std::string("damaged gzip data (") + (stream.msg ? stream.msg : "broken stream") + "): fetch the file again");
    }
  }
  return done;
}

Result<std::vector<std::uint8_t>> ByteSource::read_exactly(std::uint64_t size, const std::string& what) {
  if (size > most_left()) {
    return error(
        Fault::corrupt, offset_,
        what + ": found at most " + std::to_string(most_left()) + " more bytes, expected " + std::to_string(size));
  }
  std::vector<std::uint8_t> bytes;
  // A plain file has what it says; a compressed one may not, so its memory doubles with what comes.
  std::uint64_t piece = compressed() ? std::min<std::uint64_t>(size, first_piece) : size;
  while (bytes.size() < size) {
    const std::size_t had = bytes.size();
    bytes.resize(static_cast<std::size_t>(std::min(size, had + piece)));
    const auto count = read(std::span(bytes).subspan(had));
    if (!count) return count.error();
    if (had + *count < bytes.size()) {
      return error(Fault::corrupt, offset_,
                   what + ": the file ends here, expected " + std::to_string(size - had - *count) + " more bytes");
    }
    piece = bytes.size();
  }
  return bytes;
}

Result<void> ByteSource::expect_end() {
  std::array<std::uint8_t, 1> extra;
  const std::uint64_t at = offset_;
  const auto count = read(extra);
  if (!count) return count.error();
  if (*count == 0) return {};
  return error(Fault::corrupt, at, "more bytes follow, expected the end of the file");
}

}  // namespace troupe::nn
