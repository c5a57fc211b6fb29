// Frames of bytes between processes: send, receive until a deadline. What the bytes mean is message_codec.h's matter.
//
// Correctness never rests on a transport: frames may be lost with the connection that carried them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/base/task_spec.h"
#include "runtime/ring/bell.h"

namespace troupe {

/// One connection, as this end names it. Never reused within a transport.
struct PeerId {
  std::uint64_t value = 0;
  friend auto operator<=>(const PeerId&, const PeerId&) = default;
};

/// Receivers take no more; a sender keeps to it.
inline constexpr std::size_t most_frame_bytes = 64u << 20;
/// Of what travels inside a frame: a result, all arguments of a task or call together.
inline constexpr std::size_t most_inline_bytes = 32u << 20;

struct Delivery {
  PeerId from;
  Bytes frame;
};

using Deadline = std::chrono::steady_clock::time_point;

/// What a thread waits for besides frames.
struct Besides {
  Bell& bell;                      ///< Rung when it has come.
  std::function<bool()> has_come;  ///< Cheap.
};

/// Threads: one thread owns it; only wake() may be called from others.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Takes frames from whoever connects to `address`.
  virtual Result<void> listen(const std::string& address) = 0;

  /// Opens a connection; the other side may come up later. Frames sent meanwhile wait, and leave while this end
  /// receives.
  virtual Result<PeerId> connect(const std::string& address) = 0;

  /// Forgets a connection made by connect().
  virtual void disconnect(PeerId peer) = 0;

  /// No more will come by this connection: the process at its other end has ended, or connects anew. False: more may
  /// come, or nobody knows.
  virtual bool is_gone(PeerId peer) const = 0;

  /// Queues a frame and returns. A peer that is gone takes it nowhere.
  virtual void send(PeerId to, Bytes frame) = 0;

  /// What has arrived; waits for something until `deadline`, a wake(), or a watched descriptor.
  std::vector<Delivery> receive(Deadline deadline) { return receive(deadline, nullptr); }

  /// Likewise, or for what there is besides.
  virtual std::vector<Delivery> receive(Deadline deadline, const Besides* besides) = 0;

  /// Ends a receive() that waits, or the next one.
  virtual void wake() = 0;

  /// Makes receive() return when `descriptor` is readable (writable if `for_write`). Watching again replaces it.
  virtual void watch(int descriptor, bool for_write) = 0;
  virtual void unwatch(int descriptor) = 0;
};

}  // namespace troupe
