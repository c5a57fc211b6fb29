#include "nn/parallel/communicator.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "nn/parallel/schedule.h"
#include "nn/parallel/slot_accumulator.h"
#include "tests/nn/parallel/gang.h"

using namespace troupe;
using namespace troupe::nn;
using namespace troupe::nn::testing;
using namespace std::chrono_literals;

namespace {

Mesh mesh_of(std::size_t replicas, std::size_t stages, std::size_t slots, std::size_t elements) {
  Mesh mesh{.replicas = replicas, .stages = stages, .slots = slots};
  // Every stage has another number of parameters.
  for (std::size_t stage = 0; stage < stages; ++stage) mesh.parameters.push_back(elements + stage * (elements > 0));
  mesh.border_elements.assign(stages - 1, 1);
  return mesh;
}

/// Sums the slots of one step; the answer is "" or what was wrong.
std::string step(Communicator& ranks, SlotAccumulator& accumulator, std::size_t elements, std::size_t filled,
                 std::size_t salt) {
  accumulator.start(filled);
  std::vector<LossSum> losses;
  for (std::size_t slot = ranks.slots().begin; slot < std::min(ranks.slots().end, filled); ++slot) {
    const std::span<float> gradient = accumulator.gradient(slot);
    for (std::size_t i = 0; i < elements; ++i) gradient[i] = gradient_value(slot, i, salt);
    accumulator.finish(slot);
    losses.push_back({.loss = std::ldexp(1.0 + static_cast<double>(slot), 40 - 3 * static_cast<int>(slot % 30)),
                      .correct = static_cast<std::int64_t>(slot)});
  }
  const auto sum = ranks.all_reduce_tree({.filled = filled, .pieces = accumulator.pieces(), .losses = losses});
  if (!sum) return sum.error().message;
  const std::vector<float> expected = root_value(filled, elements, salt);
  if (sum->gradient.size() != elements) return "another number of elements";
  if (elements > 0 && std::memcmp(sum->gradient.data(), expected.data(), elements * sizeof(float)) != 0) {
    return "other bits";
  }
  std::int64_t correct = 0;
  for (std::size_t slot = 0; slot < filled; ++slot) correct += static_cast<std::int64_t>(slot);
  return sum->loss.correct == correct ? "" : "another loss";
}

void check_all(const std::vector<std::string>& answers) {
  for (const std::string& answer : answers) CHECK(answer == "");
}

}  // namespace

TEST_CASE("every mesh sums gradients to the bits of one rank", "[communicator]") {
  for (const std::size_t slots : {1, 2, 3, 4, 8, 64}) {
    for (const std::size_t elements : {0, 1, 37, 5003}) {
      for (std::size_t replicas = 1; replicas <= std::min<std::size_t>(4, slots); ++replicas) {
        for (std::size_t stages = 1; stages <= 3; ++stages) {
          CAPTURE(slots, elements, replicas, stages);
          const Mesh mesh = mesh_of(replicas, stages, slots, elements);
          check_all(run_gang<std::string>(mesh, 20s, [&](Communicator& ranks) -> std::string {
            const std::size_t own = mesh.parameters[ranks.stage()];
            SlotAccumulator accumulator(ranks.slots(), own, ranks.piece_storage());
            for (const std::size_t filled : {slots, slots - 1, slots, slots / 2, slots}) {
              if (const std::string wrong = step(ranks, accumulator, own, filled, filled * 10 + ranks.stage());
                  !wrong.empty()) {
                return wrong;
              }
            }
            return "";
          }));
        }
      }
    }
  }
}

TEST_CASE("losses are summed in the tree, so their bits do not depend on the ranks either", "[communicator]") {
  std::vector<double> totals;
  for (std::size_t replicas = 1; replicas <= 4; ++replicas) {
    const auto found = run_gang<double>(mesh_of(replicas, 1, 8, 3), 20s, [](Communicator& ranks) {
      SlotAccumulator accumulator(ranks.slots(), 3, ranks.piece_storage());
      accumulator.start(8);
      std::vector<LossSum> losses;
      for (std::size_t slot = ranks.slots().begin; slot < ranks.slots().end; ++slot) {
        accumulator.gradient(slot)[0] = 1;
        accumulator.finish(slot);
        losses.push_back({.loss = 0.1 * static_cast<double>(slot + 1)});
      }
      return ranks.all_reduce_tree({.filled = 8, .pieces = accumulator.pieces(), .losses = losses}).value().loss.loss;
    });
    totals.insert(totals.end(), found.begin(), found.end());
  }
  const double expected = ((0.1 * 1 + 0.1 * 2) + (0.1 * 3 + 0.1 * 4)) + ((0.1 * 5 + 0.1 * 6) + (0.1 * 7 + 0.1 * 8));
  for (const double total : totals) CHECK(total == expected);
}

TEST_CASE("sums that lie outside the storage, or come out of order, have the same bits", "[communicator]") {
  const std::size_t elements = 1000;
  check_all(run_gang<std::string>(mesh_of(3, 1, 16, elements), 20s, [&](Communicator& ranks) -> std::string {
    SlotAccumulator outside(ranks.slots(), elements);
    if (const std::string wrong = step(ranks, outside, elements, 16, 5); !wrong.empty()) return wrong;

    // Last slot first: more sums at once than the storage holds.
    SlotAccumulator accumulator(ranks.slots(), elements, ranks.piece_storage());
    accumulator.start(16);
    for (std::size_t slot = ranks.slots().end; slot-- > ranks.slots().begin;) {
      const std::span<float> gradient = accumulator.gradient(slot);
      for (std::size_t i = 0; i < elements; ++i) gradient[i] = gradient_value(slot, i, 9);
    }
    for (std::size_t slot = ranks.slots().end; slot-- > ranks.slots().begin;) accumulator.finish(slot);
    const auto sum = ranks.all_reduce_tree({.filled = 16, .pieces = accumulator.pieces()});
    if (!sum) return sum.error().message;
    const std::vector<float> expected = root_value(16, elements, 9);
    return std::equal(expected.begin(), expected.end(), sum->gradient.begin()) ? "" : "other bits";
  }));
}

TEST_CASE("a large gradient, many times", "[communicator]") {
  const std::size_t elements = 62006;
  check_all(run_gang<std::string>(mesh_of(2, 1, 4, elements), 20s, [&](Communicator& ranks) -> std::string {
    SlotAccumulator accumulator(ranks.slots(), elements, ranks.piece_storage());
    for (std::size_t salt = 0; salt < 20; ++salt) {
      if (const std::string wrong = step(ranks, accumulator, elements, 4, salt); !wrong.empty()) return wrong;
    }
    return "";
  }));
}

TEST_CASE("no rank passes a barrier before all have come", "[communicator]") {
  std::atomic<int> came{0};
  check_all(run_gang<std::string>(mesh_of(3, 2, 4, 1), 20s, [&](Communicator& ranks) -> std::string {
    for (int round = 1; round <= 50; ++round) {
      ++came;
      if (auto there = ranks.barrier(); !there) return there.error().message;
      if (came.load() < round * 6) return "passed too early";
    }
    return "";
  }));
}

TEST_CASE("a pipeline passes activations down and gradients up, in place, step after step", "[communicator]") {
  const std::size_t slots = 5;
  for (std::size_t replicas = 1; replicas <= 2; ++replicas) {
    for (std::size_t stages = 2; stages <= 3; ++stages) {
      Mesh mesh{.replicas = replicas, .stages = stages, .slots = slots};
      mesh.parameters.assign(stages, 1);
      for (std::size_t border = 0; border + 1 < stages; ++border) mesh.border_elements.push_back(100 + border);
      CAPTURE(replicas, stages);

      check_all(run_gang<std::string>(mesh, 20s, [&](Communicator& ranks) -> std::string {
        const std::size_t stage = ranks.stage();
        const bool first = stage == 0;
        const bool last = stage + 1 == stages;
        const SlotRange held = ranks.slots();
        const PipelineSchedule schedule = gpipe(stages, held.size());
        // Slot k of step t starts as t * 100 + k; every stage adds 1 forward and 10 backward.
        for (std::size_t pass = 0; pass < 30; ++pass) {
          const bool training = pass % 3 != 2;
          std::vector<float> kept(slots);
          for (const Action& action : schedule.stages[stage]) {
            const std::size_t slot = held.begin + action.slot;
            const std::size_t samples = 1 + (pass + slot) % 50;
            if (action.pass == Pass::forward) {
              kept[slot] = static_cast<float>(pass * 100 + slot);
              if (!first) {
                auto input = ranks.receive(Flow::activations, slot, samples);
                if (!input) return input.error().message;
                kept[slot] = input->back();
              }
              if (!last) {
                auto output = ranks.outgoing(Flow::activations, slot, samples);
                if (!output) return output.error().message;
                std::fill(output->begin(), output->end(), kept[slot] + 1);
                ranks.send(Flow::activations, slot);
              }
              if (!training && !first) ranks.release(Flow::activations, slot);
            } else if (training) {
              float gradient = kept[slot];
              if (!last) {
                auto above = ranks.receive(Flow::gradients, slot, samples);
                if (!above) return above.error().message;
                gradient = above->front();
                ranks.release(Flow::gradients, slot);
              }
              if (!first) {
                auto below = ranks.outgoing(Flow::gradients, slot, samples);
                if (!below) return below.error().message;
                // The activations are still there.
                auto input = ranks.receive(Flow::activations, slot, samples);
                if (!input || input->front() != kept[slot]) return "the activations were overwritten";
                std::fill(below->begin(), below->end(), gradient + 10);
                ranks.send(Flow::gradients, slot);
                ranks.release(Flow::activations, slot);
              } else {
                const std::size_t n = stages - 1;
                if (gradient != static_cast<float>(pass * 100 + slot + n + 10 * n)) return "another gradient";
              }
            }
          }
        }
        return "";
      }));
    }
  }
}

TEST_CASE("a gang of one needs no name and no segment", "[communicator]") {
  auto alone = join_shared_memory({.mesh = mesh_of(1, 1, 4, 5)});
  REQUIRE(alone);
  SlotAccumulator accumulator((*alone)->slots(), 5, (*alone)->piece_storage());
  CHECK(step(**alone, accumulator, 5, 4, 1) == "");
  CHECK(step(**alone, accumulator, 5, 0, 1) == "");
  CHECK((*alone)->barrier());
  CHECK_FALSE((*alone)->failed_rank());
}
