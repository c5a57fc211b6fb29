#include "nn/parallel/schedule.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::nn;

namespace {

constexpr Pass F = Pass::forward;
constexpr Pass B = Pass::backward;

/// k = min(m, p-1-s) forwards, then F(k+i), B(i) in turn, then the rest: another true schedule, for the checker.
PipelineSchedule one_forward_one_backward(std::size_t stages, std::size_t slots) {
  PipelineSchedule schedule{.name = "1f1b", .slots = static_cast<std::uint32_t>(slots)};
  for (std::size_t stage = 0; stage < stages; ++stage) {
    std::vector<Action> actions;
    const std::size_t warm = std::min(slots, stages - 1 - stage);
    for (std::uint32_t slot = 0; slot < warm; ++slot) actions.push_back({F, slot});
    for (std::uint32_t i = 0; i < slots; ++i) {
      if (warm + i < slots) actions.push_back({F, static_cast<std::uint32_t>(warm + i)});
      actions.push_back({B, i});
    }
    schedule.stages.push_back(actions);
  }
  return schedule;
}

std::string refusal(const PipelineSchedule& schedule, const ScheduleLimits& limits = {}) {
  const Result<void> result = check(schedule, limits);
  return result ? "" : result.error().message;
}

}  // namespace

TEST_CASE("gpipe runs all slots forward, then all backward", "[schedule]") {
  CHECK(describe(gpipe(2, 3)) == "s0 F0 F1 F2 B0 B1 B2\ns1 F0 F1 F2 B0 B1 B2\n");
  CHECK(describe(gpipe(1, 1)) == "s0 F0 B0\n");
  CHECK(describe(gpipe(2, 0)) == "s0\ns1\n");
}

TEST_CASE("gpipe is proved for every shape, even if every send waits for its receive", "[schedule]") {
  for (std::size_t stages = 1; stages <= 6; ++stages) {
    for (std::uint32_t slots = 0; slots <= 12; ++slots) {
      CAPTURE(stages, slots);
      for (const std::uint32_t capacity : {0, 1, 2, 12}) {
        CHECK(check(gpipe(stages, slots), {.channel_capacity = capacity, .live_slots = slots}));
      }
      if (slots > 0) CHECK_FALSE(check(gpipe(stages, slots), {.live_slots = slots - 1}));
    }
  }
}

TEST_CASE("one forward, one backward needs channels of one message and fewer live slots", "[schedule]") {
  for (std::size_t stages = 2; stages <= 6; ++stages) {
    for (std::uint32_t slots = 2; slots <= 12; ++slots) {
      CAPTURE(stages, slots);
      const PipelineSchedule schedule = one_forward_one_backward(stages, slots);
      const std::uint32_t live = std::min<std::uint32_t>(slots, static_cast<std::uint32_t>(stages));
      CHECK(check(schedule, {.channel_capacity = 1, .live_slots = live}));
      CHECK_FALSE(check(schedule, {.channel_capacity = 0, .live_slots = live}));
      CHECK_FALSE(check(schedule, {.channel_capacity = 1, .live_slots = live - 1}));
    }
  }
}

TEST_CASE("a schedule with an action left out or done twice is refused", "[schedule]") {
  for (std::size_t stage = 0; stage < 3; ++stage) {
    for (std::size_t place = 0; place < 8; ++place) {
      PipelineSchedule dropped = gpipe(3, 4);
      std::vector<Action>& actions = dropped.stages[stage];
      actions.erase(actions.begin() + static_cast<std::ptrdiff_t>(place));
      CHECK_FALSE(check(dropped, {.channel_capacity = 8}));

      PipelineSchedule doubled = gpipe(3, 4);
      doubled.stages[stage].push_back(doubled.stages[stage][place]);
      CHECK_FALSE(check(doubled, {.channel_capacity = 8}));
    }
  }
  PipelineSchedule dropped = gpipe(2, 2);
  dropped.stages[1].pop_back();
  CHECK(refusal(dropped) == "stage 1: B1 is missing");
  PipelineSchedule doubled = gpipe(2, 2);
  doubled.stages[0].push_back({F, 1});
  CHECK(refusal(doubled) == "stage 0: F1 a second time, expected once");
}

TEST_CASE("a schedule with any two actions of one stage swapped is refused", "[schedule]") {
  std::size_t refused = 0;
  for (std::size_t stage = 0; stage < 3; ++stage) {
    for (std::size_t a = 0; a < 8; ++a) {
      for (std::size_t b = a + 1; b < 8; ++b) {
        PipelineSchedule swapped = gpipe(3, 4);
        std::swap(swapped.stages[stage][a], swapped.stages[stage][b]);
        CAPTURE(stage, a, b, describe(swapped));
        CHECK_FALSE(check(swapped, {}));
        ++refused;
      }
    }
  }
  CHECK(refused == 3 * 28);
}

TEST_CASE("a backward pass before its forward pass is refused", "[schedule]") {
  PipelineSchedule schedule{.name = "bad", .slots = 1, .stages = {{{B, 0}, {F, 0}}}};
  CHECK(refusal(schedule) == "stage 0: B0 before the forward pass of its slot");
}

TEST_CASE("receives in another order than the sends are refused", "[schedule]") {
  PipelineSchedule schedule = gpipe(2, 2);
  std::swap(schedule.stages[1][0], schedule.stages[1][1]);
  CHECK(refusal(schedule) == "stage 1 expects the activations of slot 1 as message 0, stage 0 sends those of slot 0");
  schedule = gpipe(2, 2);
  std::swap(schedule.stages[0][2], schedule.stages[0][3]);
  CHECK(refusal(schedule) == "stage 0 expects the gradients of slot 1 as message 0, stage 1 sends those of slot 0");
}

TEST_CASE("stages that wait for each other are refused, and where each stands is told", "[schedule]") {
  // The first stage wants slot 0 back before it sends slot 1; the second wants slot 1 before it sends slot 0 back.
  PipelineSchedule schedule = gpipe(2, 2);
  schedule.stages[0] = {{F, 0}, {B, 0}, {F, 1}, {B, 1}};
  CHECK(refusal(schedule, {.channel_capacity = 4}) ==
        "schedule gpipe never ends with channels of capacity 4: stage 0 waits to receive for B0, stage 1 waits to "
        "receive for F1");
}

TEST_CASE("a full channel that nobody empties is refused", "[schedule]") {
  const PipelineSchedule schedule = one_forward_one_backward(2, 2);
  CHECK(refusal(schedule) ==
        "schedule 1f1b never ends with channels of capacity 0: stage 0 waits to send F1, stage 1 waits to send B0");
}

TEST_CASE("slots and stages that do not exist are refused", "[schedule]") {
  CHECK(refusal({.name = "bad"}) == "schedule bad has no stage");
  PipelineSchedule schedule{.name = "bad", .slots = 1, .stages = {{{F, 7}}}};
  CHECK(refusal(schedule) == "stage 0: F7: expected a slot below 1");
}
