// Virtual time: what is to happen, in order of time; what happens at the same time, in an order drawn by the seed.
//
// This is the simulator's innermost loop. What happens is kept in slots that are used again, so that nothing is
// allocated, and only small entries move in the heap.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "scheduler/core/event.h"
#include "scheduler/simulation/dice.h"

namespace troupe::scheduler::sim {

class Timeline {
 public:
  explicit Timeline(std::uint64_t seed) : dice_(seed, "ties") {}
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;
  ~Timeline() {
    for (const Entry& entry : heap_) slots_[entry.slot].end(slots_[entry.slot].bytes, false);
  }

  Time now() const { return now_; }

  template <class What>
  void at(Time when, What what) {
    static_assert(sizeof(What) <= slot_bytes, "what happens fits a slot: capture less");
    static_assert(std::is_nothrow_move_constructible_v<What>);
    const std::uint32_t number = take_slot();
    Slot& slot = slots_[number];
    ::new (static_cast<void*>(slot.bytes)) What(std::move(what));
    slot.end = [](void* bytes, bool runs) {
      What* kept = std::launder(static_cast<What*>(bytes));
      const What mine = std::move(*kept);  // what it does may come to use the slot again
      std::destroy_at(kept);
      if (runs) mine();
    };
    heap_.push_back({std::max(when, now_), dice_.roll(), number});
    std::push_heap(heap_.begin(), heap_.end());
  }
  template <class What>
  void after(Time delay, What what) {
    at(now_ + delay, std::move(what));
  }

  /// Lets the next thing happen, if it happens by `until`.
  bool advance(Time until) {
    if (heap_.empty() || heap_.front().when > until) return false;
    std::pop_heap(heap_.begin(), heap_.end());
    const Entry next = heap_.back();
    heap_.pop_back();
    now_ = next.when;
    free_.push_back(next.slot);
    slots_[next.slot].end(slots_[next.slot].bytes, true);
    return true;
  }

 private:
  static constexpr std::size_t slot_bytes = 112;

  struct Slot {
    alignas(std::max_align_t) std::byte bytes[slot_bytes];
    void (*end)(void* bytes, bool runs) = nullptr;  // destroys it
  };
  struct Entry {
    Time when;
    std::uint64_t tie;
    std::uint32_t slot;
    // The heap's front is the earliest. Two equal ties are as good as never drawn.
    bool operator<(const Entry& other) const {
      return when != other.when ? other.when < when : tie != other.tie ? other.tie < tie : other.slot < slot;
    }
  };

  std::uint32_t take_slot() {
    if (free_.empty()) {
      slots_.emplace_back();
      return static_cast<std::uint32_t>(slots_.size() - 1);
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    return number;
  }

  Time now_{0};
  Dice dice_;
  std::vector<Entry> heap_;
  std::deque<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace troupe::scheduler::sim
