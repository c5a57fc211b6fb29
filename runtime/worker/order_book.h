// The orders of one worker that it has not begun, and the results that they await: of attempts before them in the same
// worker, or sent by its agent. Pure.
//
// Its own results are kept until an order shows that the agent had their reports when it was given: whatever is given
// after that comes with values. Larger ones are not kept, they come back from the agent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "runtime/base/orders.h"

namespace troupe {

class OrderBook {
 public:
  using Key = std::pair<TaskId, AttemptId>;
  static constexpr std::size_t most_kept_bytes = 64u << 10;

  /// `taken`: so many reports of this worker's the agent had. False: the same order again.
  bool take(RunOrder order, std::uint64_t taken);
  /// It is not to begin.
  void take_back(Key key);
  /// The agent sends what it awaits.
  void take_result(Key awaited, const Bytes& result);
  /// The end of the attempt is to be told at once. Of none that has ended.
  void hasten(Key key);
  /// The one that began last has ended so. Answers whether that is to be told at once.
  bool note_end(const AttemptReport& report);

  enum class State : std::uint8_t { waits, can_begin, taken_back };
  /// Requires: it was taken, and has not begun.
  State state_of(Key key) const;
  /// Requires: likewise, and it does not wait.
  RunOrder begin(Key key);
  bool is_empty() const { return orders_.empty(); }

 private:
  struct Entry {
    RunOrder order;
    bool is_taken_back = false;
    bool has_awaited = false;  // Something, when it came.
    bool is_hastened = false;
  };
  struct Own {
    Key key;
    bool is_done = false;
    bool is_kept = false;
    Bytes result;
  };
  static void settle(Entry& entry, const Own& own);
  static void fill_in(Entry& entry, Key awaited, const Bytes& result);

  std::map<Key, Entry> orders_;
  Key begun_;  // The last.
  bool is_begun_hastened_ = false;
  std::size_t awaiting_ = 0;     // Orders that came with something to wait for, and have not begun.
  std::deque<Own> own_;          // Those that the agent may not know of.
  std::uint64_t first_own_ = 0;  // The number of the first of them.
};

}  // namespace troupe
