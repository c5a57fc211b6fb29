// The training that runs in workers, by name: the actor that is one rank of a gang, and the tasks of independent
// shards.
#pragma once

#include <string>
#include <vector>

#include "nn/parallel/plan.h"
#include "nn/parallel/stage_trainer.h"
#include "runtime/api/catalog.h"
#include "runtime/api/task.h"

namespace troupe::nn {

/// How a gang meets: every rank is given the same.
struct Meeting {
  std::string segment;  ///< A name for the shared memory, new for each gang.
};

struct IndexRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// Where the training runs and on how much.
struct WorkerInfo {
  std::string node;  ///< As the agent names it to its workers.
  std::int64_t train_samples = 0;
  std::int64_t test_samples = 0;
};

/// One rank. Its constructor joins the gang, so it returns when all ranks are there.
class Trainer {
 public:
  Trainer(TrainOptions options, std::uint32_t rank, Meeting meeting);

  /// Takes steps [begin, end).
  StepsReport train(IndexRange steps);
  /// Over the test set's samples [begin, end), those of this replica; of last stages only.
  LossSum evaluate(IndexRange samples);
  /// Of this stage.
  std::vector<float> parameters() const;
  WorkerInfo about() const;

 private:
  std::shared_ptr<const Dataset> data_;
  std::unique_ptr<StageTrainer> trainer_;
};

/// One model on its shard, as it was left at the last join and is handed in to the next.
struct ShardState {
  std::uint32_t shard = 0;
  std::vector<float> parameters;
  std::vector<float> velocity;  ///< Empty: zero.
};

struct ShardOutcome {
  ShardState state;
  std::int64_t shard_samples = 0;  ///< Its weight in the join.
  StepsReport report;
  std::string node;
};

inline constexpr ActorType<Trainer(TrainOptions, std::uint32_t, Meeting)> trainer{"nn.Trainer"};
inline constexpr Method<&Trainer::train> trainer_train{"train"};
inline constexpr Method<&Trainer::evaluate> trainer_evaluate{"evaluate"};
inline constexpr Method<&Trainer::parameters> trainer_parameters{"parameters"};
inline constexpr Method<&Trainer::about> trainer_about{"about"};

inline constexpr Task<ShardOutcome(TrainOptions, ShardState, IndexRange)> train_shard{"nn.train_shard"};
inline constexpr Task<LossSum(TrainOptions, std::vector<float>, IndexRange)> evaluate_model{"nn.evaluate_model"};
inline constexpr Task<WorkerInfo(TrainOptions)> about_data{"nn.about_data"};

/// The ids of shard `shard` of `shards`: a fixed random share of 0 … size-1, as equal as can be, larger first.
std::vector<std::uint32_t> shard_ids(std::uint64_t seed, std::uint32_t size, std::uint32_t shard, std::uint32_t shards);

/// The mean of the shards' parameters, weighted by their samples; in the order of the shards, in double.
///
/// Source: local SGD, Stich 2019, https://arxiv.org/abs/1805.09767.
std::vector<float> join_shards(const std::vector<ShardOutcome>& outcomes);

/// Binds all of the above.
void enroll_training(Catalog& catalog);

}  // namespace troupe::nn
