#include "nn/parallel/training_actors.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "nn/parallel/nn_fields.h"
#include "nn/parallel/shared_memory_communicator.h"

namespace troupe::nn {
namespace {

// From the first rank's start to the last one's: processes start and read their data set meanwhile.
constexpr std::chrono::milliseconds meeting_deadline{60'000};

/// A fault inside the user's code of a worker leaves it as a throw.
template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

/// Data sets that this process has read: tasks that follow each other in one worker share them.
class DataCache {
 public:
  std::shared_ptr<const Dataset> get(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto& kept = sets_[name];
    if (!kept) kept = std::make_shared<const Dataset>(value_or_throw(load_dataset(name)));
    return kept;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Dataset>> sets_;
};

std::string node_name() {
  const char* name = std::getenv("TROUPE_NODE");
  return name == nullptr ? "" : name;
}

DataView train_view(const std::shared_ptr<const Dataset>& data) {
  return {std::shared_ptr<const Images>(data, &data->train), {}};
}

std::unique_ptr<Communicator> communicator_alone(const Plan& plan) {
  return value_or_throw(join_shared_memory({.mesh = plan.mesh}));
}

TrainOptions on_one_shard(TrainOptions options, std::uint32_t shard) {
  // Each shard shuffles in an order of its own.
  options.seed += 0x9e3779b97f4a7c15u * (shard + 1);
  return options;
}

ShardOutcome run_shard(DataCache& cache, const TrainOptions& options, ShardState state, IndexRange steps) {
  const auto data = cache.get(options.data);
  const Plan plan = value_or_throw(make_plan(on_one_shard(options, state.shard)));
  DataView view = train_view(data);
  view.ids = shard_ids(options.seed, view.size(), state.shard, workers_of(options.strategy));
  const auto samples = static_cast<std::int64_t>(view.ids.size());
  StageTrainer local(plan, std::move(view), communicator_alone(plan));
  if (state.velocity.empty()) state.velocity.assign(state.parameters.size(), 0.0f);
  local.set_state(state.parameters, state.velocity);
  StepsReport report = value_or_throw(local.train(steps.begin, steps.end));
  state.parameters.assign(local.parameters().begin(), local.parameters().end());
  state.velocity.assign(local.velocity().begin(), local.velocity().end());
  return {std::move(state), samples, std::move(report), node_name()};
}

LossSum run_evaluation(DataCache& cache, const TrainOptions& options, const std::vector<float>& parameters,
                       IndexRange samples) {
  const auto data = cache.get(options.data);
  const Plan plan = value_or_throw(make_plan(options));
  StageTrainer local(plan, train_view(data), communicator_alone(plan));
  local.set_state(parameters, std::vector<float>(parameters.size()));
  return value_or_throw(local.evaluate(data->test, samples.begin, samples.end));
}

WorkerInfo about(const Dataset& data) { return {node_name(), data.train.size(), data.test.size()}; }

}  // namespace

Trainer::Trainer(TrainOptions options, std::uint32_t rank, Meeting meeting) {
  const Plan plan = value_or_throw(make_plan(options));
  data_ = std::make_shared<const Dataset>(value_or_throw(load_dataset(options.data)));
  value_or_throw(fits(data_->train, plan.model.input));
  auto communicator = value_or_throw(join_shared_memory({.name = plan.mesh.world() > 1 ? meeting.segment : "",
                                                         .mesh = plan.mesh,
                                                         .rank = rank,
                                                         .create = rank == 0,
                                                         .join_deadline = meeting_deadline}));
  trainer_ = std::make_unique<StageTrainer>(plan, train_view(data_), std::move(communicator));
}

StepsReport Trainer::train(IndexRange steps) { return value_or_throw(trainer_->train(steps.begin, steps.end)); }

LossSum Trainer::evaluate(IndexRange samples) {
  return value_or_throw(trainer_->evaluate(data_->test, samples.begin, samples.end));
}

std::vector<float> Trainer::parameters() const {
  return {trainer_->parameters().begin(), trainer_->parameters().end()};
}

WorkerInfo Trainer::about() const { return nn::about(*data_); }

std::vector<std::uint32_t> shard_ids(std::uint64_t seed, std::uint32_t size, std::uint32_t shard,
                                     std::uint32_t shards) {
  // An epoch that no training reaches: the cut into shards is not the order of any epoch.
  const SampleOrder order(seed, ~std::uint64_t{0}, size);
  const std::uint32_t share = size / shards;
  const std::uint32_t larger = size % shards;
  const std::uint32_t begin = shard * share + std::min(shard, larger);
  const std::uint32_t end = begin + share + (shard < larger ? 1 : 0);
  std::vector<std::uint32_t> ids;
  for (std::uint32_t position = begin; position < end; ++position) ids.push_back(order.at(position));
  return ids;
}

std::vector<float> join_shards(const std::vector<ShardOutcome>& outcomes) {
  TROUPE_CHECK(!outcomes.empty(), "there is something to join");
  std::vector<double> sum(outcomes.front().state.parameters.size(), 0.0);
  double samples = 0;
  for (const auto& outcome : outcomes) {
    const auto weight = static_cast<double>(outcome.shard_samples);
    TROUPE_CHECK(outcome.state.parameters.size() == sum.size(), "shards train the same model");
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * static_cast<double>(outcome.state.parameters[i]);
    samples += weight;
  }
  std::vector<float> joined(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i) joined[i] = static_cast<float>(sum[i] / samples);
  return joined;
}

void enroll_training(Catalog& catalog) {
  const auto cache = std::make_shared<DataCache>();  // Shared by the bodies below, which outlive this call.
  catalog.add(trainer, trainer_train, trainer_evaluate, trainer_parameters, trainer_about);
  catalog.add(train_shard, [cache](const TrainOptions& options, ShardState state, IndexRange steps) {
    return run_shard(*cache, options, std::move(state), steps);
  });
  catalog.add(evaluate_model,
              [cache](const TrainOptions& options, const std::vector<float>& parameters, IndexRange samples) {
                return run_evaluation(*cache, options, parameters, samples);
              });
  catalog.add(about_data, [cache](const TrainOptions& options) { return about(*cache->get(options.data)); });
}

}  // namespace troupe::nn
