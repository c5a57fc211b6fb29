#include "scheduler/store/fenced_writer.h"

#include <utility>

#include "runtime/base/check.h"

namespace troupe::scheduler {

std::vector<OpeningStep> opening_steps(Planted planted) {
  using enum OpeningStep;
  if (planted == Planted::loaded_before_taking_the_epoch) return {load, take_epoch, check_epoch};
  return {take_epoch, load, check_epoch};
}

std::vector<FencedWriter::Question> FencedWriter::behind_exec() const {
  if (planted_ == Planted::watch_not_renewed_after_exec) return {Question::get_epoch};
  return {Question::watch_epoch, Question::get_epoch};
}

void FencedWriter::begin() {
  TROUPE_CHECK(!has_batch_, "one commit at a time");
  has_batch_ = true;
  is_whole_ = true;
}

CommitOutcome FencedWriter::on_stored() {
  has_batch_ = false;
  return Committed{++own_.commit_seq};
}

void FencedWriter::on_nil() {
  is_whole_ = true;
  if (planted_ == Planted::nil_exec_retried) is_armed_ = true;
}

std::optional<CommitOutcome> FencedWriter::on_epoch(std::optional<std::uint32_t> epoch) {
  if (epoch == own_.epoch || planted_ == Planted::committed_without_comparing_epoch) {
    is_armed_ = true;
    return std::nullopt;
  }
  if (epoch > own_.epoch) return Fenced{*epoch};
  return StoreLost{*refuse_older(store_, {own_.cluster, epoch.value_or(0), 0}, own_)};
}

std::optional<CommitOutcome> FencedWriter::on_connected(const StoreAge& found) {
  if (found.cluster == own_.cluster && found.epoch > own_.epoch) return Fenced{found.epoch};
  if (auto refusal = refuse_older(store_, found, own_, planted_)) return StoreLost{std::move(*refusal)};
  if (found.commit_seq > own_.commit_seq + (has_batch_ ? 1 : 0)) {
    return StoreLost{{Fault::refused, store_ + " has commit " + std::to_string(found.commit_seq) +
                                          " under our epoch, expected " + std::to_string(own_.commit_seq) +
                                          ": somebody else writes to it, stop that"}};
  }
  if (has_batch_ && planted_ == Planted::unknown_exec_taken_as_success) {
    own_.commit_seq = found.commit_seq;
    has_batch_ = false;
    is_armed_ = true;
    return Committed{own_.commit_seq};
  }
  if (has_batch_ && planted_ == Planted::unknown_exec_taken_as_failure) {
    has_batch_ = false;  // given up: what comes next has its number
    is_armed_ = true;
    return Committed{own_.commit_seq};
  }
  is_whole_ = found.commit_seq == own_.commit_seq;
  is_armed_ = true;
  return std::nullopt;
}

}  // namespace troupe::scheduler
