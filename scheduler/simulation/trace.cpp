#include "scheduler/simulation/trace.h"

#include <cstdio>
#include <string>

#include "runtime/base/overloaded.h"
#include "scheduler/core/describe.h"

namespace troupe::scheduler::sim {
namespace {

void mix(Trace& trace, TaskId task) {
  trace.mix(task.job.value);
  trace.mix(task.number);
}
void mix(Trace& trace, TaskId task, AttemptId attempt) {
  mix(trace, task);
  trace.mix(std::uint64_t{attempt.epoch} << 32 | attempt.number);
}
void mix(Trace& trace, const Cause& cause) {
  trace.mix(std::uint64_t(static_cast<std::uint32_t>(cause.exit_code)) << 32 |
            static_cast<std::uint32_t>(cause.signal));
  trace.mix(cause.message);
}
void mix(Trace& trace, NodeId node, std::uint64_t incarnation, const std::vector<RunningAttempt>& running) {
  trace.mix(node.value);
  trace.mix(incarnation);
  for (const auto& each : running) mix(trace, each.task, each.attempt);
}
void mix(Trace& trace, const TaskProgress& progress) {
  trace.mix(static_cast<std::uint64_t>(progress.state));
  trace.mix(progress.result);
  trace.mix(progress.reason);
  trace.mix(static_cast<std::uint64_t>(progress.failed_attempts));
  trace.mix(progress.attempts.size());
  if (progress.attempts.empty()) return;
  const AttemptRecord& last = progress.attempts.back();
  trace.mix(std::uint64_t{last.id.epoch} << 32 | last.id.number);
  trace.mix(last.node.value);
  trace.mix(static_cast<std::uint64_t>(last.ended_ms));
}

void mix(Trace& trace, const Event& event) {
  trace.mix(event.index());
  std::visit(Overloaded{
                 [&](const NodeJoined& e) { mix(trace, e.node, e.incarnation, e.running); },
                 [&](const NodeHeard& e) { mix(trace, e.node, e.incarnation, e.running); },
                 [&](const NodeLeft& e) { mix(trace, e.node, e.incarnation, {}); },
                 [&](const DriverJoined& e) { trace.mix(e.driver.value); },
                 [&](const DriverLeft& e) { trace.mix(e.driver.value); },
                 [&](const TasksSubmitted& e) {
                   trace.mix(e.driver.value);
                   trace.mix(e.request);
                   for (const auto& spec : e.tasks) mix(trace, spec.id);
                 },
                 [&](const ActorStarted& e) {
                   mix(trace, e.node, e.incarnation, {});
                   mix(trace, e.task, e.attempt);
                 },
                 [&](const AttemptEnded& e) {
                   mix(trace, e.node, e.incarnation, {});
                   mix(trace, e.report.task, e.report.attempt);
                   trace.mix(static_cast<std::uint64_t>(e.report.end));
                   mix(trace, e.report.cause);
                 },
                 [&](const CancelRequested& e) {
                   trace.mix(e.request);
                   mix(trace, e.task);
                 },
                 [&](const TasksReleased& e) {
                   for (const TaskId task : e.tasks) mix(trace, task);
                 },
                 [&](const SyncRequested& e) {
                   trace.mix(e.driver.value);
                   for (const auto& request : e.requests) {
                     trace.mix(request.number);
                     trace.mix(request.operation.index());
                   }
                 },
                 [&](const DrainRequested& e) {
                   trace.mix(e.driver.value);
                   trace.mix(e.request);
                   trace.mix(e.node.value);
                   trace.mix(std::uint64_t{e.drain});
                 },
                 [](const Tick&) {},
             },
             event);
}

void mix(Trace& trace, const Effect& effect) {
  trace.mix(effect.index());
  std::visit(Overloaded{
                 [&](const SaveJob& e) { trace.mix(e.job.id.value); },
                 [&](const SaveTask& e) { mix(trace, e.spec->id); },
                 [&](const SaveProgress& e) {
                   mix(trace, e.task);
                   mix(trace, e.progress);
                 },
                 [&](const SaveSummary& e) { trace.mix(e.summary.job.id.value); },
                 [&](const DropSummary& e) { trace.mix(e.job.value); },
                 [&](const SaveQueue& e) { trace.mix(e.queue); },
                 [&](const SaveMessage& e) {
                   trace.mix(e.queue);
                   trace.mix(e.number);
                   trace.mix(e.message ? std::uint64_t{e.message->deliveries} + 1 : 0);
                 },
                 [&](const SaveCached& e) {
                   trace.mix(e.cached.key);
                   trace.mix(e.cached.result);
                 },
                 [&](const DropCached& e) { trace.mix(e.key); },
                 [&](const SaveDrain& e) {
                   trace.mix(e.node.value);
                   trace.mix(std::uint64_t{e.drains});
                 },
                 [&](const WelcomeNode& e) { trace.mix(e.node.value); },
                 [&](const AskToJoin& e) { trace.mix(e.node.value); },
                 [&](const RunTask& e) {
                   trace.mix(e.node.value);
                   mix(trace, e.task, e.attempt);
                 },
                 [&](const StopAttempt& e) {
                   trace.mix(e.node.value);
                   mix(trace, e.task, e.attempt);
                 },
                 [&](const AcknowledgeReport& e) {
                   trace.mix(e.node.value);
                   mix(trace, e.task, e.attempt);
                 },
                 [&](const WelcomeDriver& e) { trace.mix(e.driver.value); },
                 [&](const AnswerRequest& e) {
                   trace.mix(e.request);
                   trace.mix(e.refusal);
                 },
                 [&](const TellTaskEnded& e) {
                   mix(trace, e.task);
                   trace.mix(static_cast<std::uint64_t>(e.state));
                   trace.mix(e.result);
                   trace.mix(e.cause);
                 },
                 [&](const TellActorUp& e) { mix(trace, e.task, e.attempt); },
                 [&](const TellActorDown& e) { mix(trace, e.task, e.attempt); },
                 [&](const AnswerSync& e) {
                   trace.mix(e.driver.value);
                   for (const auto& answer : e.answers) {
                     trace.mix(answer.request);
                     trace.mix(static_cast<std::uint64_t>(answer.outcome));
                     trace.mix(answer.token);
                   }
                 },
                 [&](const WakeAt& e) { trace.mix(static_cast<std::uint64_t>(e.at.count())); },
                 [&](const Ignored& e) { trace.mix(e.reason); },
             },
             effect);
}

}  // namespace

void Trace::mix(std::string_view bytes) {
  std::uint64_t sum = bytes.size();
  for (const char byte : bytes) sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  mix(sum);
}

void Trace::step(Time now, std::uint32_t scheduler, const Event& event, const Effects& effects) {
  mix(static_cast<std::uint64_t>(now.count()) << 2 | scheduler);
  sim::mix(*this, event);
  for (const auto& effect : effects) sim::mix(*this, effect);
  if (!is_printing_) return;
  std::printf("%lld [%u] %s\n", static_cast<long long>(now.count()), scheduler, describe(event).c_str());
  for (const auto& effect : effects) std::printf("    %s\n", describe(effect).c_str());
}

void Trace::note(Time now, std::string_view what, std::uint64_t about, std::uint64_t more) {
  mix(what);
  mix(about);
  mix(more);
  if (!is_printing_) return;
  std::printf("%lld %.*s %llu", static_cast<long long>(now.count()), static_cast<int>(what.size()), what.data(),
              static_cast<unsigned long long>(about));
  std::printf(more == 0 ? "\n" : " (%llu)\n", static_cast<unsigned long long>(more));
}

}  // namespace troupe::scheduler::sim
