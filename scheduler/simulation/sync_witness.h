// What is watched of locks, semaphores, barriers and queues, from outside the scheduler and after every event.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "scheduler/core/scheduler.h"
#include "scheduler/simulation/witness.h"

namespace troupe::scheduler::sim {

class SyncWitness {
 public:
  explicit SyncWitness(Witness& witness) : witness_(witness) {}

  /// A scheduler starts from these queues.
  void scheduler_started(const StoredQueues& queues);
  void saw(const Event& event, const Effects& effects, const Scheduler& scheduler);
  /// An effect goes out, after the commit of what it follows.
  void sent(const Effect& effect);
  /// A holder writes to a thing that looks at tokens.
  void used(const std::string& lock, sync::Token token, DriverId by);
  /// From now on what it held may be taken from it.
  void client_is_gone(DriverId client) { gone_.insert(client); }
  /// Nobody asks for anything any more.
  void check_the_end(const Scheduler& scheduler);

 private:
  using Asked = std::pair<DriverId, std::uint64_t>;

  void check_grant(const Asked& asked, const sync::Operation& operation, const sync::Answer& answer);
  void check_delivery(const sync::Receive& receive, const sync::Answer& answer);
  void check_messages(const StoredQueues& queues, bool only_durable);

  Witness& witness_;
  std::set<DriverId> gone_;
  std::map<Asked, sync::Operation> asked_;
  std::map<Asked, sync::Token> granted_;                                  // In this epoch.
  std::map<sync::Token, DriverId> holder_of_;                             // Ever.
  std::map<std::pair<sync::Kind, std::string>, sync::Token> last_token_;  // Ever.
  std::map<std::string, sync::Token> last_write_;
  std::map<std::string, std::uint64_t> last_first_delivery_;                    // In this epoch, by queue.
  std::map<std::string, std::uint64_t> number_of_;                              // In this epoch, by body.
  std::map<sync::Token, std::pair<std::string, std::string>> delivered_;        // Queue and body.
  std::set<std::pair<std::string, std::string>> accepted_;                      // Told to be in the queue.
  std::set<std::pair<std::string, std::string>> acknowledged_;                  // At least asked for.
  std::map<std::pair<std::string, std::uint64_t>, std::set<DriverId>> passed_;  // Barrier and round.
};

}  // namespace troupe::scheduler::sim
