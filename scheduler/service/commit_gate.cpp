#include "scheduler/service/commit_gate.h"

#include <iterator>

#include "runtime/base/check.h"
#include "scheduler/core/describe.h"

namespace troupe::scheduler {
namespace {

void append(Effects& to, Effects&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

}  // namespace

void CommitGate::take(Effects&& effects) {
  for (auto& effect : effects) {
    if (is_write(effect)) {
      writes_.push_back(*write_from(std::move(effect)));
    } else if (is_send(effect)) {
      const bool waits = writes_in_flight_ || !writes_.empty();
      (waits && planted_ != Planted::acknowledged_before_commit ? waiting_ : sends_).push_back(std::move(effect));
    }
  }
}

std::optional<Batch> CommitGate::next_batch(bool even_empty) {
  if (in_flight_ || (writes_.empty() && !even_empty)) return std::nullopt;
  in_flight_ = true;
  writes_in_flight_ = !writes_.empty();
  following_ = std::exchange(waiting_, {});
  return std::exchange(writes_, {});
}

void CommitGate::committed() {
  TROUPE_CHECK(in_flight_, "only a batch in flight can be committed");
  in_flight_ = writes_in_flight_ = false;
  ++on_disk_;
  append(sends_, std::move(following_));
  if (writes_.empty() || planted_ == Planted::sends_released_with_the_batch_before) append(sends_, std::move(waiting_));
}

std::uint64_t CommitGate::batches_before() const {
  if (writes_.empty()) return on_disk_ + (writes_in_flight_ ? 1 : 0);
  return on_disk_ + (in_flight_ ? 2 : 1);
}

}  // namespace troupe::scheduler
