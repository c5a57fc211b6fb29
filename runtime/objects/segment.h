// A piece of shared memory that holds one object after another: its head, then the value.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "runtime/base/result.h"
#include "runtime/objects/object_messages.h"
#include "runtime/ring/shared_memory.h"

namespace troupe::object_store {

/// A mapping of all or the beginning of a segment.
class Segment {
 public:
  using Access = SharedMemory::Access;

  /// New memory that is there for sure: zeros, mapped for writing. Fails with: unavailable.
  static Result<Segment> make(std::size_t capacity);

  /// Maps `bytes` of what another process made. Fails with: corrupt (not sealed, or not of `capacity` bytes),
  /// unavailable.
  static Result<Segment> from(Descriptor descriptor, std::size_t capacity, std::size_t bytes, Access access);

  std::span<std::byte> bytes() const { return memory_.bytes(); }
  SegmentHead& head() const { return *reinterpret_cast<SegmentHead*>(bytes().data()); }

  int descriptor() const { return memory_.descriptor(); }
  /// It will not be handed on any more.
  void close_descriptor() { memory_.close_descriptor(); }
  /// Another descriptor of the same memory, for reading only. Fails with: unavailable.
  Result<Descriptor> open_for_reading() const;
  /// Gives the memory back to the machine, whoever still maps it: they read zeros.
  void discard() const;

 private:
  explicit Segment(SharedMemory memory) : memory_(std::move(memory)) {}

  SharedMemory memory_;
};

}  // namespace troupe::object_store
