// Between messages and what the agent's core takes and gives. Pure: the agent and the simulator share it.
#pragma once

#include <optional>
#include <string>

#include "runtime/agent/agent_core.h"
#include "runtime/wire/message_codec.h"

namespace troupe {

/// What a message of the scheduler means. Nothing: it is from another cluster, or not for agents.
std::optional<agent::Event> event_of(Letter&& letter, ClusterId cluster);

/// What messages to the scheduler say of their sender.
struct AgentIdentity {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::string name;
  NodeCapacity capacity;
};
/// Nothing: the effect is not sent to the scheduler.
std::optional<message::Message> message_of(agent::Effect&& effect, const AgentIdentity& self);

}  // namespace troupe
