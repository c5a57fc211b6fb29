#include "runtime/ring/shared_ring.h"

#include <bit>
#include <cstring>

#include "runtime/base/check.h"

namespace troupe {
namespace {

// A record is its length and its bytes, padded; or a mark that the rest of the circle is empty.
using Length = std::uint32_t;
constexpr Length skip_to_begin = ~Length{0};
constexpr std::size_t alignment = 8;

constexpr std::size_t padded(std::size_t bytes) { return (sizeof(Length) + bytes + alignment - 1) & ~(alignment - 1); }

std::size_t size_of(std::span<std::byte> memory) {
  const std::size_t size = memory.size() - ring_head_bytes;
  TROUPE_CHECK(memory.size() > ring_head_bytes && std::has_single_bit(size) && size >= 64,
               "a ring has a size to count by");
  return size;
}

}  // namespace

RingWriter::RingWriter(std::span<std::byte> memory)
    : head_(reinterpret_cast<RingHead*>(memory.data())),
      data_(memory.data() + ring_head_bytes),
      size_(size_of(memory)),
      written_(head_->written.load()),
      read_(head_->read.load()),
      is_broken_(written_ % alignment != 0 || written_ - read_ > size_) {}

bool RingWriter::has_room(std::size_t bytes) {
  if (size_ - (written_ - read_) >= bytes) return true;
  const std::uint64_t read = head_->read.load(std::memory_order_acquire);
  // It only grows, and cannot pass the writer.
  if (read < read_ || read > written_) is_broken_ = true;
  if (is_broken_) return false;
  read_ = read;
  return size_ - (written_ - read_) >= bytes;
}

bool RingWriter::write(std::span<const std::string_view> parts) {
  std::size_t length = 0;
  for (const auto part : parts) length += part.size();
  TROUPE_CHECK(length <= most_record(), "a record is at most a quarter of its ring");
  const std::size_t bytes = padded(length);
  std::size_t at = written_ & (size_ - 1);
  const std::size_t skipped = size_ - at < bytes ? size_ - at : 0;
  if (is_broken_ || !has_room(skipped + bytes)) return false;
  if (skipped > 0) {
    std::memcpy(data_ + at, &skip_to_begin, sizeof skip_to_begin);
    at = 0;
  }
  const auto told = static_cast<Length>(length);
  std::memcpy(data_ + at, &told, sizeof told);
  at += sizeof told;
  for (const auto part : parts) {
    if (part.empty()) continue;
    std::memcpy(data_ + at, part.data(), part.size());
    at += part.size();
  }
  written_ += skipped + bytes;
  head_->written.store(written_, std::memory_order_seq_cst);  // Before the reader is asked whether it sleeps.
  return true;
}

bool RingWriter::ask_for_room() {
  head_->wants_room.store(1, std::memory_order_seq_cst);
  return has_new_room();
}

RingReader::RingReader(std::span<std::byte> memory)
    : head_(reinterpret_cast<RingHead*>(memory.data())),
      data_(memory.data() + ring_head_bytes),
      size_(size_of(memory)),
      read_(head_->read.load()),
      written_(read_),
      is_broken_(read_ % alignment != 0) {}

std::optional<std::string_view> RingReader::front() {
  while (!is_broken_) {
    if (written_ == read_) {
      const std::uint64_t written = head_->written.load(std::memory_order_seq_cst);
      if (written < read_ || written - read_ > size_ || written % alignment != 0) is_broken_ = true;
      if (is_broken_ || written == read_) return std::nullopt;
      written_ = written;
    }
    const std::size_t at = read_ & (size_ - 1);
    Length length = 0;
    std::memcpy(&length, data_ + at, sizeof length);
    if (length == skip_to_begin && written_ - read_ > size_ - at) {
      read_ += size_ - at;
      continue;
    }
    is_broken_ = length > size_ / 4 || padded(length) > written_ - read_ || padded(length) > size_ - at;
    if (is_broken_) break;
    next_ = read_ + padded(length);
    return std::string_view(reinterpret_cast<const char*>(data_ + at + sizeof length), length);
  }
  return std::nullopt;
}

bool RingReader::owes_room() {
  head_->read.store(read_, std::memory_order_seq_cst);  // Before the writer is asked whether it waits.
  return head_->wants_room.load(std::memory_order_seq_cst) != 0 && head_->wants_room.exchange(0) != 0;
}

void RingReader::pop() {
  TROUPE_CHECK(next_ > read_, "a record is told before it is taken away");
  read_ = next_;
  head_->read.store(read_, std::memory_order_release);
}

}  // namespace troupe
