// Slots: the fixed shares of the global batch whose gradients are computed as one piece each. Where their borders lie
// depends on the batch size and the slot count alone, never on how many workers there are, so the bits of a step do not
// either.
//
// Slots are made of blocks of 4 samples, as equal as can be, larger first: 100 samples in 4 slots are 28, 24, 24, 24. A
// batch with fewer samples keeps the borders: its last filled slot is short, the slots after it are empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "runtime/base/result.h"

namespace troupe::nn {

/// Slots [begin, end).
struct SlotRange {
  std::size_t begin = 0;
  std::size_t end = 0;

  std::size_t size() const { return end - begin; }
  bool contains(std::size_t slot) const { return begin <= slot && slot < end; }
  friend bool operator==(const SlotRange&, const SlotRange&) = default;
};

/// Samples [begin, end) of the global batch.
struct SampleRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const { return end - begin; }
  friend bool operator==(const SampleRange&, const SampleRange&) = default;
};

/// More slots than this are refused: every table over slots stays small.
inline constexpr std::size_t most_slots = 1024;

/// The largest power of two <= batch/16, at least 2, at most 64 and at most the batch. Requires: batch >= 1.
std::size_t default_slot_count(std::int64_t batch);

/// The slot count of a run: `asked` if it was given, else the default.
///
/// Fails with: bad_input if batch < 1, or `asked` is 0, above the batch or above `most_slots`.
Result<std::size_t> choose_slot_count(std::int64_t batch, std::optional<std::size_t> asked);

class Slots {
 public:
  /// Requires: 1 <= count <= batch, count <= most_slots.
  Slots(std::int64_t batch, std::size_t count);

  std::size_t count() const { return count_; }
  std::int64_t batch() const { return batch_; }

  /// Samples in the largest slot of a full batch: the first.
  std::int64_t most_samples() const { return samples(0, batch_).size(); }

  /// The samples of `slot` in a batch of `present` samples; empty past the last filled slot.
  ///
  /// Requires: slot < count(), 0 <= present <= batch().
  SampleRange samples(std::size_t slot, std::int64_t present) const;

  /// How many slots hold a sample when there are `present`: slots 0 … filled-1.
  std::size_t filled(std::int64_t present) const;

 private:
  std::int64_t border(std::size_t slot) const;

  std::int64_t batch_;
  std::size_t count_;
};

/// Whether each of `ranks` workers can hold a slot.
///
/// Fails with: bad_input, naming `--slots`.
Result<void> check_ranks(std::size_t slots, std::size_t ranks);

/// The slots that `rank` of `ranks` holds: contiguous, as equal as can be, larger first (8 on 3: 012, 345, 67).
///
/// Requires: rank < ranks <= slots.
SlotRange slots_of_rank(std::size_t slots, std::size_t ranks, std::size_t rank);

}  // namespace troupe::nn
