// Wakes a process that sleeps, and costs next to nothing while it does not.
//
// The sleeper says that it falls asleep, looks at its rings once more, and waits for the descriptor; whoever has
// published something rings. Both the publishing and the falling asleep are sequentially consistent, so that one of the
// two sees the other's.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/result.h"
#include "runtime/ring/descriptor.h"
#include "runtime/ring/shared_memory.h"

namespace troupe {

/// Threads: any may ring.
class Bell {
 public:
  static Result<Bell> make();
  /// The bell of another process, of the descriptors that it handed over: whatever they are, ring() does not block.
  static Result<Bell> from(Descriptor memory, Descriptor cord);

  /// Wakes the sleeper, if it sleeps. What it is to find must be published (a sequentially consistent store) before.
  void ring();

  /// The caller is about to wait for the descriptor, and must look for work between this and that.
  void fall_asleep() { asleep().store(1, std::memory_order_seq_cst); }
  /// The caller looks by itself again.
  void stay_awake() { asleep().store(0, std::memory_order_relaxed); }
  bool is_asleep() const { return asleep().load(std::memory_order_relaxed) != 0; }

  /// Becomes readable when it was rung, until clear(). Requires: a bell of this process.
  int descriptor() const { return sleeper_.number(); }
  void clear();

  /// What another process needs to ring.
  int memory_descriptor() const { return memory_.descriptor(); }
  int cord_descriptor() const { return cord_.number(); }

 private:
  Bell(SharedMemory memory, Descriptor cord, Descriptor sleeper)
      : memory_(std::move(memory)), cord_(std::move(cord)), sleeper_(std::move(sleeper)) {}
  std::atomic<std::uint32_t>& asleep() const;

  SharedMemory memory_;
  Descriptor cord_;     // A socket: whether a write to it blocks is said with each, and nobody else can change that.
  Descriptor sleeper_;  // Its other end; none of another process's.
};

}  // namespace troupe
