// Between messages and what the core takes and gives. Pure: the service and the simulator share it.
#pragma once

#include <optional>
#include <variant>

#include "runtime/wire/message_codec.h"
#include "scheduler/core/effect.h"
#include "scheduler/core/event.h"
#include "scheduler/core/scheduler.h"

namespace troupe::scheduler {

/// What a message means to the core of a scheduler of `epoch`. `driver` is who logged in on the connection that it came
/// by: requests name none. Nothing: it is for the shell, from another cluster, or from somebody who may not send it:
/// also tasks of a driver that has not heard of this epoch yet, and may still hear of their ends from the one before.
std::optional<Event> event_of(Letter&& letter, ClusterId cluster, std::uint32_t epoch, DriverId driver);

/// Only agents say so; they keep on disk what they have seen of the store.
bool is_of_agent(const message::Message& message);

struct Outgoing {
  std::variant<NodeId, DriverId> to;
  message::Message message;
};
/// Nothing: the effect is not sent, or is an order that is of no use any more. `core`: it gives the orders.
std::optional<Outgoing> message_of(Effect&& effect, const Scheduler& core);

}  // namespace troupe::scheduler
