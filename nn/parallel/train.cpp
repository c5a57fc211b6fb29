#include "nn/parallel/train.h"

#include <algorithm>
#include <cmath>

#include "nn/parallel/nn_fields.h"
#include "nn/parallel/training_actors.h"

namespace troupe::nn {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// How many steps to ask for at once, so that progress shows and the asking costs nothing.
class Pace {
 public:
  std::int64_t steps() const { return steps_; }
  void took(double seconds) {
    const double wanted = static_cast<double>(steps_) * seconds_a_round / std::max(seconds, 1e-3);
    steps_ = std::clamp<std::int64_t>(std::llround(wanted), 1, steps_ * 8);
  }

 private:
  static constexpr double seconds_a_round = 0.3;
  std::int64_t steps_ = 4;
};

/// The loss of the last epoch, from the sums of the rounds in it.
class EpochLoss {
 public:
  void add(std::int64_t epoch, const StepsReport& round) {
    if (epoch != epoch_) *this = EpochLoss(epoch);
    loss_ += round.loss;
    samples_ += round.samples;
  }
  double mean() const { return samples_ > 0 ? loss_ / static_cast<double>(samples_) : 0; }

  explicit EpochLoss(std::int64_t epoch = 0) : epoch_(epoch) {}

 private:
  std::int64_t epoch_;
  double loss_ = 0;
  std::int64_t samples_ = 0;
};

void add_round(WorkerReport& worker, const StepsReport& round) {
  worker.samples += round.own_samples;
  worker.core_seconds += round.cpu_seconds;
  worker.phases += round.phases;
}

std::int64_t total_steps(const TrainOptions& options, std::int64_t epoch_steps) {
  return options.steps > 0 ? options.steps : options.epochs * epoch_steps;
}

Report train_gang(Session& session, const Plan& plan, Milli cpus, const TrainListener& listener) {
  const TrainOptions& options = plan.options;
  Report report{.options = options, .slots = static_cast<std::int64_t>(plan.mesh.slots)};
  const auto start = Clock::now();
  const Resources needs{.cpus = std::min<Milli>(1000, cpus / static_cast<Milli>(plan.mesh.world()))};
  const GangOptions gang{.size = static_cast<std::uint32_t>(plan.mesh.world()),
                         .policy = plan.mesh.stages > 1 ? GangPolicy::mesh : GangPolicy::data,
                         .each = {.needs = needs, .name = "trainer"},
                         .stages = std::vector<StageOptions>(plan.mesh.stages > 1 ? plan.mesh.stages : 0, {needs, 0})};
  const Meeting meeting{"/troupe-" + session.core().cluster_text() + '-' + troupe::to_text(random_id())};
  const auto ranks = session.spawn_gang(gang, trainer, [&](std::uint32_t rank) {
    return std::tuple{options, rank, meeting};
  });

  std::vector<Ref<WorkerInfo>> infos;
  for (const auto& rank : ranks) infos.push_back(rank.call(trainer_about));
  WorkerInfo info;
  for (auto& each : session.get_all(infos, listener.on_tick)) {
    info = std::move(each);
    report.workers.push_back({.rank = static_cast<std::uint32_t>(report.workers.size()), .node = info.node});
  }
  report.start_s = seconds_since(start);

  const std::int64_t epoch_steps = steps_per_epoch(info.train_samples, options.batch);
  report.steps = total_steps(options, epoch_steps);
  EpochLoss epoch_loss;
  Pace pace;
  const auto begin = Clock::now();
  for (std::int64_t step = 0; step < report.steps;) {
    const std::int64_t epoch = step / epoch_steps;
    const std::int64_t end = std::min({step + pace.steps(), (epoch + 1) * epoch_steps, report.steps});
    const auto round_begin = Clock::now();
    std::vector<Ref<StepsReport>> rounds;
    for (const auto& rank : ranks) rounds.push_back(rank.call(trainer_train, IndexRange{step, end}));
    const auto taken = session.get_all(rounds, listener.on_tick);
    for (std::size_t rank = 0; rank < taken.size(); ++rank) add_round(report.workers[rank], taken[rank]);
    const auto& times = taken.front().step_ms;
    report.step_ms.insert(report.step_ms.end(), times.begin(), times.end());
    const StepsReport& last = taken.back();  // Of the last stage, where the loss is known.
    epoch_loss.add(epoch, last);
    report.samples += last.samples;
    const double seconds = seconds_since(round_begin);
    pace.took(seconds * static_cast<double>(pace.steps()) / static_cast<double>(end - step));
    step = end;
    const auto samples = static_cast<double>(last.samples);
    if (listener.on_progress) listener.on_progress({step, report.steps, last.loss / samples, samples / seconds});
  }
  report.wall_s = seconds_since(begin);
  report.epochs = static_cast<double>(report.steps) / static_cast<double>(epoch_steps);
  report.loss = epoch_loss.mean();

  const auto evaluate_begin = Clock::now();
  std::vector<Ref<LossSum>> sums;
  for (const auto& rank : ranks) sums.push_back(rank.call(trainer_evaluate, IndexRange{0, info.test_samples}));
  std::int64_t correct = 0;
  for (const auto& sum : session.get_all(sums, listener.on_tick)) correct += sum.correct;
  report.accuracy = static_cast<double>(correct) / static_cast<double>(info.test_samples);
  report.evaluate_s = seconds_since(evaluate_begin);
  for (std::size_t stage = 0; stage < plan.mesh.stages; ++stage) {
    const auto part = session.get(ranks[stage].call(trainer_parameters));
    report.parameters.insert(report.parameters.end(), part.begin(), part.end());
  }
  return report;
}

Report train_shards(Session& session, const Plan& plan, const TrainListener& listener) {
  const TrainOptions& options = plan.options;
  const std::uint32_t shards = workers_of(options.strategy);
  Report report{.options = options, .slots = static_cast<std::int64_t>(plan.mesh.slots)};
  const auto start = Clock::now();
  const WorkerInfo info = session.get_all(std::vector{session.submit(about_data, options)}, listener.on_tick).front();
  report.start_s = seconds_since(start);
  for (std::uint32_t shard = 0; shard < shards; ++shard) report.workers.push_back({.rank = shard});

  const std::int64_t largest_shard = (info.train_samples + shards - 1) / shards;
  const std::int64_t epoch_steps = steps_per_epoch(largest_shard, options.batch);
  report.steps = total_steps(options, epoch_steps);
  const std::int64_t join_every = options.join_every > 0 ? options.join_every : epoch_steps;

  report.parameters = initial_parameters(plan.model, options.seed);
  std::vector<ShardState> states(shards);
  for (std::uint32_t shard = 0; shard < shards; ++shard) states[shard].shard = shard;
  const TaskOptions as_task{.max_attempts = 3};
  const auto begin = Clock::now();
  for (std::int64_t step = 0; step < report.steps;) {
    const std::int64_t end = std::min(step + join_every, report.steps);
    const auto round_begin = Clock::now();
    std::vector<Ref<ShardOutcome>> rounds;
    for (auto& state : states) {
      state.parameters = report.parameters;
      rounds.push_back(session.submit(as_task, train_shard, options, state, IndexRange{step, end}));
    }
    const auto outcomes = session.get_all(rounds, listener.on_tick);
    StepsReport all;
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      const ShardOutcome& outcome = outcomes[shard];
      add_round(report.workers[shard], outcome.report);
      report.workers[shard].node = outcome.node;
      all.loss += outcome.report.loss;
      all.samples += outcome.report.samples;
      report.step_ms.insert(report.step_ms.end(), outcome.report.step_ms.begin(), outcome.report.step_ms.end());
      states[shard].velocity = outcome.state.velocity;
    }
    // The join: all shards of the round are there, or an exception has left with the parameters as they were.
    report.parameters = join_shards(outcomes);
    report.samples += all.samples;
    report.loss = all.loss / static_cast<double>(all.samples);
    step = end;
    if (listener.on_progress)
      listener.on_progress(
          {step, report.steps, report.loss, static_cast<double>(all.samples) / seconds_since(round_begin)});
  }
  report.wall_s = seconds_since(begin);
  report.epochs = static_cast<double>(report.steps) / static_cast<double>(epoch_steps);

  const auto evaluate_begin = Clock::now();
  std::vector<Ref<LossSum>> sums;
  const std::int64_t share = (info.test_samples + shards - 1) / shards;
  for (std::int64_t first = 0; first < info.test_samples; first += share)
    sums.push_back(session.submit(as_task, evaluate_model, options, report.parameters,
                                  IndexRange{first, std::min(first + share, info.test_samples)}));
  std::int64_t correct = 0;
  for (const auto& sum : session.get_all(sums, listener.on_tick)) correct += sum.correct;
  report.accuracy = static_cast<double>(correct) / static_cast<double>(info.test_samples);
  report.evaluate_s = seconds_since(evaluate_begin);
  return report;
}

}  // namespace

Result<Report> train(Session& session, const TrainOptions& options, Milli cpus, const TrainListener& listener) {
  const auto plan = make_plan(options);
  if (!plan) return plan.error();
  if (auto data = check_dataset(options.data); !data) return data.error();
  try {
    return std::holds_alternative<TaskStrategy>(options.strategy) ? train_shards(session, *plan, listener)
                                                                  : train_gang(session, *plan, cpus, listener);
  } catch (const TaskFailed& failed) {
    return Error{failed.failure().fault, failed.what()};
  }
}

}  // namespace troupe::nn
