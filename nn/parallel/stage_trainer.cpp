#include "nn/parallel/stage_trainer.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "nn/tensor/flush_denormals.h"

namespace troupe::nn {
namespace {

/// Adds the time of its life to a phase.
class Timed {
 public:
  explicit Timed(double& seconds) : seconds_(seconds), begin_(std::chrono::steady_clock::now()) {}
  ~Timed() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
  Timed(const Timed&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point begin_;
};

double thread_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

SlotAccumulator accumulator_for(const Plan& plan, Communicator& communicator) {
  return {communicator.slots(), plan.mesh.parameters[communicator.stage()], communicator.piece_storage()};
}

}  // namespace

Phases& Phases::operator+=(const Phases& other) {
  compute += other.compute;
  communicate += other.communicate;
  wait += other.wait;
  load += other.load;
  return *this;
}

std::int64_t steps_per_epoch(std::int64_t samples, std::int64_t batch) { return (samples + batch - 1) / batch; }

StageTrainer::StageTrainer(const Plan& plan, DataView data, std::unique_ptr<Communicator> communicator)
    : plan_(plan),
      data_(std::move(data)),
      communicator_(std::move(communicator)),
      slots_(plan.slots()),
      held_(communicator_->slots()),
      accumulator_(accumulator_for(plan, *communicator_)) {
  const std::size_t stage = communicator_->stage();
  const auto shapes = borders(plan_.model);
  input_shape_ = shapes[plan_.cut[stage]];
  input_elements_ = elements_of(input_shape_);
  output_elements_ = elements_of(shapes[plan_.cut[stage + 1]]);

  const auto backend = find_backend(plan_.options.backend);
  TROUPE_CHECK(backend, "a plan's back-end exists");
  const std::int64_t most = slots_.most_samples();
  network_ = (*backend)->build(plan_.stage(stage), {.slots = held_.size(), .most_samples = most});

  const auto initial = initial_parameters(plan_.model, plan_.options.seed);
  parameters_.assign(initial.begin() + static_cast<std::ptrdiff_t>(plan_.offset[stage]),
                     initial.begin() + static_cast<std::ptrdiff_t>(plan_.offset[stage + 1]));
  velocity_.assign(parameters_.size(), 0.0f);

  const auto held_samples = static_cast<std::size_t>(most) * held_.size();
  labels_.resize(held_samples);
  losses_.resize(held_.size());
  if (is_first()) inputs_.resize(held_samples * static_cast<std::size_t>(input_elements_));
  if (is_last()) {
    logits_.resize(held_samples * static_cast<std::size_t>(output_elements_));
    gradient_.resize(static_cast<std::size_t>(most * output_elements_));
  }
}

void StageTrainer::set_state(std::span<const float> parameters, std::span<const float> velocity) {
  TROUPE_CHECK(parameters.size() == parameters_.size() && velocity.size() == velocity_.size(),
               "a state is of this stage's size");
  std::copy(parameters.begin(), parameters.end(), parameters_.begin());
  std::copy(velocity.begin(), velocity.end(), velocity_.begin());
}

Result<StepsReport> StageTrainer::train(std::int64_t first, std::int64_t last) {
  const FlushDenormals flush;  // In the sums and the optimiser too, so that every rank rounds alike.
  StepsReport report;
  const double cpu_before = thread_cpu_seconds();
  const std::uint32_t size = data_.size();
  const std::int64_t batch = plan_.options.batch;
  const std::int64_t epoch_steps = steps_per_epoch(size, batch);
  for (std::int64_t step = first; step < last; ++step) {
    double step_seconds = 0;
    {
      const Timed timed(step_seconds);
      const SampleOrder order(plan_.options.seed, static_cast<std::uint64_t>(step / epoch_steps), size);
      const std::int64_t begin = (step % epoch_steps) * batch;
      const std::int64_t present = std::min<std::int64_t>(batch, size - begin);
      const std::size_t filled = slots_.filled(present);
      accumulator_.start(filled);
      {
        const Timed compute(report.phases.compute);
        network_->set_parameters(parameters_);
      }
      for (const Action& action : plan_.schedule.stages[communicator_->stage()]) {
        const std::size_t slot = held_.begin + action.slot;
        if (slot >= std::min(held_.end, filled)) continue;
        const SampleRange range = slots_.samples(slot, present);
        if (action.pass == Pass::backward) {
          if (auto done = backward(slot, range.size(), report.phases); !done) return done.error();
          continue;
        }
        ids_.clear();
        for (std::int64_t i = range.begin; i < range.end; ++i)
          ids_.push_back(data_.id(order.at(static_cast<std::uint32_t>(begin + i))));
        load(*data_.images, slot, ids_, report.phases);
        if (auto done = forward(slot, range.size(), report.phases); !done) return done.error();
        report.own_samples += range.size();
      }

      const std::size_t own = std::min(held_.end, filled) - std::min(held_.begin, filled);
      Contribution contribution{.filled = filled, .pieces = accumulator_.pieces()};
      if (is_last()) contribution.losses = std::span(losses_).first(own);
      Reduction sum;
      {
        const Timed communicate(report.phases.communicate);
        auto reduced = communicator_->all_reduce_tree(contribution);
        if (!reduced) return reduced.error();
        sum = *reduced;
      }
      const Timed compute(report.phases.compute);
      sgd_step(plan_.options.sgd, static_cast<float>(present), sum.gradient, velocity_, parameters_);
      report.samples += present;
      report.loss += sum.loss.loss;
      report.correct += sum.loss.correct;
      report.last_loss = sum.loss.loss / static_cast<double>(present);
    }
    report.step_ms.push_back(static_cast<float>(step_seconds * 1e3));
  }
  report.cpu_seconds = thread_cpu_seconds() - cpu_before;
  return report;
}

Result<LossSum> StageTrainer::evaluate(const Images& images, std::int64_t begin, std::int64_t end) {
  LossSum sum;
  Phases phases;
  network_->set_parameters(parameters_);
  const std::int64_t batch = plan_.options.batch;
  for (std::int64_t first = begin; first < end; first += batch) {
    const std::int64_t present = std::min(batch, end - first);
    for (std::size_t slot = held_.begin; slot < std::min(held_.end, slots_.filled(present)); ++slot) {
      const SampleRange range = slots_.samples(slot, present);
      ids_.resize(static_cast<std::size_t>(range.size()));
      std::iota(ids_.begin(), ids_.end(), static_cast<std::uint32_t>(first + range.begin));
      load(images, slot, ids_, phases);
      if (auto done = forward(slot, range.size(), phases); !done) return done.error();
      if (!is_first()) communicator_->release(Flow::activations, slot);
      if (!is_last()) continue;
      const std::size_t local = slot - held_.begin;
      const auto labels = std::span(labels_).subspan(local * static_cast<std::size_t>(slots_.most_samples()),
                                                     static_cast<std::size_t>(range.size()));
      const LossSum slot_sum = cross_entropy(logits_of(slot, range.size()), labels, {});
      sum.loss += slot_sum.loss;
      sum.correct += slot_sum.correct;
    }
  }
  return sum;
}

std::span<float> StageTrainer::input_of(std::size_t slot, std::int64_t samples) {
  const auto most = static_cast<std::size_t>(slots_.most_samples() * input_elements_);
  return std::span(inputs_).subspan((slot - held_.begin) * most, static_cast<std::size_t>(samples * input_elements_));
}

std::span<float> StageTrainer::logits_of(std::size_t slot, std::int64_t samples) {
  const auto most = static_cast<std::size_t>(slots_.most_samples() * output_elements_);
  return std::span(logits_).subspan((slot - held_.begin) * most, static_cast<std::size_t>(samples * output_elements_));
}

void StageTrainer::load(const Images& images, std::size_t slot, std::span<const std::uint32_t> ids, Phases& phases) {
  if (!is_first() && !is_last()) return;
  const Timed timed(phases.load);
  const auto most = static_cast<std::size_t>(slots_.most_samples());
  const auto labels = std::span(labels_).subspan((slot - held_.begin) * most, ids.size());
  if (is_first()) {
    copy_batch(images, ids, plan_.model.input, input_of(slot, static_cast<std::int64_t>(ids.size())), labels);
  } else {
    for (std::size_t i = 0; i < ids.size(); ++i) labels[i] = images.labels[ids[i]];
  }
}

Result<void> StageTrainer::forward(std::size_t slot, std::int64_t samples, Phases& phases) {
  const std::size_t local = slot - held_.begin;
  std::span<const float> input;
  if (is_first()) {
    input = input_of(slot, samples);
  } else {
    const Timed wait(phases.wait);
    auto received =
        communicator_->receive(Flow::activations, slot, static_cast<std::size_t>(samples * input_elements_));
    if (!received) return received.error();
    input = *received;
  }
  std::span<float> output;
  if (is_last()) {
    output = logits_of(slot, samples);
  } else {
    const Timed wait(phases.wait);
    auto room = communicator_->outgoing(Flow::activations, slot, static_cast<std::size_t>(samples * output_elements_));
    if (!room) return room.error();
    output = *room;
  }
  {
    const Timed compute(phases.compute);
    network_->forward(local, samples, input, output);
  }
  if (!is_last()) communicator_->send(Flow::activations, slot);
  return {};
}

Result<void> StageTrainer::backward(std::size_t slot, std::int64_t samples, Phases& phases) {
  const std::size_t local = slot - held_.begin;
  std::span<const float> output_gradient;
  if (is_last()) {
    const Timed compute(phases.compute);
    const auto labels = std::span(labels_).subspan(local * static_cast<std::size_t>(slots_.most_samples()),
                                                   static_cast<std::size_t>(samples));
    const auto gradient = std::span(gradient_).first(static_cast<std::size_t>(samples * output_elements_));
    losses_[local] = cross_entropy(logits_of(slot, samples), labels, gradient);
    output_gradient = gradient;
  } else {
    const Timed wait(phases.wait);
    auto received = communicator_->receive(Flow::gradients, slot, static_cast<std::size_t>(samples * output_elements_));
    if (!received) return received.error();
    output_gradient = *received;
  }
  std::span<float> input_gradient;
  if (!is_first()) {
    const Timed wait(phases.wait);
    auto room = communicator_->outgoing(Flow::gradients, slot, static_cast<std::size_t>(samples * input_elements_));
    if (!room) return room.error();
    input_gradient = *room;
  }
  {
    const Timed compute(phases.compute);
    network_->backward(local, output_gradient, input_gradient, accumulator_.gradient(slot));
    accumulator_.finish(slot);
  }
  if (!is_first()) {
    communicator_->send(Flow::gradients, slot);
    communicator_->release(Flow::activations, slot);
  }
  if (!is_last()) communicator_->release(Flow::gradients, slot);
  return {};
}

}  // namespace troupe::nn
