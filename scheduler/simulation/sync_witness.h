// What is watched of locks, semaphores, barriers and queues, from outside the schedulers and after every event.
//
// Two schedulers may be active at once, one of them without knowing that its epoch is over: it grants what the other
// grants, too, under lower tokens, for which the tokens are there. So what a scheduler says is held against what it has
// said itself; against all that was said: tokens, what is written under them, and what durable queues have accepted.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/scheduler.h"
#include "scheduler/simulation/witness.h"

namespace troupe::scheduler::sim {

class SyncWitness {
 public:
  explicit SyncWitness(Witness& witness) : witness_(witness) {}

  /// The scheduler of this number starts from these queues. `has_the_epoch`: no other has taken a later one meanwhile.
  void scheduler_started(std::uint32_t number, std::uint32_t epoch, const StoredQueues& queues, bool has_the_epoch);
  void saw(std::uint32_t number, const Event& event, const Effects& effects, const Scheduler& scheduler);
  /// An effect goes out, after the commit of what it follows.
  void sent(std::uint32_t number, const Effect& effect);
  /// A holder writes to a thing that looks at tokens.
  void used(const std::string& lock, sync::Token token, DriverId by);
  /// From now on what it held may be taken from it.
  void client_is_gone(DriverId client) { gone_.insert(client); }
  /// Nobody asks for anything any more.
  void check_the_end(std::uint32_t number, const Scheduler& scheduler);

 private:
  using Asked = std::pair<DriverId, std::uint64_t>;
  using Name = std::pair<sync::Kind, std::string>;
  using Message = std::pair<std::string, std::string>;  // Queue and body.

  /// Of one scheduler, since it started.
  struct View {
    std::uint32_t epoch = 0;
    std::map<Asked, sync::Operation> asked;
    std::map<Asked, sync::Token> granted;
    std::map<Name, sync::Token> last_token;
    std::map<std::string, std::uint64_t> last_first_delivery;  // By queue.
    std::map<std::string, std::uint64_t> number_of;            // By body.
    std::set<Message> accepted;                                // Told to be in a queue that is not durable.
    std::set<std::pair<TaskId, AttemptId>> started;            // Of tasks that hold something while they run.
  };

  void check_grant(View& view, const Asked& asked, const sync::Operation& operation, const sync::Answer& answer);
  void check_number(View& view, const std::string& queue, const Bytes& body, std::uint64_t number);
  void check_delivery(View& view, const sync::Receive& receive, const sync::Answer& answer);
  void check_messages(const StoredQueues& queues, const std::set<Message>& accepted);

  void check_token(View& view, const Name& name, sync::Token token);

  Witness& witness_;
  std::map<TaskId, std::vector<Name>> wanted_by_;  // By tasks, while they run.
  std::set<DriverId> gone_;
  std::map<std::uint32_t, View> views_;        // By the scheduler's number.
  std::map<sync::Token, DriverId> holder_of_;  // Ever.
  std::map<std::string, sync::Token> last_write_;
  std::map<sync::Token, Message> delivered_;
  std::set<Message> accepted_;                                                  // Told to be in a durable queue.
  std::set<Message> acknowledged_;                                              // At least asked for.
  std::map<std::pair<std::string, std::uint64_t>, std::set<DriverId>> passed_;  // Barrier and round.
};

}  // namespace troupe::scheduler::sim
