// Memory that several processes see. Its pages are reserved when it is made, so running out of them is an error then
// and not a SIGBUS later. A file in /dev/shm only carries the name until everybody has mapped it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "runtime/base/result.h"

namespace troupe::nn {

class SharedSegment {
 public:
  /// Zeroed, without a name: for the threads of one process and the processes it forks.
  ///
  /// Fails with: unavailable.
  static Result<SharedSegment> anonymous(std::size_t bytes);

  /// Zeroed, under a new name like `/troupe-7`, for this user alone.
  ///
  /// Fails with: bad_input (no such name can be), refused (the name is taken), unavailable (no room).
  static Result<SharedSegment> create(const std::string& name, std::size_t bytes);

  /// Maps what `create` made, if it is there by now.
  ///
  /// Fails with: refused (another user's), unavailable.
  static Result<std::optional<SharedSegment>> open(const std::string& name);

  SharedSegment(SharedSegment&& other) noexcept;
  SharedSegment& operator=(SharedSegment&& other) noexcept;
  ~SharedSegment();

  /// Takes the name away, if it still names this memory; the memory stays until the last one unmaps it.
  void unlink();

  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  SharedSegment(std::byte* data, std::size_t size) : data_(data), size_(size) {}

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::string name_;
  std::uint64_t inode_ = 0;
};

}  // namespace troupe::nn
