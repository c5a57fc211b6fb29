#include "nn/parallel/plan.h"

#include <algorithm>
#include <cmath>

#include "nn/backend/backend.h"

namespace troupe::nn {
namespace {

constexpr std::int64_t most_batch = 65'536;

Result<void> check_numbers(const TrainOptions& options) {
  const auto out_of_range = [](const char* option, std::int64_t found, const std::string& expected) {
    return bad_input(std::string(option) + " is " + std::to_string(found) + ": expected " + expected);
  };
  if (options.batch < 1 || options.batch > most_batch)
    return out_of_range("--batch", options.batch, "1 to " + std::to_string(most_batch));
  if (options.epochs < 1 && options.steps < 1) return out_of_range("--epochs", options.epochs, "1 or more");
  if (options.steps < 0) return out_of_range("--steps", options.steps, "1 or more");
  if (options.join_every < 0) return out_of_range("--join-every", options.join_every, "1 or more");
  if (!std::isfinite(options.sgd.learning_rate) || options.sgd.learning_rate <= 0)
    return bad_input("--lr is " + std::to_string(options.sgd.learning_rate) + ": expected more than 0");
  if (!(options.sgd.momentum >= 0 && options.sgd.momentum < 1))
    return bad_input("--momentum is " + std::to_string(options.sgd.momentum) + ": expected 0 or more, less than 1");
  return {};
}

/// One stage waits for nobody, so it takes each slot forward and back at once, while the activations are in its cache.
PipelineSchedule schedule_of(std::size_t stages, std::size_t slots) {
  if (stages > 1) return gpipe(stages, slots);
  PipelineSchedule schedule{"slot by slot", static_cast<std::uint32_t>(slots), {{}}};
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    schedule.stages[0].push_back({Pass::forward, slot});
    schedule.stages[0].push_back({Pass::backward, slot});
  }
  return schedule;
}

}  // namespace

Result<Plan> make_plan(const TrainOptions& options) {
  if (auto numbers = check_numbers(options); !numbers) return numbers.error();
  auto model = find_model(options.model);
  if (!model) return model.error();
  if (const auto backend = find_backend(options.backend); !backend) return backend.error();
  const auto slot_count = choose_slot_count(
      options.batch, options.slots == 0 ? std::nullopt : std::optional(static_cast<std::size_t>(options.slots)));
  if (!slot_count) return slot_count.error();

  Plan plan{.options = options, .model = std::move(*model)};
  const auto* given = std::get_if<MeshStrategy>(&options.strategy);
  const MeshStrategy mesh = given == nullptr ? MeshStrategy{} : *given;
  if (auto ranks = check_ranks(*slot_count, mesh.replicas); !ranks) return ranks.error();
  auto cut = balanced_cut(plan.model, mesh.stages);
  if (!cut) return cut.error();
  plan.cut = std::move(*cut);

  plan.mesh = {.replicas = mesh.replicas, .stages = mesh.stages, .slots = *slot_count};
  const auto shapes = borders(plan.model);
  const std::int64_t most_samples = plan.slots().most_samples();
  plan.offset.push_back(0);
  for (std::size_t stage = 0; stage < mesh.stages; ++stage) {
    plan.mesh.parameters.push_back(parameter_count(plan.stage(stage)));
    plan.offset.push_back(plan.offset.back() + plan.mesh.parameters.back());
    if (stage + 1 < mesh.stages)
      plan.mesh.border_elements.push_back(
          static_cast<std::size_t>(most_samples * elements_of(shapes[plan.cut[stage + 1]])));
  }
  if (auto checked = check(plan.mesh); !checked) return checked.error();

  plan.schedule = schedule_of(mesh.stages, plan.mesh.slots_of(0).size());
  const ScheduleLimits limits{.channel_capacity = static_cast<std::uint32_t>(plan.mesh.slots)};
  if (auto proved = check(plan.schedule, limits); !proved) return proved.error();
  return plan;
}

std::string Plan::describe() const {
  const auto shapes = borders(model);
  std::string text = model.name + " by " + nn::describe(options.strategy) + " on " + options.backend + ": batch " +
                     std::to_string(options.batch) + " in " + std::to_string(mesh.slots) + " slots, " +
                     std::to_string(offset.back()) + " parameters\n";
  for (std::size_t stage_index = 0; stage_index < mesh.stages; ++stage_index) {
    text += "  stage " + std::to_string(stage_index) + ": layers " + std::to_string(cut[stage_index]) + " to " +
            std::to_string(cut[stage_index + 1] - 1) + ", " + std::to_string(mesh.parameters[stage_index]) +
            " parameters, " + nn::describe(shapes[cut[stage_index]]) + " -> " +
            nn::describe(shapes[cut[stage_index + 1]]) + "\n";
  }
  for (std::size_t replica = 0; replica < mesh.replicas; ++replica) {
    const SlotRange held = mesh.slots_of(replica);
    text += "  replica " + std::to_string(replica) + ": slots " + std::to_string(held.begin) + " to " +
            std::to_string(held.end - 1) + "\n";
  }
  return text + "  schedule " + schedule.name + "\n";
}

}  // namespace troupe::nn
