#include "scheduler/service/translate.h"

#include <type_traits>
#include <utility>

#include "runtime/base/clip.h"
#include "runtime/base/overloaded.h"

namespace troupe::scheduler {

std::optional<Event> event_of(Letter&& letter, ClusterId cluster, std::uint32_t epoch, DriverId driver) {
  if (letter.envelope.cluster != cluster) return std::nullopt;
  using Answer = std::optional<Event>;
  const auto from_driver = [&](Event event) { return driver ? Answer(std::move(event)) : std::nullopt; };
  return std::visit(
      Overloaded{
          [](message::DriverHello& hello) -> Answer {
            return DriverJoined{hello.driver, std::move(hello.job), hello.given, std::move(hello.unsent)};
          },
          [&](message::DriverBye&) { return from_driver(DriverLeft{driver}); },
          [&](message::Submit& submit) {
            if (letter.envelope.epoch < epoch) return Answer();
            return from_driver(
                TasksSubmitted{driver, submit.request, std::move(submit.job), std::move(submit.tasks), submit.from});
          },
          [&](message::Cancel& cancel) {
            return from_driver(CancelRequested{driver, cancel.request, cancel.task});
          },
          [&](message::Drain& drain) {
            return from_driver(DrainRequested{driver, drain.request, drain.node, drain.drain});
          },
          [&](message::Release& release) {
            return from_driver(TasksReleased{driver, std::move(release.tasks)});
          },
          [&](message::Synchronise& ask) {
            return from_driver(SyncRequested{driver, letter.envelope.epoch, ask.task, ask.attempt, ask.confirmed_below,
                                             std::move(ask.requests)});
          },
          [](message::AgentJoin& join) -> Answer {
            return NodeJoined{join.node, join.incarnation, std::move(join.name), std::move(join.capacity),
                              std::move(join.running)};
          },
          [](message::AgentHeartbeat& beat) -> Answer {
            return NodeHeard{beat.node, beat.incarnation, std::move(beat.running), beat.is_early};
          },
          [](message::AgentBye& bye) -> Answer {
            return NodeLeft{bye.node, bye.incarnation};
          },
          [](message::ActorReady& ready) -> Answer {
            return ActorStarted{ready.node, ready.incarnation, ready.task, ready.attempt, std::move(ready.address)};
          },
          [](message::Report& report) -> Answer {
            std::string& cause = report.report.cause.message;
            cause = clipped(std::move(cause), most_cause_bytes);
            return AttemptEnded{report.node, report.incarnation, std::move(report.report)};
          },
          [](auto&) -> Answer { return std::nullopt; },
      },
      letter.message);
}

bool is_of_agent(const message::Message& message) {
  return std::visit(
      [](const auto& each) {
        using Each = std::decay_t<decltype(each)>;
        return std::is_same_v<Each, message::AgentJoin> || std::is_same_v<Each, message::AgentHeartbeat> ||
               std::is_same_v<Each, message::AgentBye> || std::is_same_v<Each, message::ActorReady> ||
               std::is_same_v<Each, message::Report>;
      },
      message);
}

std::optional<Outgoing> message_of(Effect&& effect, const Scheduler& core) {
  using Answer = std::optional<Outgoing>;
  return std::visit(
      Overloaded{
          [](WelcomeNode& each) -> Answer {
            return Outgoing{each.node, message::AgentWelcome{}};
          },
          [](AskToJoin& each) -> Answer {
            return Outgoing{each.node, message::PleaseJoin{}};
          },
          [&](RunTask& each) -> Answer {
            auto order = core.order(each.task, each.attempt);
            if (!order) return std::nullopt;
            return Outgoing{each.node, message::Run{std::move(*order)}};
          },
          [](StopAttempt& each) -> Answer {
            return Outgoing{each.node, message::Stop{each.task, each.attempt}};
          },
          [](AcknowledgeReport& each) -> Answer {
            return Outgoing{each.node, message::ReportTaken{each.task, each.attempt}};
          },
          [](WelcomeDriver& each) -> Answer {
            return Outgoing{each.driver, message::DriverWelcome{static_cast<std::uint64_t>(each.since.count())}};
          },
          [](AnswerRequest& each) -> Answer {
            return Outgoing{each.driver, message::Answer{each.request, std::move(each.refusal)}};
          },
          [](TellTaskEnded& each) -> Answer {
            return Outgoing{each.driver, message::TaskEnded{each.task, each.state, std::move(each.result),
                                                            std::move(each.cause), std::move(each.attempts)}};
          },
          [](TellActorUp& each) -> Answer {
            return Outgoing{each.driver, message::ActorUp{each.task, each.attempt, std::move(each.address), each.node}};
          },
          [](TellActorDown& each) -> Answer {
            return Outgoing{each.driver, message::ActorDown{each.task, each.attempt, std::move(each.cause)}};
          },
          [](AnswerSync& each) -> Answer {
            return Outgoing{each.driver, message::Synchronised{std::move(each.answers)}};
          },
          [](auto&) -> Answer { return std::nullopt; },
      },
      effect);
}

}  // namespace troupe::scheduler
