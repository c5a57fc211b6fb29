#include "runtime/worker/executor.h"

#include <poll.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "runtime/ring/spin.h"

namespace troupe {
namespace {

/// -1: for ever.
int milliseconds_until(std::chrono::steady_clock::time_point due) {
  using Clock = std::chrono::steady_clock;
  if (due == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace

Executor::Executor(Bell& bell, Rings rings) : bell_(bell), rings_(std::move(rings)), thread_([this] { run(); }) {}

Executor::~Executor() { stop(); }

void Executor::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  bell_.ring();
  thread_.join();
}

void Executor::post(std::function<void()> piece) {
  {
    const std::lock_guard lock(mutex_);
    pieces_.push_back(std::move(piece));
    posted_.fetch_add(1, std::memory_order_seq_cst);
  }
  bell_.ring();
}

void Executor::run() {
  while (!stopping_) {
    const bool ran_pieces = run_pieces();
    if (!rings_.serve() && !ran_pieces) wait_for_more();
  }
}

bool Executor::run_pieces() {
  bool ran = false;
  while (posted_.load(std::memory_order_relaxed) > 0 && !stopping_) {
    std::function<void()> piece;
    {
      const std::lock_guard lock(mutex_);
      piece = std::move(pieces_.front());
      pieces_.pop_front();
      posted_.fetch_sub(1, std::memory_order_relaxed);
    }
    piece();
    ran = true;
  }
  return ran;
}

void Executor::wait_for_more() {
  if (spin_until([this] { return has_more(); })) return;
  bell_.fall_asleep();
  if (!has_more()) {
    pollfd polled{bell_.descriptor(), POLLIN, 0};
    ::poll(&polled, 1, milliseconds_until(rings_.due()));
    bell_.clear();
  }
  bell_.stay_awake();
}

}  // namespace troupe
