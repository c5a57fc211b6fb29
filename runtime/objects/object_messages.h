// What a process and the object store of its node say to each other: messages of a fixed size, some with the descriptor
// of a segment.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/objects/stored_object.h"

namespace troupe::object_store {

inline constexpr std::uint32_t protocol_version = 3;

enum class Verb : std::uint32_t {
  reserve,    ///< Room for a new segment of `capacity` bytes, for objects whose ids begin as `object` does: always the
              ///< same. Answered: granted, refused.
  give_back,  ///< Of what was reserved: `capacity` bytes will not be put.
  put,        ///< A segment holds an object from now on: a new one, handed over, or one that was spare. Ids ascend.
  hold,       ///< The object is to stay until drop.
  take_over,  ///< hold, by the one for whom somebody else has put or left it.
  leave,      ///< Somebody else will take it over.
  drop,
  open,   ///< Answered: opened, lost, refused.
  close,  ///< Of one open.
  list,   ///< The first objects behind `object`. Answered: some entries, then end.
};

struct Request {
  std::uint32_t version = protocol_version;
  Verb verb = Verb::reserve;
  std::uint64_t number = 0;  ///< Returned with the answer.
  ObjectId object;
  std::uint64_t segment = 0;  ///< put: named by its writer, from 1.
  std::uint64_t capacity = 0;
  std::uint64_t bytes = 0;         ///< put: of the value.
  std::uint32_t value_at = 0;      ///< put: where it begins in the segment.
  std::uint16_t is_for_other = 0;  ///< put: who put it does not hold it, somebody else will take it over.
  std::uint16_t is_let_go = 0;     ///< put: its writer will not write into the segment again.
};

enum class Outcome : std::uint32_t {
  granted,
  refused,  ///< There is no room: see `used`, `in_use`, `limit`.
  opened,   ///< With a descriptor for reading, or, where the asker wrote it, its own `segment`.
  lost,     ///< No such object is here, or what the disk gives back of it is damaged.
  spare,    ///< The asker's `segment` is free for its next put.
  gone,     ///< The asker's `segment` will not be asked for any more.
  entry,  ///< `object`, its `bytes`, what of it is in memory (`used`), who holds it and looks at it (`held`, `opened`).
  end,    ///< `held`: whether there are more.
};

struct Answer {
  Outcome outcome = Outcome::granted;
  std::uint32_t value_at = 0;
  std::uint64_t number = 0;
  std::uint64_t segment = 0;
  std::uint64_t capacity = 0;
  std::uint64_t bytes = 0;
  std::uint64_t used = 0;    ///< refused: bytes of the store.
  std::uint64_t in_use = 0;  ///< refused: of objects that processes look at, and of segments that they write.
  std::uint64_t limit = 0;   ///< refused
  ObjectId object;           ///< entry
  std::uint32_t held = 0;
  std::uint32_t opened = 0;
};

/// The first bytes of a segment.
struct SegmentHead {
  std::atomic<std::uint32_t> state;
};
enum SegmentState : std::uint32_t {
  segment_in_use,
  segment_spare,  ///< Its writer may write into it again, its store may take its memory away: whoever is first.
  segment_empty,
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

/// Where what is aligned begins: numbers of an array lie so that any vector instruction reads them.
inline constexpr std::size_t body_at = 192;

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t segment_bytes(std::size_t value_bytes) {
  return (body_at + value_bytes + page_bytes - 1) / page_bytes * page_bytes;
}

}  // namespace troupe::object_store
