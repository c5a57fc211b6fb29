// Locks, semaphores, barriers and message queues as one value: requests and the time go in, answers and what is to be
// saved come out. No I/O, no clock.
//
// What is granted ends when it is given back, when its holder's connection or attempt is gone, or with its lease,
// whichever comes first. After the scheduler was started anew nothing is granted for a grace, in which clients claim
// again what they hold: nothing of it is written anywhere but the messages of durable queues.
//
// Invariants: invariants.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/planted.h"
#include "runtime/base/synchronisation.h"
#include "runtime/base/task_spec.h"
#include "scheduler/sync/barriers.h"
#include "scheduler/sync/claims.h"
#include "scheduler/sync/kept_answers.h"
#include "scheduler/sync/permits.h"
#include "scheduler/sync/queues.h"
#include "scheduler/sync/records.h"

namespace troupe::scheduler {

struct SyncSettings {
  /// How long a scheduler that was started anew waits for claims from before. No less than a usual lease.
  SyncTime grace{5000};
  std::size_t most_names = 10'000;      ///< Of each kind.
  std::size_t most_claims = 1'000'000;  ///< Those that wait, and those that hold.
  std::size_t most_body_bytes = sync::most_body_bytes;
  std::size_t most_queued_bytes = 512u << 20;  ///< In all queues.
  Planted planted = Planted::none;             ///< For tests of the simulator only.
};

class Synchronisation {
 public:
  /// Of a lock or a semaphore.
  using PermitName = std::pair<sync::Kind, std::string>;

  struct Output {
    std::vector<std::pair<DriverId, sync::Answer>> answers;
    std::vector<std::variant<SaveQueue, SaveMessage>> saves;
    std::set<PermitName> freed;  ///< Locks and semaphores that tasks may take.
    bool is_grace_over = false;  ///< All of them.
  };

  /// `epoch` 1 is the first scheduler: there is nobody to wait for.
  Synchronisation(SyncSettings settings, std::uint32_t epoch, const StoredQueues& stored, SyncTime now);

  /// Carries out each request that has not been before. `makes_durable`: what it creates outlives the scheduler.
  /// Requires: holder.client is set.
  void take(SyncTime now, const Holder& holder, const std::vector<sync::Request>& requests,
            std::uint64_t confirmed_below, bool makes_durable);
  void client_left(SyncTime now, DriverId client);
  /// Frees what was held for the attempt: what its clients took, and what take_all did.
  void attempt_over(SyncTime now, TaskId task, AttemptId attempt);
  /// Lets run out what has run out.
  void tick(SyncTime now);
  /// Nothing was heard before: those who may hold something have from now on to say so.
  void count_from(SyncTime now) {
    if (is_in_grace_) grants_from_ = now + settings_.grace;
  }
  /// The scheduler itself was stopped: nobody could renew anything. All leases and waits last this long at least.
  void spare_until(SyncTime at) { spared_until_ = at; }

  /// Tasks wait for it: from now on they stand in its line, as one. When it is their turn, a permit is theirs until the
  /// turn is over, whichever of them takes it, under the token with which they stood there: so later grants have higher
  /// ones. One that wants several things has one token for all, and no turn: it waits until nobody stands in line. If
  /// none has taken it then, the next in line has it. In the grace they do not stand in line: what is held is not
  /// known.
  void queue_tasks(const PermitName& name, std::uint32_t capacity);
  /// Whether some task could take it now.
  bool is_free_for_tasks(const PermitName& name) const;
  /// None waits for it any more.
  void unqueue_tasks(const PermitName& name);
  /// Names of which it is the tasks' turn.
  bool is_turn_of_tasks() const { return !turns_of_tasks_.empty(); }
  bool is_turn_of_tasks(const PermitName& name) const { return turns_of_tasks_.contains(name); }
  void end_turns_of_tasks();

  /// Whether the task could hold all of its locks and semaphores now.
  bool can_take_all(const TaskSpec& spec) const { return !first_lacking(spec); }
  /// One that it could not; while nothing is granted, its first.
  std::optional<PermitName> first_lacking(const TaskSpec& spec) const;
  /// Takes them, all in one step, until attempt_over. Requires: can_take_all. 0: it asks for none.
  sync::Token take_all(const TaskSpec& spec, AttemptId attempt);
  /// Whether nobody else has what an attempt holds that an earlier scheduler started.
  bool may_take_again(const TaskSpec& spec) const;
  /// Takes that. Requires: may_take_again, or nothing has been granted yet.
  void take_again(const TaskSpec& spec, AttemptId attempt);
  /// The token that an attempt was given; 0: none.
  sync::Token token_of(TaskId task, AttemptId attempt) const;
  /// What can_take_all lacks, as in `lock 'a' is held`; empty if nothing.
  std::string why_not(const TaskSpec& spec) const;

  /// When the next tick is due.
  std::optional<SyncTime> next_timer() const;
  /// What came of all this since the last call.
  Output take_output() { return std::exchange(out_, {}); }

  const Claims& claims() const { return claims_; }
  const Permits& locks() const { return locks_; }
  const Permits& semaphores() const { return semaphores_; }
  const Barriers& barriers() const { return barriers_; }
  const Queues& queues() const { return queues_; }
  /// Whether grants wait for claims from before.
  bool is_in_grace() const { return is_in_grace_; }

 private:
  struct Asked {
    const Holder& holder;
    std::uint64_t request;
    bool makes_durable;
  };

  // --- requests.cpp
  void carry_out(const Asked& asked, const sync::Operation& operation);
  void on(const Asked& asked, const sync::Acquire& acquire);
  void on(const Asked& asked, const sync::Release& release);
  void on(const Asked& asked, const sync::Renew& renew);
  void on(const Asked& asked, const sync::Arrive& arrive);
  void on(const Asked& asked, const sync::Recall& recall);
  void on(const Asked& asked, const sync::OpenQueue& open);
  void on(const Asked& asked, const sync::Send& send);
  void on(const Asked& asked, const sync::Receive& receive);
  void on(const Asked& asked, const sync::Acknowledge& acknowledge);
  void on(const Asked& asked, const sync::GiveUp& give_up);
  void claim_again(const Asked& asked, const sync::Acquire& acquire);
  void claim_again(const Asked& asked, const sync::Receive& receive);
  std::string flaw_of_name(sync::Kind kind, const std::string& name) const;
  Claim claim_of(const Asked& asked, sync::Kind kind, const std::string& name, sync::Duration patience,
                 sync::Duration lease) const;
  Queues::Queue& make_queue(const std::string& name, sync::QueueOptions options, bool makes_durable);
  bool may_end(const Asked& asked, const Claim& claim) const;
  void answer(const Asked& asked, sync::Outcome outcome, sync::Token token = 0);
  void refuse(const Asked& asked, std::string why);

  // --- synchronisation.cpp
  Permits& permits_of(sync::Kind kind) { return kind == sync::Kind::lock ? locks_ : semaphores_; }
  const Permits& permits_of(sync::Kind kind) const { return kind == sync::Kind::lock ? locks_ : semaphores_; }
  /// Tells again where an open request stands.
  void answer_again(sync::Token token);
  sync::Answer answer_of(sync::Token token) const;
  /// Grants what can be granted.
  void serve(sync::Kind kind, const std::string& name);
  void serve_permits(sync::Kind kind, const std::string& name);
  void take_tasks_off_line(const PermitName& name);
  bool may_task_take(const TaskSpec& spec, sync::Kind kind, const std::string& name, std::uint32_t capacity) const;
  void serve_line(const std::string& line);
  void grant(sync::Token token);
  void pass(const std::vector<sync::Token>& arrived);
  enum class Ending { given_back, lost, acknowledged };
  /// A claim is over, whether it waited or held.
  void end(sync::Token token, Ending how);
  void end_delivery(const Claim& claim, Ending how);
  void forget_if_unused(const std::string& queue);
  void save(const std::string& queue, std::uint64_t number, const StoredMessage* message);
  void send_answer(DriverId client, sync::Answer answer);

  SyncSettings settings_;
  SyncTime now_;
  SyncTime grants_from_;
  bool is_in_grace_;  // Until the first tick after it.
  SyncTime spared_until_{};
  Claims claims_;
  Permits locks_;
  Permits semaphores_;
  std::map<PermitName, sync::Token> tasks_in_line_;   // Their one claim to each; never held.
  std::map<PermitName, sync::Token> turns_of_tasks_;  // The token that is theirs; 0: it is taken.
  Barriers barriers_;
  Queues queues_;
  KeptAnswers kept_;
  /// Of messages that the store had: their senders may ask again.
  std::set<std::pair<DriverId, std::uint64_t>> sent_before_;
  sync::Token lost_last_ = 0;
  Output out_;
};

}  // namespace troupe::scheduler
