// Two rings between two processes of one node, one each way, and how the two come to share them: over a socket at which
// one of them listens, which also tells each side when the other is gone.
//
//   who asks: connects, hands over a number, the rings and its bell  →  who listens: maps them, hands over its own bell
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/ring/bell.h"
#include "runtime/ring/shared_ring.h"

namespace troupe {

/// One end. What is sent is a message of any size: in one record, or in several where it is long.
///
/// Threads: one at a time.
class RingLink {
 public:
  /// Asks who listens at `socket` for a link; messages may be sent at once. `own` is rung when something has come.
  /// Does not block. Fails with: peer_lost (nobody listens there), unavailable (too many ask at once, or there is no
  /// memory or descriptor for it).
  static Result<RingLink> ask(const std::string& socket, std::uint64_t caller, const Bell& own);

  /// True: the other side has taken the link. To be asked, until it says so, when the descriptor is readable.
  ///
  /// Fails with: peer_lost, corrupt.
  Result<bool> take_answer();
  bool is_taken() const { return other_.has_value(); }

  /// Sends the parts as one message, and wakes the other end if it sleeps. What finds no room is kept, and leaves by
  /// flush().
  void send(std::span<const std::string_view> parts);
  /// True: nothing is kept. Otherwise the other end rings when there is room.
  bool flush();
  std::size_t kept_bytes() const { return kept_bytes_; }

  /// The next message, which may be read until the next call here, or nullopt: there is none. It may lie in shared
  /// memory, where the other end could still change it: what is checked must be copied first.
  std::optional<std::string_view> receive();
  bool has_more() const { return !is_broken() && !in_.is_empty(); }
  /// Whether flush() will do something.
  bool can_flush() const { return !is_broken() && kept_bytes_ > 0 && out_.has_new_room(); }

  /// Wakes the other end if it waits for the room that receive() has made. To be called when receive() had no more.
  void give_room();

  std::uint64_t caller() const { return caller_; }
  /// Readable once the link is taken, then when the other end is gone.
  int descriptor() const { return socket_.number(); }
  /// Nothing comes or goes any more; the other end sees it at its descriptor.
  void give_up();
  /// The other end broke the rules, or this one gave up.
  bool is_broken() const { return is_broken_ || out_.is_broken() || in_.is_broken(); }

 private:
  friend class RingDoor;
  enum class Side { asks, listens };
  RingLink(Side side, std::uint64_t caller, SharedMemory memory, Descriptor socket);

  struct Kept {
    std::string message;
    std::size_t sent = 0;
  };
  bool write_kept();
  void ring() {
    if (other_) other_->ring();
  }
  bool write_record(std::span<const std::string_view> parts, bool is_last);

  std::uint64_t caller_;
  SharedMemory memory_;
  RingWriter out_;
  RingReader in_;
  std::optional<Bell> other_;  // None: the link is not taken yet.
  Descriptor socket_;
  std::deque<Kept> kept_;
  std::size_t kept_bytes_ = 0;
  std::string assembled_;  // Of the records of a long message.
  bool told_one_ = false;  // A record that is still to be taken away.
  bool is_broken_ = false;
};

/// The socket at which a worker takes links for calls, beside the address at which it takes frames; empty: it takes
/// none.
std::string ring_socket_of(const std::string& address);

/// Takes the links that others ask for. Without descriptors left it is closed for a moment: who asks stands in line.
class RingDoor {
 public:
  using Clock = std::chrono::steady_clock;

  /// Replaces what stands at the path. Fails with: unavailable.
  static Result<RingDoor> open(const std::string& socket);

  /// The links that were asked for. Who asks wrongly is sent away.
  std::vector<RingLink> take_requests(const Bell& own, Clock::time_point now = Clock::now());

  /// Become readable when there is something to take: the door and who stands in it.
  std::vector<int> descriptors(Clock::time_point now = Clock::now()) const;
  /// When it is to be looked at again, whatever the descriptors say; in the past while it is open.
  Clock::time_point closed_until() const { return closed_until_; }

 private:
  explicit RingDoor(Descriptor listening) : listening_(std::move(listening)) {}

  Descriptor listening_;
  std::vector<Descriptor> asking_;
  Clock::time_point closed_until_{};
};

}  // namespace troupe
