// Messages as bytes. Decoding is total: any bytes give a message or an error, and never more memory than their size.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/base/store_age.h"
#include "runtime/wire/codec.h"
#include "runtime/wire/messages.h"

namespace troupe {

/// Stands at the head of every frame.
struct Envelope {
  ClusterId cluster;
  std::uint32_t epoch = 0;       ///< Highest the sender knows; 0 where it knows none.
  std::uint64_t sender = 0;      ///< Drawn by each process at its start.
  std::uint64_t commit_seq = 0;  ///< Likewise: of the batches that the scheduler's store holds.

  StoreAge store() const { return {cluster, epoch, commit_seq}; }
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

struct Letter {
  Envelope envelope;
  message::Message message;
};

/// What a frame holds: messages that were sent together. At least one.
struct Letters {
  Envelope envelope;
  std::vector<message::Message> messages;
};

/// Lays a frame down: envelope, then messages one after another.
class FrameWriter {
 public:
  explicit FrameWriter(const Envelope& envelope);
  /// A frame may grow beyond what a receiver takes only by its first message.
  void add(const message::Message& message);
  std::size_t size() const { return encoder_.written().size(); }
  Bytes take() { return encoder_.take(); }

 private:
  Encoder encoder_;
};

/// A frame of one message.
Bytes encode(const Envelope& envelope, const message::Message& message);

/// Fails with: corrupt (what was found where), unsupported (another protocol version: both are named).
Result<Letters> decode(std::string_view frame);

}  // namespace troupe
