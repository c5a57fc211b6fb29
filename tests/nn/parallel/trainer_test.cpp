#include <cstring>
#include <numeric>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "nn/parallel/shared_memory_communicator.h"
#include "nn/parallel/shared_segment.h"
#include "nn/parallel/stage_trainer.h"
#include "nn/parallel/training_actors.h"

using namespace troupe;
using namespace troupe::nn;

namespace {

/// A few images to train on, so that the last batch of an epoch is a short one.
std::shared_ptr<const Images> few_images(std::int64_t count) {
  static const Dataset all = load_dataset("synthetic").value();
  auto images = std::make_shared<Images>(all.train);
  images->labels.resize(static_cast<std::size_t>(count));
  images->pixels.resize(static_cast<std::size_t>(count * images->channels * images->height * images->width));
  return images;
}

struct Outcome {
  std::vector<float> parameters;  // Of the whole model.
  double loss = 0;
  std::int64_t correct = 0;               // On the training images, after the last step.
  std::vector<std::int64_t> own_samples;  // By rank.
  std::int64_t samples = 0;
};

/// Trains with every rank a thread.
Outcome train_as(const TrainOptions& options, const std::shared_ptr<const Images>& images) {
  const Plan plan = make_plan(options).value();
  SharedSegment segment = SharedSegment::anonymous(segment_bytes(plan.mesh)).value();
  const std::size_t world = plan.mesh.world();
  std::vector<StepsReport> reports(world);
  std::vector<LossSum> sums(world);
  std::vector<std::vector<float>> parameters(world);
  {
    std::vector<std::jthread> ranks;
    for (std::size_t rank = 0; rank < world; ++rank) {
      ranks.emplace_back([&, rank] {
        auto communicator = join_shared_memory({.mesh = plan.mesh,
                                                .rank = rank,
                                                .create = rank == 0,
                                                .deadline = std::chrono::seconds(60),
                                                .segment = &segment});
        StageTrainer trainer(plan, {images, {}}, std::move(communicator).value());
        reports[rank] = trainer.train(0, options.steps).value();
        sums[rank] = trainer.evaluate(*images, 0, images->size()).value();
        parameters[rank].assign(trainer.parameters().begin(), trainer.parameters().end());
      });
    }
  }
  Outcome outcome{.loss = reports.back().loss, .samples = reports.back().samples};
  for (std::size_t stage = 0; stage < plan.mesh.stages; ++stage)
    outcome.parameters.insert(outcome.parameters.end(), parameters[stage].begin(), parameters[stage].end());
  for (std::size_t rank = 0; rank < world; ++rank) {
    outcome.own_samples.push_back(reports[rank].own_samples);
    outcome.correct += sums[rank].correct;
    // Every replica of a stage ends with the same parameters.
    const auto& first = parameters[plan.mesh.stage_of(rank)];
    REQUIRE(std::memcmp(parameters[rank].data(), first.data(), first.size() * sizeof(float)) == 0);
  }
  return outcome;
}

void check_same_bits(const std::string& backend, std::int64_t batch, std::int64_t steps, std::int64_t slots) {
  const auto images = few_images(3 * batch + batch / 2 + 1);
  const TrainOptions single{.data = "synthetic",
                            .backend = backend,
                            .batch = batch,
                            .steps = steps,
                            .sgd = {.learning_rate = 0.01f},
                            .slots = slots};
  const Outcome expected = train_as(single, images);
  const auto initial = initial_parameters(find_model("lenet").value(), single.seed);
  REQUIRE(std::memcmp(initial.data(), expected.parameters.data(), initial.size() * sizeof(float)) != 0);
  for (std::uint32_t replicas = 1; replicas <= 4; ++replicas) {
    for (std::uint32_t stages = 1; stages <= 3; ++stages) {
      INFO(backend << ": " << replicas << " replicas of " << stages << " stages, " << slots << " slots");
      TrainOptions options = single;
      options.strategy = MeshStrategy{replicas, stages};
      const Outcome outcome = train_as(options, images);
      REQUIRE(outcome.parameters.size() == expected.parameters.size());
      CHECK(std::memcmp(outcome.parameters.data(), expected.parameters.data(),
                        expected.parameters.size() * sizeof(float)) == 0);
      CHECK(outcome.loss == expected.loss);
      CHECK(outcome.correct == expected.correct);
    }
  }
}

}  // namespace

TEST_CASE("every mesh of the oneDNN back-end ends with the bits of one worker", "[trainer]") {
  check_same_bits("cpu", 64, 50, 4);
  check_same_bits("cpu", 33, 5, 5);
}

TEST_CASE("every mesh of the reference back-end ends with the bits of one worker", "[trainer]") {
  check_same_bits("reference", 16, 5, 4);
}

TEST_CASE("each worker computes its own slots and nothing else", "[trainer]") {
  const auto images = few_images(2 * 100);
  TrainOptions options{.data = "synthetic", .batch = 100, .steps = 2};
  options.strategy = MeshStrategy{.replicas = 2, .stages = 2};
  const Outcome outcome = train_as(options, images);
  // 100 in 4 slots are 28, 24, 24, 24.
  CHECK(outcome.own_samples == std::vector<std::int64_t>{104, 104, 96, 96});
  CHECK(outcome.samples == 200);
}

TEST_CASE("more workers than slots are refused, and told of the slots", "[trainer]") {
  TrainOptions options{.batch = 32};
  options.strategy = MeshStrategy{.replicas = 3};
  const auto plan = make_plan(options);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().message.find("--slots") != std::string::npos);
}

TEST_CASE("strategies are read and printed as the same words", "[strategy]") {
  for (const std::string text : {"single", "data:2", "model:3", "mesh:2x3", "task:4"})
    CHECK(describe(parse_strategy(text).value()) == text);
  for (const std::string text : {"", "data", "data:", "data:0", "data:x", "mesh:2", "mesh:2x", "rope:2", "data:2 "})
    CHECK_FALSE(parse_strategy(text));
  CHECK(parse_strategy("auto").error().fault == Fault::unsupported);
}

TEST_CASE("shards are disjoint, of nearly equal size, and cover the set", "[shards]") {
  std::set<std::uint32_t> seen;
  for (std::uint32_t shard = 0; shard < 3; ++shard) {
    const auto ids = shard_ids(7, 1000, shard, 3);
    CHECK(ids.size() == (shard == 0 ? 334u : 333u));
    seen.insert(ids.begin(), ids.end());
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("the join is the mean weighted by samples", "[shards]") {
  const std::vector<ShardOutcome> outcomes{{.state = {0, {1.0f, 2.0f}, {}}, .shard_samples = 1},
                                           {.state = {1, {5.0f, -2.0f}, {}}, .shard_samples = 3}};
  CHECK(join_shards(outcomes) == std::vector<float>{4.0f, -1.0f});
}
