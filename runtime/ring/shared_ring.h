// A queue of records from one process to another, in memory that both map: bytes in a circle, each record in one piece.
//
// Neither side trusts the other. Every number that the other may write is read once and checked; who breaks the rules
// harms only itself: its ring is broken, and carries nothing any more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace troupe {

/// The first bytes of a ring's memory. The counts only grow; the place is a count modulo the size.
struct RingHead {
  alignas(64) std::atomic<std::uint64_t> written;  ///< Bytes, by the writer.
  alignas(64) std::atomic<std::uint64_t> read;     ///< Bytes, by the reader.
  std::atomic<std::uint32_t> wants_room;           ///< The writer waits for some, and is to be woken.
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// What the memory of a ring holds besides its records.
inline constexpr std::size_t ring_head_bytes = sizeof(RingHead);

/// Threads: one at a time.
class RingWriter {
 public:
  /// Begins where a ring left it, on zeros anew; where the head makes no sense the ring is broken.
  ///
  /// Requires: a power of two behind the head.
  explicit RingWriter(std::span<std::byte> memory);

  /// Records of at most a quarter of the ring: so one always fits into an empty ring.
  std::size_t most_record() const { return size_ / 4; }

  /// Publishes the parts as one record. False: there is no room for it now, or the ring is broken.
  ///
  /// Requires: together at most most_record() bytes.
  bool write(std::span<const std::string_view> parts);

  /// From now on the reader tells, once, when it has made room. True: it has made some already.
  bool ask_for_room();
  /// Whether the reader has made room since the last write that found none.
  bool has_new_room() const { return head_->read.load(std::memory_order_seq_cst) != read_; }

  bool is_broken() const { return is_broken_; }

 private:
  bool has_room(std::size_t bytes);

  RingHead* head_;
  std::byte* data_;
  std::size_t size_;
  std::uint64_t written_;
  std::uint64_t read_;  // As it was when last looked at.
  bool is_broken_;
};

/// Threads: one at a time.
class RingReader {
 public:
  /// Requires: as for RingWriter.
  explicit RingReader(std::span<std::byte> memory);

  /// The oldest record, in place: the writer could still change it, so what is checked must be copied first. Nullopt:
  /// there is none, or the ring is broken.
  std::optional<std::string_view> front();

  /// Gives its room back. Requires: front() has just told a record.
  void pop();

  /// Whether the writer waits for the room that was made, and is to be woken. Tells it once.
  bool owes_room();

  bool is_empty() const { return head_->written.load(std::memory_order_seq_cst) == read_; }
  bool is_broken() const { return is_broken_; }

 private:
  RingHead* head_;
  const std::byte* data_;
  std::size_t size_;
  std::uint64_t read_;
  std::uint64_t written_;   // As it was when last looked at.
  std::uint64_t next_ = 0;  // Behind the record that front() told.
  bool is_broken_;
};

}  // namespace troupe
