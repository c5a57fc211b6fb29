// A file of data sets as a stream of bytes, plain or compressed: what a decoder reads from. Nothing is read, and no
// memory taken, beyond what is asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace troupe::nn {

class ByteSource {
 public:
  /// Opens a plain file, or one in gzip format by its first bytes, whatever its name.
  ///
  /// Fails with: not_found, bad_input (not a regular file, unreadable).
  static Result<ByteSource> open(const std::string& path);

  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;
  ~ByteSource();

  const std::string& path() const { return path_; }
  bool compressed() const { return inflater_ != nullptr; }
  /// Of the decoded stream, from its start.
  std::uint64_t offset() const { return offset_; }

  /// The most bytes that can still come: known for a plain file, what the format can pack at best for a compressed one.
  std::uint64_t most_left() const;

  /// Reads up to bytes.size() bytes; less only at the end of the stream.
  ///
  /// Fails with: corrupt (damaged or cut compression), bad_input (cannot be read).
  Result<std::size_t> read(std::span<std::uint8_t> bytes);

  /// Reads exactly `size` bytes; memory grows with what really comes. `what` names them in an error.
  ///
  /// Fails with: corrupt, naming the place, if the stream ends before.
  Result<std::vector<std::uint8_t>> read_exactly(std::uint64_t size, const std::string& what);

  /// Fails with: corrupt, unless the stream ends here.
  Result<void> expect_end();

  /// `FILE: byte OFFSET: ` and the message.
  Error error(Fault fault, std::uint64_t at, const std::string& message) const;

 private:
  struct Inflater;
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  ByteSource() = default;
  Result<std::size_t> read_plain(std::span<std::uint8_t> bytes);
  Result<std::size_t> read_compressed(std::span<std::uint8_t> bytes);

  std::string path_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::uint64_t file_size_ = 0;
  std::uint64_t offset_ = 0;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace troupe::nn
