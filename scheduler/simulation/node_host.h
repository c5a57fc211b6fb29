// An agent's process with its workers and commands: the real core, the rest of its shell is played.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "runtime/agent/agent_messages.h"
#include "runtime/worker/order_book.h"
#include "scheduler/simulation/dice.h"
#include "scheduler/simulation/network.h"

namespace troupe::scheduler::sim {

struct World;

class NodeHost {
 public:
  NodeHost(World& world, std::uint32_t number);

  void start();
  void crash();
  /// Dies for good.
  void leave();
  bool is_gone() const { return is_gone_; }
  bool is_up() const { return core_ != nullptr; }
  const AgentCore* core() const { return core_.get(); }

 private:
  void take_letter(Letter&& letter);
  void take(const agent::Event& event);
  void act(agent::Effect&& effect);
  void start_worker(agent::WorkerNumber worker);
  void gives_sign_of_life(agent::WorkerNumber worker);
  /// Whether the next one to be asked about does.
  bool falls_silent();
  /// It is there, and not stopped.
  bool goes_on(agent::WorkerNumber worker) const;
  void tell(agent::WorkerNumber worker, std::function<void()> what);
  void give(const agent::GiveOrder& given);
  void take_back(const agent::TakeBack& asked);
  void pass(agent::WorkerNumber to, TaskId task, AttemptId attempt);
  void give_up_later(agent::WorkerNumber worker);
  /// What it was given first, when what that awaits is there.
  void begin(agent::WorkerNumber worker);
  void run_in(agent::WorkerNumber worker, const RunOrder& order);
  void ends(agent::WorkerNumber worker, TaskId task, AttemptId attempt);
  /// Until what its task waits for has ended.
  void wait_in(agent::WorkerNumber worker, TaskId task, AttemptId attempt);
  void reports(agent::WorkerNumber worker, AttemptReport report);
  void say(agent::WorkerNumber worker, agent::Event what);
  void run_command(const RunOrder& order);
  void kill(agent::WorkerNumber worker, bool at_once);
  /// A worker hosts it that is there, and not stopped.
  bool is_hosted(agent::WorkerNumber worker, TaskId task, AttemptId attempt) const;
  /// Told to end by itself: most do.
  void end_sharer(agent::WorkerNumber worker, TaskId task, AttemptId attempt);
  /// It dies under the code of the actor that shares it, if any is given.
  void worker_exits(agent::WorkerNumber worker, Cause cause, std::optional<std::uint64_t> blamed = {});
  void check_sharers(const std::map<std::pair<TaskId, AttemptId>, std::uint64_t>& sharers,
                     std::optional<std::uint64_t> blamed);
  void command_exits(TaskId task, AttemptId attempt, AttemptEnd end, Cause cause);
  Milli cpus_in_use() const;
  void check_use(bool starts);
  /// Does it later, unless the agent has died since.
  template <class What>
  void later(Time delay, What what);
  Time local_now() const;

  World& world_;
  const std::uint32_t number_;
  const int clock_permille_;
  AgentIdentity self_;
  StoreAge remembered_;  // on its disk
  Dice dice_;
  Dice silence_dice_;
  std::unique_ptr<AgentCore> core_;
  struct Worker {
    std::deque<OrderBook::Key> orders;  // the first is under way, or waits
    OrderBook book;
    OrderBook::Key waits_for;
    bool is_under_way = false;
    bool lends = false;                                             // The one that is under way waits.
    std::map<std::pair<TaskId, AttemptId>, std::uint64_t> sharers;  // or the actors that live in it: the order's number
    std::uint64_t begun = 0;
    bool is_stopped = false;                 // for ever
    std::deque<std::function<void()>> told;  // what is on its way to it
    std::deque<agent::Event> said;           // what is on its way to the agent
  };
  std::map<agent::WorkerNumber, Worker> workers_;
  std::set<std::pair<TaskId, AttemptId>> commands_;
  std::map<std::pair<TaskId, AttemptId>, AttemptEnd> ends_;  // Reported since a worker exited last.
  std::optional<Time> wake_;
  std::set<std::pair<TaskId, AttemptId>> lend_;  // As its agent heard.
  // Something was given ahead, or lent its cpus: what the agent then starts or takes back by itself may take the room
  // of an order that is under way.
  bool has_a_line_ = false;
  bool is_gone_ = false;
};

}  // namespace troupe::scheduler::sim
