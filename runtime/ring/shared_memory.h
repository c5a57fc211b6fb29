// Memory that processes share, without a name: it is handed on as a descriptor and gone with the last who maps it.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/base/result.h"
#include "runtime/ring/descriptor.h"

namespace troupe {

/// Its size is sealed, so nobody who maps it meets a SIGBUS because another made it shorter.
class SharedMemory {
 public:
  enum class Pages { when_touched, at_once };
  enum class Access { read, write };

  /// Zeros, mapped for reading and writing. Fails with: unavailable (no memory).
  static Result<SharedMemory> make(std::size_t bytes, Pages pages = Pages::when_touched);

  /// Maps what another process made, and closes the descriptor. Fails with: corrupt (not sealed, or of another size),
  /// unavailable.
  static Result<SharedMemory> from(Descriptor descriptor, std::size_t bytes);
  /// The same of the first `mapped` bytes only, and keeps the descriptor. Requires: mapped <= bytes.
  static Result<SharedMemory> part_of(Descriptor descriptor, std::size_t bytes, std::size_t mapped, Access access);

  SharedMemory(SharedMemory&& other) noexcept
      : descriptor_(std::move(other.descriptor_)), bytes_(std::exchange(other.bytes_, {})) {}
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~SharedMemory();

  std::span<std::byte> bytes() const { return bytes_; }
  /// -1: it was closed.
  int descriptor() const { return descriptor_.number(); }
  /// It will not be handed on any more.
  void close_descriptor() { descriptor_ = Descriptor(); }

 private:
  SharedMemory(Descriptor descriptor, std::span<std::byte> bytes) : descriptor_(std::move(descriptor)), bytes_(bytes) {}
  static Result<SharedMemory> map(Descriptor descriptor, std::size_t bytes, Access access);

  Descriptor descriptor_;
  std::span<std::byte> bytes_;
};

}  // namespace troupe
