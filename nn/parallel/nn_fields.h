// How the training's plain values cross process boundaries (wire/fields.h).
#pragma once

#include "nn/parallel/training_actors.h"
#include "runtime/wire/fields.h"

namespace troupe::nn {

template <class Archive>
void fields(Archive& archive, MeshStrategy& value) {
  archive("mesh strategy", value.replicas, value.stages);
}
template <class Archive>
void fields(Archive& archive, TaskStrategy& value) {
  archive("task strategy", value.shards);
}
template <class Archive>
void fields(Archive& archive, SgdOptions& value) {
  archive("sgd options", value.learning_rate, value.momentum);
}
template <class Archive>
void fields(Archive& archive, TrainOptions& value) {
  archive("train options", value.model, value.data, value.backend, value.strategy, value.batch, value.epochs,
          value.steps, value.sgd, value.seed, value.slots, value.join_every);
}
template <class Archive>
void fields(Archive& archive, Meeting& value) {
  archive("meeting", value.segment);
}
template <class Archive>
void fields(Archive& archive, IndexRange& value) {
  archive("index range", value.begin, value.end);
}
template <class Archive>
void fields(Archive& archive, LossSum& value) {
  archive("loss sum", value.loss, value.correct);
}
template <class Archive>
void fields(Archive& archive, Phases& value) {
  archive("phases", value.compute, value.communicate, value.wait, value.load);
}
template <class Archive>
void fields(Archive& archive, StepsReport& value) {
  archive("steps report", value.loss, value.correct, value.samples, value.own_samples, value.last_loss, value.phases,
          value.step_ms, value.cpu_seconds);
}
template <class Archive>
void fields(Archive& archive, WorkerInfo& value) {
  archive("worker info", value.node, value.train_samples, value.test_samples);
}
template <class Archive>
void fields(Archive& archive, ShardState& value) {
  archive("shard state", value.shard, value.parameters, value.velocity);
}
template <class Archive>
void fields(Archive& archive, ShardOutcome& value) {
  archive("shard outcome", value.state, value.shard_samples, value.report, value.node);
}

}  // namespace troupe::nn
