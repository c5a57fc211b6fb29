#include "nn/parallel/slots.h"

#include <vector>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::nn;

namespace {

std::vector<std::int64_t> sizes(std::int64_t batch, std::size_t count, std::int64_t present) {
  const Slots slots(batch, count);
  std::vector<std::int64_t> sizes;
  for (std::size_t slot = 0; slot < count; ++slot) sizes.push_back(slots.samples(slot, present).size());
  return sizes;
}

std::vector<std::int64_t> sizes(std::int64_t batch, std::size_t count) { return sizes(batch, count, batch); }

using Sizes = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("the slot count follows from the batch alone", "[slots]") {
  struct Case {
    std::int64_t batch;
    std::size_t slots;
  };
  const std::vector<Case> cases{{1, 1},   {2, 2},   {3, 2},   {4, 2},    {32, 2},    {63, 2},    {64, 4},
                                {100, 4}, {127, 4}, {128, 8}, {256, 16}, {1023, 32}, {1024, 64}, {100000, 64}};
  for (const Case& c : cases) {
    CAPTURE(c.batch);
    CHECK(default_slot_count(c.batch) == c.slots);
    CHECK(choose_slot_count(c.batch, {}).value() == c.slots);
  }
}

TEST_CASE("an asked slot count is taken if every slot can have a sample", "[slots]") {
  CHECK(choose_slot_count(100, 8).value() == 8);
  CHECK(choose_slot_count(100, 100).value() == 100);
  CHECK(choose_slot_count(100, 101).error().message == "--slots: found 101, expected 1 to 100 for a batch of 100");
  CHECK(choose_slot_count(100, 0).error().message == "--slots: found 0, expected 1 to 100 for a batch of 100");
  CHECK(choose_slot_count(100000, most_slots + 1).error().fault == Fault::bad_input);
  CHECK(choose_slot_count(0, {}).error().fault == Fault::bad_input);
  CHECK(choose_slot_count(-5, 1).error().fault == Fault::bad_input);
}

TEST_CASE("slots are blocks of four, as equal as can be, larger first", "[slots]") {
  CHECK(sizes(100, 4) == Sizes{28, 24, 24, 24});
  CHECK(sizes(128, 8) == Sizes(8, 16));
  CHECK(sizes(100, 8) == Sizes{16, 12, 12, 12, 12, 12, 12, 12});
  CHECK(sizes(100, 1) == Sizes{100});
  CHECK(sizes(102, 4) == Sizes{28, 28, 24, 22});
  CHECK(sizes(64, 3) == Sizes{24, 20, 20});
  CHECK(sizes(7, 2) == Sizes{4, 3});
  CHECK(sizes(4, 2) == Sizes{4, 0});
  CHECK(sizes(1, 1) == Sizes{1});
}

TEST_CASE("a short batch keeps the borders", "[slots]") {
  CHECK(sizes(32, 8, 7) == Sizes{4, 3, 0, 0, 0, 0, 0, 0});
  CHECK(sizes(100, 4, 52) == Sizes{28, 24, 0, 0});
  CHECK(sizes(100, 4, 53) == Sizes{28, 24, 1, 0});
  CHECK(sizes(100, 4, 1) == Sizes{1, 0, 0, 0});
  CHECK(sizes(100, 4, 0) == Sizes{0, 0, 0, 0});
  CHECK(Slots(32, 8).filled(7) == 2);
  CHECK(Slots(32, 8).filled(8) == 2);
  CHECK(Slots(32, 8).filled(9) == 3);
  CHECK(Slots(32, 8).filled(0) == 0);
  CHECK(Slots(4, 2).filled(4) == 1);
  CHECK(Slots(100, 4).most_samples() == 28);
}

TEST_CASE("slots follow each other and hold every sample once, for every batch, count and shortage", "[slots]") {
  for (std::int64_t batch = 1; batch <= 70; ++batch) {
    for (std::size_t count = 1; count <= static_cast<std::size_t>(batch); ++count) {
      const Slots slots(batch, count);
      for (std::int64_t present = 0; present <= batch; ++present) {
        std::int64_t covered = 0;
        bool good = true;
        for (std::size_t slot = 0; slot < count; ++slot) {
          const SampleRange samples = slots.samples(slot, present);
          const SampleRange whole = slots.samples(slot, batch);
          good = good && samples.begin == covered && samples.size() <= whole.size();
          good = good && samples.size() <= slots.most_samples();
          good = good && (samples.size() > 0) == (slot < slots.filled(present));
          // Only the last filled slot is short.
          good = good && (slot + 1 >= slots.filled(present) || samples == whole);
          covered = samples.end;
        }
        if (!good || covered != present) {
          CAPTURE(batch, count, present);
          FAIL("a sample is lost, doubled or out of its slot");
        }
      }
    }
  }
}

TEST_CASE("ranks hold contiguous slots, as equal as can be, larger first", "[slots]") {
  CHECK(slots_of_rank(8, 3, 0) == SlotRange{0, 3});
  CHECK(slots_of_rank(8, 3, 1) == SlotRange{3, 6});
  CHECK(slots_of_rank(8, 3, 2) == SlotRange{6, 8});
  CHECK(slots_of_rank(4, 4, 3) == SlotRange{3, 4});
  CHECK(slots_of_rank(4, 1, 0) == SlotRange{0, 4});

  for (std::size_t slots = 1; slots <= 64; ++slots) {
    for (std::size_t ranks = 1; ranks <= slots; ++ranks) {
      std::size_t covered = 0;
      std::size_t before = slots;
      bool good = true;
      for (std::size_t rank = 0; rank < ranks; ++rank) {
        const SlotRange held = slots_of_rank(slots, ranks, rank);
        good = good && held.begin == covered && held.size() >= 1 && held.size() <= before;
        good = good && held.size() + 1 >= slots_of_rank(slots, ranks, 0).size();
        covered = held.end;
        before = held.size();
      }
      CAPTURE(slots, ranks);
      CHECK((good && covered == slots));
    }
  }
}

TEST_CASE("more workers than slots are refused, naming --slots", "[slots]") {
  CHECK(check_ranks(4, 4));
  CHECK(check_ranks(4, 5).error().message ==
        "5 workers share 4 slots, expected at most one worker a slot: use fewer workers or give --slots 5 or more");
  CHECK(check_ranks(4, 0).error().fault == Fault::bad_input);
}
