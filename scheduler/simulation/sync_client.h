// A client of locks, semaphores, barriers and queues, which keeps the protocol of a session: it asks again until it is
// answered, renews what it holds, and claims it again from a scheduler of a new epoch.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "runtime/base/synchronisation.h"
#include "scheduler/simulation/dice.h"
#include "scheduler/simulation/network.h"

namespace troupe::scheduler::sim {

struct World;

class SyncClientHost {
 public:
  SyncClientHost(World& world, std::uint32_t number);

  /// Besides its steps it sends a message just before each crash of a scheduler or the store: the answer may be lost.
  void start();
  bool is_gone() const { return is_gone_; }
  void print_what_is_open() const;

 private:
  struct Open {
    sync::Operation operation;
    std::uint64_t round = 0;
  };
  struct Held {
    sync::Operation operation;  // Acquire or Receive.
    std::uint64_t message = 0;
  };

  void die();
  void begin();
  void join();
  void take(Letter&& letter);
  void act();
  sync::Operation draw();
  sync::Operation message_to(const std::string& queue) const;
  void ask(sync::Operation operation);
  void send(std::uint64_t number);
  void ask_again();
  void renumber_sends();
  void renew();
  void finish(sync::Token token);
  void take(const sync::Answer& answer);
  void hold(const sync::Operation& operation, const sync::Answer& answer);
  void start_over();
  void to_scheduler(message::Message&& message);
  /// As long as in a world whose nodes are given up after a second.
  Time scaled(Time time) const;
  /// Does it later, unless the client has died since.
  void later(Time delay, std::function<void()> what);

  World& world_;
  const ClientPlan& plan_;
  const DriverId id_;
  const Time lease_;
  Dice dice_;
  Dice sudden_dice_;
  int steps_;
  int rounds_;
  bool is_gone_ = false;
  std::uint32_t epoch_ = 0;
  std::uint64_t last_ = 0;
  std::uint64_t awaited_ = 0;  // The request that the next step waits for.
  std::map<std::uint64_t, Open> open_;
  std::map<sync::Token, Held> held_;
  std::uint64_t passed_ = 0;
};

}  // namespace troupe::scheduler::sim
