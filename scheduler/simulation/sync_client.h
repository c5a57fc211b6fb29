// A client of locks, semaphores, barriers and queues, which keeps the protocol of a session: it asks again until it is
// answered, renews what it holds, and claims it again from a scheduler of a new epoch.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "scheduler/simulation/world.h"

namespace troupe::scheduler::sim {

class SyncClientHost {
 public:
  /// `rounds` at a barrier that it shares with the other one that has them.
  SyncClientHost(World& world, DriverId id, int steps, int rounds);

  void start();
  void die();
  bool is_gone() const { return is_gone_; }
  void take(std::uint32_t epoch, const Effect& effect);

 private:
  struct Open {
    sync::Operation operation;
    std::uint64_t round = 0;
  };
  struct Held {
    sync::Operation operation;  // Acquire or Receive.
    std::uint64_t message = 0;
    Time lease{};
  };

  void act();
  sync::Operation draw();
  void ask(sync::Operation operation);
  void send(std::uint64_t number);
  void ask_again();
  void renew();
  void finish(sync::Token token);
  void take(const sync::Answer& answer);
  void hold(const sync::Operation& operation, const sync::Answer& answer);
  void start_over();
  void to_scheduler(const Event& event);
  /// Does it later, unless the client has died since.
  void later(Time delay, std::function<void()> what);

  World& world_;
  DriverId id_;
  Dice dice_;
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
