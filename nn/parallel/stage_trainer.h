// One rank of a training gang: one stage of the model on one replica's slots, step after step. With one replica and one
// stage it is plain training. Knows no actors: in tests its ranks are threads.
//
// Invariant: after the same steps the parameters have the same bits for every mesh.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nn/backend/backend.h"
#include "nn/data/dataset.h"
#include "nn/parallel/communicator.h"
#include "nn/parallel/plan.h"
#include "nn/parallel/slot_accumulator.h"

namespace troupe::nn {

/// Which samples are trained on: all of them, or a shard.
struct DataView {
  std::shared_ptr<const Images> images;
  std::vector<std::uint32_t> ids;  ///< Empty: all.

  std::uint32_t size() const { return static_cast<std::uint32_t>(ids.empty() ? images->size() : ids.size()); }
  std::uint32_t id(std::uint32_t index) const { return ids.empty() ? index : ids[index]; }
};

/// Where a rank's time went, in seconds.
struct Phases {
  double compute = 0;
  double communicate = 0;  ///< Summing gradients, waiting for the others included.
  double wait = 0;         ///< For a neighbouring stage.
  double load = 0;         ///< Making batches.

  Phases& operator+=(const Phases& other);
  double busy() const { return compute + load; }
};

struct StepsReport {
  double loss = 0;               ///< Sum over the samples of the global batches; of last stages only.
  std::int64_t correct = 0;      ///< Of the same, before each step.
  std::int64_t samples = 0;      ///< In the global batches.
  std::int64_t own_samples = 0;  ///< That this rank computed.
  double last_loss = 0;          ///< Mean of the last step.
  Phases phases;
  std::vector<float> step_ms;
  double cpu_seconds = 0;  ///< Of this thread.
};

std::int64_t steps_per_epoch(std::int64_t samples, std::int64_t batch);

/// Threads: one thread.
class StageTrainer {
 public:
  /// Starts from the model's initial parameters for the plan's seed, and no velocity.
  ///
  /// Requires: the communicator's mesh is the plan's; the images fit the model.
  StageTrainer(const Plan& plan, DataView data, std::unique_ptr<Communicator> communicator);

  /// Takes steps [first, last) of the run: step s is batch s mod steps-per-epoch of epoch s / steps-per-epoch.
  ///
  /// Fails with: what the communicator fails with.
  Result<StepsReport> train(std::int64_t first, std::int64_t last);

  /// Runs samples [begin, end) of `images` forward, shared out over the replicas. Every rank calls it.
  Result<LossSum> evaluate(const Images& images, std::int64_t begin, std::int64_t end);

  std::span<const float> parameters() const { return parameters_; }  ///< Of this stage.
  std::span<const float> velocity() const { return velocity_; }
  void set_state(std::span<const float> parameters, std::span<const float> velocity);

 private:
  Result<void> forward(std::size_t slot, std::int64_t samples, Phases& phases);
  Result<void> backward(std::size_t slot, std::int64_t samples, Phases& phases);
  void load(const Images& images, std::size_t slot, std::span<const std::uint32_t> ids, Phases& phases);
  std::span<float> input_of(std::size_t slot, std::int64_t samples);
  std::span<float> logits_of(std::size_t slot, std::int64_t samples);
  bool is_first() const { return communicator_->stage() == 0; }
  bool is_last() const { return communicator_->stage() + 1 == plan_.mesh.stages; }

  Plan plan_;
  DataView data_;
  std::unique_ptr<Communicator> communicator_;
  Slots slots_;
  SlotRange held_;
  Shape input_shape_;
  std::int64_t input_elements_ = 0;
  std::int64_t output_elements_ = 0;
  std::unique_ptr<Network> network_;
  SlotAccumulator accumulator_;
  std::vector<float> parameters_;
  std::vector<float> velocity_;
  std::vector<float> inputs_;         // First stage: [held, most samples, input].
  std::vector<float> logits_;         // Last stage: [held, most samples, output].
  std::vector<float> gradient_;       // Last stage: of the logits of one slot.
  std::vector<std::uint8_t> labels_;  // [held, most samples]
  std::vector<LossSum> losses_;       // [held]
  std::vector<std::uint32_t> ids_;
};

}  // namespace troupe::nn
