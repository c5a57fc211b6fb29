// A piece of shared memory that holds one object after another: its head, then the value.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/base/result.h"
#include "runtime/objects/object_messages.h"
#include "runtime/ring/descriptor.h"

namespace troupe::object_store {

/// A mapping of all or the beginning of a segment. Nobody can make the memory shorter, so nobody meets a SIGBUS.
class Segment {
 public:
  enum class Access { read, write };

  /// New memory that is there for sure: zeros, mapped for writing. Fails with: unavailable.
  static Result<Segment> make(std::size_t capacity);

  /// Maps `bytes` of what another process made. Fails with: corrupt (not sealed, or not of `capacity` bytes),
  /// unavailable.
  static Result<Segment> from(Descriptor descriptor, std::size_t capacity, std::size_t bytes, Access access);

  Segment(Segment&& other) noexcept
      : descriptor_(std::move(other.descriptor_)), bytes_(std::exchange(other.bytes_, {})) {}
  Segment& operator=(Segment&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Segment();

  std::span<std::byte> bytes() const { return bytes_; }
  SegmentHead& head() const { return *reinterpret_cast<SegmentHead*>(bytes_.data()); }

  const Descriptor& descriptor() const { return descriptor_; }
  /// It will not be handed on any more.
  void close_descriptor() { descriptor_ = Descriptor(); }
  /// Another descriptor of the same memory, for reading only. Fails with: unavailable.
  Result<Descriptor> open_for_reading() const;
  /// Gives the memory back to the machine, whoever still maps it: they read zeros.
  void discard() const;

 private:
  Segment(Descriptor descriptor, std::span<std::byte> bytes) : descriptor_(std::move(descriptor)), bytes_(bytes) {}

  Descriptor descriptor_;
  std::span<std::byte> bytes_;
};

}  // namespace troupe::object_store
