#include "runtime/worker/kept_state.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "runtime/api/options.h"
#include "runtime/wire/call_records.h"
#include "runtime/worker/values.h"

namespace troupe {
namespace {

std::string without_hooks(const std::string& type) {
  return "its state cannot be written: give '" + type +
         "' the hooks `State checkpoint() const` and `void restore(State)`";
}

}  // namespace

KeptState::KeptState(const RunOrder& order, StateFolder folder)
    : rule_(*std::get<ActorWork>(order.work).restart),
      name_(order.name),
      task_(order.task),
      attempt_(order.attempt),
      folder_(std::move(folder)) {}

Result<KeptState> KeptState::open(const RunOrder& order, const std::string& folder, HostedActor& actor) {
  const auto& work = std::get<ActorWork>(order.work);
  if (work.restart->mode == RestartMode::checkpoint && !actor.has_hooks())
    return Error{Fault::unsupported, without_hooks(work.type)};
  const std::string& parent = work.restart->folder.empty() ? folder : work.restart->folder;
  if (parent.empty()) return Error{Fault::unsupported, "there is no folder for its state: name one by `state_folder`"};
  auto taken = StateFolder::take_over(parent + '/' + to_text(order.task), order.attempt);
  if (!taken) return taken.error();
  KeptState made(order, std::move(*taken));
  made.has_hooks_ = actor.has_hooks();
  if (auto restored = made.restore(actor); !restored) return restored.error();
  return made;
}

Result<void> KeptState::restore(HostedActor& actor) {
  auto found = folder_.read();
  if (!found) return found.error();
  for (const auto& damaged : found->damaged)
    std::fprintf(stderr, "troupe: actor '%s': %s; the checkpoint before it is taken\n", name_.c_str(), damaged.c_str());
  if (found->checkpoint) {
    if (!has_hooks_) return Error{Fault::unsupported, "it has a checkpoint, and its class no hooks any more"};
    if (std::string why = actor.restore(found->checkpoint->state); !why.empty())
      return Error{Fault::task_failed, "restore(): " + why};
    for (auto& caller : found->checkpoint->callers) {
      turns_ = std::max(turns_, caller.turn);
      callers_.emplace(caller.caller, std::move(caller));
    }
  }
  // What the attempt before this one may still write is not to be read by the one after it.
  std::vector<LoggedCall> so_far;
  if (!has_hooks_) so_far = found->calls;
  replay(std::move(found->calls), actor);
  calls_since_ = 0;
  due_ = Clock::time_point::max();
  if (!has_hooks_) return folder_.begin_log(so_far);
  const auto checkpoint = checkpoint_of(actor);
  return checkpoint ? folder_.begin(*checkpoint, is_logged()) : checkpoint.error();
}

void KeptState::replay(std::vector<LoggedCall> calls, HostedActor& actor) {
  for (auto& call : calls)
    if (call.number > last_of(call.caller)) run_one(std::move(call), actor);
}

message::CallAnswer KeptState::run_one(LoggedCall call, HostedActor& actor) {
  KeptCaller& caller = count(call.caller, call.number);
  message::CallAnswer answer{task_, call.number, false, {}, std::move(call.refusal), attempt_};
  if (answer.error.empty())
    answer =
        actor.answer({task_, attempt_, call.caller, call.number, std::move(call.method), std::move(call.arguments)});
  // Those to the calls before the open ones it has. At times, so that they are not moved with each call.
  const std::size_t open =
      call.open == 0 ? most_logged_in_flight : std::min<std::size_t>(call.open, most_logged_in_flight);
  if (caller.answers.size() >= 2 * open)
    caller.answers.erase(caller.answers.begin(), caller.answers.end() - static_cast<std::ptrdiff_t>(open - 1));
  caller.answers.push_back({answer.ok, answer.ok ? answer.value : answer.error});
  return answer;
}

KeptCaller& KeptState::count(std::uint64_t caller, std::uint64_t number) {
  const auto [found, is_new] = callers_.try_emplace(caller);
  if (is_new) {
    found->second.caller = caller;
    if (callers_.size() > most_callers) {
      const auto by_turn = [](const auto& a, const auto& b) { return a.second.turn < b.second.turn; };
      found->second.turn = turns_ + 1;
      callers_.erase(std::min_element(callers_.begin(), callers_.end(), by_turn));
    }
  }
  found->second.last = number;
  found->second.turn = ++turns_;
  ++calls_since_;
  if (has_hooks_ && calls_since_ == rule_.checkpoint_calls) {
    due_ = {};
  } else if (has_hooks_ && calls_since_ == 1 && rule_.checkpoint_interval.count() > 0) {
    due_ = Clock::now() + rule_.checkpoint_interval;
  }
  return found->second;
}

std::uint64_t KeptState::last_of(std::uint64_t caller) const {
  const auto found = callers_.find(caller);
  return found == callers_.end() ? 0 : found->second.last;
}

message::CallAnswer KeptState::tell_what_is_kept(const message::Call& asked, Mailbox& mailbox) const {
  message::WhatIsKept told{mailbox.last_queued(asked.caller), turns_};
  const auto asks = decode<message::WhatIsKept>(asked.arguments.empty() ? std::string_view() : asked.arguments[0]);
  if (asks && asks->number > 1) {
    // Whoever is not among so many that called since may have been driven out, or has nothing in the state.
    const bool may_have_been_known =
        callers_.size() >= most_callers && turns_ >= asks->turns && turns_ - asks->turns >= most_callers;
    const bool is_forgotten = may_have_been_known && last_of(asked.caller) == 0;
    if (is_forgotten || !is_logged()) mailbox.skip_to(asked.caller, asks->number - 1);
    if (is_forgotten) told.number = message::not_remembered;
  }
  return {task_, 0, true, encode(told), {}, attempt_};
}

std::optional<message::CallAnswer> KeptState::answer_again(std::uint64_t caller, std::uint64_t number) const {
  const auto found = callers_.find(caller);
  if (found == callers_.end() || number > found->second.last) return std::nullopt;
  const auto& answers = found->second.answers;
  const std::uint64_t back = found->second.last - number + 1;
  if (back > answers.size()) return std::nullopt;
  const KeptAnswer& kept = answers[answers.size() - back];
  message::CallAnswer again{task_, number, kept.ok, {}, {}, attempt_};
  (kept.ok ? again.value : again.error) = kept.bytes;
  return again;
}

void KeptState::note(const message::Call& call) { count(call.caller, call.number); }

Result<void> KeptState::run(std::vector<message::Call>& calls, HostedActor& actor, const Answered& answered) {
  std::vector<LoggedCall> logged;
  logged.reserve(calls.size());
  for (auto& call : calls) {
    auto& next = logged.emplace_back(LoggedCall{call.caller, call.number, std::move(call.method), {}, {}, call.open});
    for (Bytes& argument : call.arguments)
      if (std::string why = actor.bring_here(argument); !why.empty()) next.refusal = std::move(why);
    if (next.refusal.empty()) next.arguments = std::move(call.arguments);
  }
  if (auto written = folder_.append(logged); !written) return written;
  for (auto& call : logged) {
    const std::uint64_t caller = call.caller;
    answered(caller, run_one(std::move(call), actor));
  }
  return {};
}

Result<Checkpoint> KeptState::checkpoint_of(const HostedActor& actor) const {
  Checkpoint checkpoint;
  if (std::string why = actor.checkpoint(checkpoint.state); !why.empty())
    return Error{Fault::task_failed, "checkpoint(): " + why};
  for (const auto& [id, caller] : callers_) checkpoint.callers.push_back(caller);
  return checkpoint;
}

Result<void> KeptState::write_checkpoint(HostedActor& actor) {
  calls_since_ = 0;
  due_ = Clock::time_point::max();
  const auto checkpoint = checkpoint_of(actor);
  if (!checkpoint) return checkpoint.error();
  auto written = folder_.begin(*checkpoint, is_logged());
  if (!written && written.error().fault == Fault::unavailable) {
    if (!std::exchange(told_, true))
      std::fprintf(stderr, "troupe: actor '%s': no checkpoint: %s\n", name_.c_str(), written.error().message.c_str());
    return {};
  }
  told_ = false;
  return written;
}

std::size_t bytes_of(const message::Call& call) {
  std::size_t bytes = sizeof call + call.method.size();
  for (const Bytes& argument : call.arguments) bytes += argument.size();
  return bytes;
}

}  // namespace troupe
