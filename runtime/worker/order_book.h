// The orders of one worker that it has not begun, and the results that they await: of attempts before them in the same
// worker, or sent by another worker or the agent. Pure.
//
// Its own results are kept until an order shows that the agent had their reports when it was given: whatever is given
// after that comes with values. Those of other workers may come before the orders that await them: the last few are
// kept. Larger ones are neither kept nor passed, they come from the agent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/orders.h"
#include "runtime/base/planted.h"

namespace troupe {

class OrderBook {
 public:
  using Key = std::pair<TaskId, AttemptId>;
  static constexpr std::size_t most_kept_bytes = 64u << 10;
  static constexpr std::size_t most_kept_of_others = 256;

  explicit OrderBook(Planted planted = Planted::none) : planted_(planted) {}

  /// `taken`: so many reports of this worker's the agent had. Answers with the number under which it stands here;
  /// none: the same order again.
  std::optional<std::uint64_t> take(RunOrder order, std::uint64_t taken);
  /// It is not to begin.
  void take_back(Key key);
  /// The agent sends what orders that came before await.
  void take_result(Key awaited, const Bytes& result);
  /// Another worker does: some of the orders may still be under way.
  void take_passed_result(Key awaited, const Bytes& result);
  /// The result of the attempt is to be passed to that worker. Of none that has ended.
  void pass(Key key, std::string address);
  /// The one that began last has ended so. Answers with the workers to which its result is passed, in the order in
  /// which that was asked for, as often: none, or all.
  std::vector<std::string> note_end(const AttemptReport& report);

  /// Forgets all that have not begun: the agent may give them to others, or again. Answers with which they were.
  std::vector<Key> return_all();
  /// It was not returned. Requires: it was taken under that number, and has not begun.
  bool holds(Key key, std::uint64_t number) const;

  enum class State : std::uint8_t { waits, can_begin, taken_back };
  /// Requires: it was taken, and has not begun.
  State state_of(Key key) const;
  /// Requires: likewise, and it does not wait.
  RunOrder begin(Key key);
  bool is_empty() const { return orders_.empty(); }

 private:
  struct Entry {
    RunOrder order;
    std::uint64_t number = 0;
    bool is_taken_back = false;
    bool has_awaited = false;  // Something, when it came.
    std::vector<std::string> pass_to;
  };
  struct Own {
    Key key;
    bool is_done = false;
    bool is_kept = false;
    Bytes result;
  };
  void settle(Entry& entry, const Own& own) const;
  void fill_in(Entry& entry, Key awaited, const Bytes& result) const;

  const Planted planted_;
  std::map<Key, Entry> orders_;
  std::uint64_t last_number_ = 0;
  Key begun_;  // The last.
  std::vector<std::string> pass_begun_to_;
  std::size_t awaiting_ = 0;     // Orders that came with something to wait for, and have not begun.
  std::deque<Own> own_;          // Those that the agent may not know of.
  std::uint64_t first_own_ = 0;  // The number of the first of them.
  std::map<Key, Bytes> of_others_;
  std::deque<Key> others_;  // The first first.
};

}  // namespace troupe
