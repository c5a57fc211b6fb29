// What of an actor is to survive a restart (RestartMode): which calls are in its state, the folder where that is kept,
// and when it is written there.
//
// Checkpoint: calls run as ever; now and then the state is written. Logged: the calls that lie ready are written as one
// batch, synced once, then run and answered. The answers to each caller's last calls are kept with the state, for a
// caller that did not get them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/wire/messages.h"
#include "runtime/worker/hosted_actor.h"
#include "runtime/worker/mailbox.h"
#include "runtime/worker/state_folder.h"

namespace troupe {

/// Roughly what it takes in memory.
std::size_t bytes_of(const message::Call& call);

/// Threads: one at a time.
class KeptState {
 public:
  using Clock = std::chrono::steady_clock;
  /// Callers that are remembered: where there are more, those that called longest ago are not.
  static constexpr std::size_t most_callers = 4096;

  /// Takes the folder over and brings the actor, which was just made, to the state that is kept there.
  ///
  /// `folder`: for actors whose rule names none; empty: there is none. Requires: the order's actor has a rule.
  /// Fails with: unsupported (it has no hooks), unavailable, refused, corrupt, task_failed (a hook threw).
  static Result<KeptState> open(const RunOrder& order, const std::string& folder, HostedActor& actor);

  bool is_logged() const { return rule_.mode == RestartMode::logged; }
  const std::map<std::uint64_t, KeptCaller>& callers() const { return callers_; }
  /// To a caller's number 0: which of its calls are in the state, or that this is not remembered. It hands over the
  /// number of its next one: those before that which will not come again are not waited for.
  message::CallAnswer tell_what_is_kept(const message::Call& asked, Mailbox& mailbox) const;
  /// None: its caller has it, or it has not run, and will be answered then.
  std::optional<message::CallAnswer> answer_again(std::uint64_t caller, std::uint64_t number) const;

  /// A call was run: it is in the state. With RestartMode::checkpoint.
  void note(const message::Call& call);

  using Answered = std::function<void(std::uint64_t caller, const message::CallAnswer& answer)>;
  /// Writes the calls to disk, then runs and answers them; takes their arguments. Fails with: unavailable, refused:
  /// none of them is run, and none will be.
  Result<void> run(std::vector<message::Call>& calls, HostedActor& actor, const Answered& answered);

  /// When a checkpoint is due, at the latest.
  Clock::time_point due() const { return due_; }
  /// Writes one. A disk that refuses is told on stderr: the one before it stays, and another try is made when the next
  /// is due.
  ///
  /// Fails with: task_failed (the hook threw), refused (a later attempt took over).
  Result<void> write_checkpoint(HostedActor& actor);

 private:
  KeptState(const RunOrder& order, StateFolder folder);

  Result<void> restore(HostedActor& actor);
  Result<Checkpoint> checkpoint_of(const HostedActor& actor) const;
  void replay(std::vector<LoggedCall> calls, HostedActor& actor);
  message::CallAnswer run_one(LoggedCall call, HostedActor& actor);
  std::uint64_t last_of(std::uint64_t caller) const;
  KeptCaller& count(std::uint64_t caller, std::uint64_t number);

  const RestartRule rule_;
  const std::string name_;
  const TaskId task_;
  const AttemptId attempt_;
  StateFolder folder_;
  std::map<std::uint64_t, KeptCaller> callers_;
  std::uint64_t turns_ = 0;
  std::uint32_t calls_since_ = 0;  // The last checkpoint.
  Clock::time_point due_ = Clock::time_point::max();
  bool has_hooks_ = false;
  bool told_ = false;  // That the disk refuses.
};

}  // namespace troupe
