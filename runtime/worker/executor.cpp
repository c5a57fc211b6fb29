#include "runtime/worker/executor.h"

#include <utility>

#include "runtime/ring/spin.h"

namespace troupe {

Executor::Executor(Bell& bell, Work work) : bell_(bell), work_(std::move(work)), thread_([this] { run(); }) {}

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
  bool was_called = false;
  while (!stopping_) {
    const bool ran_pieces = run_pieces();
    if (work_.serve()) {
      was_called = true;
    } else if (!ran_pieces) {
      const bool looks_for_more = std::exchange(was_called, false);
      if (looks_for_more && spin_until([this] { return has_more(); })) continue;
      work_.wait();
    }
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

}  // namespace troupe
