#include "scheduler/core/describe.h"

#include <vector>

#include "runtime/base/clip.h"
#include "scheduler/sync/describe.h"

namespace troupe::scheduler {
namespace {

std::string list_of(const std::vector<RunningAttempt>& running, const Names& names) {
  std::string text;
  for (const auto& each : running) {
    text += (text.empty() ? "" : ", ") + describe(each.task, each.attempt, names);
    if (!each.address.empty()) text += " (up)";
    if (each.cpus == GrantedCpus::lent) text += " (waits)";
    if (each.cpus == GrantedCpus::owed) text += " (is owed cpus)";
  }
  return text.empty() ? "nothing" : text;
}

template <class Items, class Text>
std::string joined(const Items& items, Text text_of) {
  constexpr std::size_t most = 8;
  std::string text;
  std::size_t count = 0;
  for (const auto& item : items) {
    if (++count > most) return text + " and " + std::to_string(items.size() - most) + " more";
    text += (text.empty() ? "" : ", ") + text_of(item);
  }
  return text;
}

/// `: cause`, or nothing.
std::string because(const std::string& cause) { return cause.empty() ? "" : ": " + cause; }

std::string answer_text(const AnswerRequest& answer) {
  return std::to_string(answer.request) + ": " + (answer.refusal.empty() ? "accepted" : answer.refusal);
}

struct EventText {
  const Names& names;

  std::string operator()(const NodeJoined& e) const {
    return names.of(e.node) + " joins as incarnation " + std::to_string(e.incarnation) + " with " +
           describe(e.capacity) + "; runs " + list_of(e.running, names);
  }
  std::string operator()(const NodeHeard& e) const {
    return names.of(e.node) + " is heard; runs " + list_of(e.running, names);
  }
  std::string operator()(const NodeLeft& e) const { return names.of(e.node) + " leaves"; }
  std::string operator()(const DriverJoined& e) const {
    const std::string given = e.given > 0 ? ", has given " + std::to_string(e.given) + " numbers" : "";
    return names.of(e.driver) + " joins" + given;
  }
  std::string operator()(const DriverLeft& e) const { return names.of(e.driver) + " leaves"; }
  std::string operator()(const TasksSubmitted& e) const {
    return names.of(e.driver) + " submits " +
           joined(e.tasks, [this](const TaskSpec& spec) { return names.of(spec.id); }) +
           (e.from ? " from " + names.of(e.from) : "") + " by request " + std::to_string(e.request);
  }
  std::string operator()(const ActorStarted& e) const {
    return names.of(e.node) + " has actor " + describe(e.task, e.attempt, names) + " up at " + e.address;
  }
  std::string operator()(const AttemptEnded& e) const {
    const std::string cause = e.report.end == AttemptEnd::done ? "" : one_line(e.report.cause);
    return names.of(e.node) + " reports " + describe(e.report.task, e.report.attempt, names) + ' ' +
           to_text(e.report.end) + because(cause);
  }
  std::string operator()(const CancelRequested& e) const {
    return names.of(e.driver) + " cancels " + names.of(e.task) + " by request " + std::to_string(e.request);
  }
  std::string operator()(const TasksReleased& e) const {
    return names.of(e.driver) + " releases " + joined(e.tasks, [this](TaskId id) { return names.of(id); });
  }
  std::string operator()(const SyncRequested& e) const {
    const std::string whose = e.task ? " for " + describe(e.task, e.attempt, names) : "";
    return names.of(e.driver) + whose + " asks to " +
           joined(e.requests, [](const sync::Request& each) { return describe(each); });
  }
  std::string operator()(const DrainRequested& e) const {
    return names.of(e.driver) + (e.drain ? " drains " : " undrains ") + names.of(e.node) + " by request " +
           std::to_string(e.request);
  }
  std::string operator()(const Tick&) const { return "tick"; }
};

struct EffectText {
  const Names& names;

  std::string operator()(const SaveJob& e) const { return "save job " + names.of(e.job.id); }
  std::string operator()(const SaveTask& e) const { return "save task " + names.of(e.spec->id); }
  std::string operator()(const SaveProgress& e) const {
    std::string text = "save " + names.of(e.task) + ' ' + troupe::to_text(e.progress.state);
    if (!e.progress.attempts.empty()) {
      const AttemptRecord& last = e.progress.attempts.back();
      text += " (" + describe(e.task, last.id, names) + " on " + names.of(last.node) + ')';
    }
    if (e.progress.branch == Branch::taken) text += ", its branch taken";
    if (e.progress.branch == Branch::not_taken) text += ", its branch not taken";
    if (e.progress.cached) text += ", from the cache";
    if (e.progress.iteration > 0) text += ", iteration " + std::to_string(e.progress.iteration);
    if (e.progress.retry_at_ms > 0) text += ", again at " + std::to_string(e.progress.retry_at_ms);
    return text;
  }
  std::string operator()(const SaveSummary& e) const { return "compact job " + names.of(e.summary.job.id); }
  std::string operator()(const DropSummary& e) const { return "drop job " + names.of(e.job); }
  std::string operator()(const SaveCached& e) const {
    return "cache a result of " + std::to_string(e.cached.result.size()) + " bytes";
  }
  std::string operator()(const DropCached&) const { return "drop a cached result"; }
  std::string operator()(const SaveDrain& e) const {
    return "save that " + names.of(e.node) + (e.drains ? " takes no new work" : " takes work");
  }
  std::string operator()(const WelcomeNode& e) const { return "welcome " + names.of(e.node); }
  std::string operator()(const AskToJoin& e) const { return "ask " + names.of(e.node) + " to join"; }
  std::string operator()(const RunTask& e) const {
    return "run " + describe(e.task, e.attempt, names) + " on " + names.of(e.node);
  }
  std::string operator()(const StopAttempt& e) const {
    return "stop " + describe(e.task, e.attempt, names) + " on " + names.of(e.node);
  }
  std::string operator()(const AcknowledgeReport& e) const {
    return "acknowledge " + describe(e.task, e.attempt, names) + " to " + names.of(e.node);
  }
  std::string operator()(const WelcomeDriver& e) const { return "welcome " + names.of(e.driver); }
  std::string operator()(const AnswerRequest& e) const { return "answer " + names.of(e.driver) + ' ' + answer_text(e); }
  std::string operator()(const TellTaskEnded& e) const {
    return "tell " + names.of(e.driver) + ": " + names.of(e.task) + ' ' + troupe::to_text(e.state) + because(e.cause);
  }
  std::string operator()(const TellActorUp& e) const {
    return "tell " + names.of(e.driver) + ": actor " + describe(e.task, e.attempt, names) + " up at " + e.address;
  }
  std::string operator()(const TellActorDown& e) const {
    return "tell " + names.of(e.driver) + ": actor " + describe(e.task, e.attempt, names) + " down" +
           because(one_line(e.cause));
  }
  std::string operator()(const SaveQueue& e) const {
    return (e.options ? "save queue '" : "remove queue '") + e.queue + '\'';
  }
  std::string operator()(const SaveMessage& e) const {
    return (e.message ? "save message " : "remove message ") + token_text(e.number) + " of queue '" + e.queue + '\'';
  }
  std::string operator()(const AnswerSync& e) const {
    return "answer " + names.of(e.driver) + ' ' +
           joined(e.answers, [](const sync::Answer& each) { return describe(each); });
  }
  std::string operator()(const WakeAt& e) const { return "wake at " + std::to_string(e.at.count()); }
  std::string operator()(const Ignored& e) const { return "ignored: " + e.reason; }
};

}  // namespace

std::string describe(const Event& event, const Names& names) { return std::visit(EventText{names}, event); }

std::string describe(const Effect& effect, const Names& names) { return std::visit(EffectText{names}, effect); }

std::string describe(TaskId task, AttemptId attempt, const Names& names) {
  const std::string text = names.of(task) + '#' + std::to_string(attempt.number);
  return attempt.epoch > 1 ? text + '@' + std::to_string(attempt.epoch) : text;
}

bool is_send(const Effect& effect) {
  return !is_write(effect) && !std::holds_alternative<WakeAt>(effect) && !std::holds_alternative<Ignored>(effect);
}

std::string one_line(const Cause& cause) {
  if (!cause.message.empty()) return clipped(cause.message.substr(0, cause.message.find('\n')), most_line_bytes);
  if (cause.signal != 0) return "signal " + std::to_string(cause.signal);
  if (cause.exit_code != 0) return "exit code " + std::to_string(cause.exit_code);
  return "no cause was given";
}

}  // namespace troupe::scheduler
