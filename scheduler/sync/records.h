// What the store keeps of durable queues.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "runtime/base/synchronisation.h"

namespace troupe::scheduler {

struct StoredMessage {
  Bytes body;
  std::uint32_t deliveries = 0;  ///< Those that ended without an acknowledgement.
  bool is_dead = false;          ///< A dead letter.
  DriverId sender;               ///< Whose request put it there: the same request again is the same message.
  std::uint64_t request = 0;
  friend bool operator==(const StoredMessage&, const StoredMessage&) = default;
};

struct StoredQueue {
  sync::QueueOptions options;
  std::map<std::uint64_t, StoredMessage> messages;  ///< By number, which is their order.
  friend bool operator==(const StoredQueue&, const StoredQueue&) = default;
};

/// By name.
using StoredQueues = std::map<std::string, StoredQueue>;

/// The queue is there, as `options` say; none: it is gone, with all its messages.
struct SaveQueue {
  std::string queue;
  std::optional<sync::QueueOptions> options;
};
/// The message is there, as `message` says; none: it is done with.
struct SaveMessage {
  std::string queue;
  std::uint64_t number = 0;
  std::optional<StoredMessage> message;
};

/// What the store holds after the change.
void apply(const SaveQueue& save, StoredQueues& queues);
/// Requires: the queue is there.
void apply(const SaveMessage& save, StoredQueues& queues);

}  // namespace troupe::scheduler
