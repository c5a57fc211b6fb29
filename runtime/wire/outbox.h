// What one process has to say at the end of a turn: messages to the same peer leave in one frame, in the order in which
// they were posted. A frame costs a system call and a wake of the other side; a message in it next to nothing.
#pragma once

#include <unordered_map>
#include <vector>

#include "runtime/wire/message_codec.h"
#include "runtime/wire/transport.h"

namespace troupe {

class Outbox {
 public:
  void post(PeerId to, const Envelope& envelope, const message::Message& message);

  bool is_empty() const { return frames_.empty(); }
  /// So many that others had better begin with them, while the rest of the turn is made.
  bool has_many() const { return messages_ >= many; }

  /// The frames, which are then forgotten here. One that no transport takes is lost, as any may be, with a line on
  /// stderr: who makes a message bounds it.
  struct Outgoing {
    PeerId to;
    Bytes frame;
  };
  std::vector<Outgoing> take();

  /// Sends all of them.
  void flush(Transport& transport);

 private:
  struct Open {
    PeerId to;
    Envelope envelope;
    FrameWriter frame;
  };
  static constexpr std::size_t many = 64;
  std::size_t messages_ = 0;
  std::vector<Open> frames_;                             // in the order in which they were begun
  std::unordered_map<std::uint64_t, std::size_t> last_;  // of each peer, the frame that may grow
};

}  // namespace troupe
