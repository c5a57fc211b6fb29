// The links over which callers of this node reach a worker. One thread takes them in, the executor's serves them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/ring/ring_link.h"
#include "runtime/wire/messages.h"
#include "runtime/wire/transport.h"

namespace troupe {

class CallRings {
 public:
  /// Told of each link, on the executor's thread: before its calls, and when its caller has gone.
  struct Guests {
    std::function<void(std::uint64_t caller)> greet;
    std::function<void(std::uint64_t caller)> forget;
  };
  /// Takes links beside `own_address`; none where that is no path, or shared memory is not to be had.
  CallRings(const std::string& own_address, Guests guests);

  /// Rung when something was put into a ring.
  Bell& bell() { return bell_; }

  // --- on the thread that talks ---

  /// Has a piece run on the executor's thread.
  using Post = std::function<void(std::function<void()>)>;
  /// Looks for callers that have come and gone, and has the transport watch for the next.
  void look_at_door(Transport& transport, const Post& post);
  /// When it is to be looked at, at the latest.
  std::chrono::steady_clock::time_point look_at() const;

  // --- on the executor's thread ---

  /// Hands over the calls that have come, in order; false: there were none.
  bool serve(const std::function<void(message::Call)>& take);
  /// Whether serve() will do something.
  bool has_more() const;
  /// False: the caller has no link.
  bool answer(std::uint64_t caller, const message::CallAnswer& answer);

 private:
  bool has_sign(std::vector<int>& gone) const;
  void take_in(RingLink link, Transport& transport, const Post& post);
  void forget(int descriptor, Transport& transport, const Post& post);

  const Guests guests_;
  Bell bell_;
  std::optional<RingDoor> door_;
  std::vector<int> watched_;                 // At the door.
  std::map<int, std::uint64_t> connected_;   // Callers, by the descriptors of their links.
  std::map<std::uint64_t, RingLink> links_;  // The executor's, by their callers.
};

}  // namespace troupe
