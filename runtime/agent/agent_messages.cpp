#include "runtime/agent/agent_messages.h"

#include <utility>

#include "runtime/base/overloaded.h"

namespace troupe {

std::optional<agent::Event> event_of(Letter&& letter, ClusterId cluster) {
  using Answer = std::optional<agent::Event>;
  const StoreAge store = letter.envelope.store();
  if (store.cluster != cluster) return std::nullopt;
  return std::visit(Overloaded{
                        [&](message::Run& run) -> Answer {
                          return agent::OrderArrived{store, std::move(run.order)};
                        },
                        [&](message::Stop& stop) -> Answer {
                          return agent::StopArrived{store, stop.task, stop.attempt};
                        },
                        [&](message::ReportTaken& taken) -> Answer {
                          return agent::ReportAcknowledged{store, taken.task, taken.attempt};
                        },
                        [&](message::AgentWelcome&) -> Answer { return agent::Welcomed{store}; },
                        [&](message::HeartbeatTaken&) -> Answer { return agent::HeartbeatTaken{store}; },
                        [&](message::PleaseJoin&) -> Answer { return agent::AskedToJoin{store}; },
                        [](auto&) -> Answer { return std::nullopt; },
                    },
                    letter.message);
}

std::optional<message::Message> message_of(agent::Effect&& effect, const AgentIdentity& self) {
  using Answer = std::optional<message::Message>;
  return std::visit(
      Overloaded{
          [&](agent::SendReport& each) -> Answer {
            return message::Report{self.node, self.incarnation, std::move(each.report)};
          },
          [&](agent::SendActorStarted& each) -> Answer {
            return message::ActorReady{self.node, self.incarnation, each.task, each.attempt, std::move(each.address)};
          },
          [&](agent::SendHeartbeat& each) -> Answer {
            return message::AgentHeartbeat{self.node, self.incarnation, std::move(each.running), each.is_early};
          },
          [&](agent::SendJoin& each) -> Answer {
            return message::AgentJoin{self.node, self.incarnation, self.name, self.capacity, std::move(each.running)};
          },
          [](auto&) -> Answer { return std::nullopt; },
      },
      effect);
}

}  // namespace troupe
