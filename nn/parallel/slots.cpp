#include "nn/parallel/slots.h"

#include <algorithm>
#include <string>

namespace troupe::nn {

namespace {

constexpr std::int64_t block = 4;

}  // namespace

std::size_t default_slot_count(std::int64_t batch) {
  TROUPE_CHECK(batch >= 1, "a batch holds a sample");
  std::int64_t count = 2;
  while (count < 64 && 2 * count <= batch / 16) count *= 2;
  return static_cast<std::size_t>(std::min(count, batch));
}

Result<std::size_t> choose_slot_count(std::int64_t batch, std::optional<std::size_t> asked) {
  if (batch < 1) return bad_input("--batch-size: found " + std::to_string(batch) + ", expected 1 or more");
  if (!asked) return default_slot_count(batch);
  const std::size_t most = static_cast<std::size_t>(std::min<std::int64_t>(batch, most_slots));
  if (*asked < 1 || *asked > most) {
    return bad_input("--slots: found " + std::to_string(*asked) + ", expected 1 to " + std::to_string(most) +
                     " for a batch of " + std::to_string(batch));
  }
  return *asked;
}

Slots::Slots(std::int64_t batch, std::size_t count) : batch_(batch), count_(count) {
  TROUPE_CHECK(batch >= 1 && count >= 1 && count <= most_slots && static_cast<std::int64_t>(count) <= batch,
               "a slot count that choose_slot_count allows");
}

std::int64_t Slots::border(std::size_t slot) const {
  const std::int64_t blocks = batch_ / block + (batch_ % block != 0);
  const std::int64_t count = static_cast<std::int64_t>(count_);
  const std::int64_t before = static_cast<std::int64_t>(slot);
  return std::min(batch_, block * (before * (blocks / count) + std::min(before, blocks % count)));
}

SampleRange Slots::samples(std::size_t slot, std::int64_t present) const {
  TROUPE_CHECK(slot < count_, "a slot of this layout");
  TROUPE_CHECK(present >= 0 && present <= batch_, "no more samples than the batch holds");
  return {std::min(border(slot), present), std::min(border(slot + 1), present)};
}

std::size_t Slots::filled(std::int64_t present) const {
  std::size_t filled = 0;
  while (filled < count_ && samples(filled, present).size() > 0) ++filled;
  return filled;
}

Result<void> check_ranks(std::size_t slots, std::size_t ranks) {
  if (ranks < 1) return bad_input("a strategy needs at least 1 worker, found 0");
  if (ranks <= slots) return {};
  return bad_input(std::to_string(ranks) + " workers share " + std::to_string(slots) +
                   " slots, expected at most one worker a slot: use fewer workers or give --slots " +
                   std::to_string(ranks) + " or more");
}

SlotRange slots_of_rank(std::size_t slots, std::size_t ranks, std::size_t rank) {
  TROUPE_CHECK(rank < ranks && ranks <= slots, "every rank holds a slot");
  const auto border = [&](std::size_t r) { return r * (slots / ranks) + std::min(r, slots % ranks); };
  return {border(rank), border(rank + 1)};
}

}  // namespace troupe::nn
