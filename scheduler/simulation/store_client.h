// A scheduler's end of the store: the real protocol (fenced_writer.h) over a connection that delays, loses and breaks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/simulation/dice.h"
#include "scheduler/store/fenced_writer.h"

namespace troupe::scheduler::sim {

struct World;

class StoreClient {
 public:
  /// What the scheduler's process is told.
  struct Owner {
    std::function<void(StoredState&&)> opened;
    std::function<void(std::uint64_t commit_seq)> committed;
    std::function<void(const std::string& why)> lost;  ///< Fenced, refused or given up: it must exit.
  };
  StoreClient(World& world, std::uint32_t scheduler, Owner owner);

  void open();
  /// Requires: opened, and no commit in flight.
  void commit(Batch batch);
  /// The process is gone, and what it was told with it.
  void close();
  /// It does not read what the store answers until it goes on.
  void pause(bool is_paused) { is_paused_ = is_paused; }
  /// Nothing passes between it and the store until then.
  void cut(Time until);

 private:
  struct Opening {
    std::vector<OpeningStep> steps;
    std::size_t next = 0;
    StoreAge age;
    StoredState state;
    Time give_up_at{};
  };

  bool reaches_store() const;
  Time draw_delay();
  /// Goes on at the store after a delay, and then here after another; either is lost with the connection.
  template <class There, class Here>
  void ask(There there, Here here);
  void connect();
  template <class What>
  void when_awake(What what);
  void disconnect();
  void try_again();
  void next_step();
  void pump();
  void send_batch();
  void take(const std::optional<CommitOutcome>& outcome);
  void lose(const std::string& why);

  World& world_;
  const std::uint32_t scheduler_;
  const Owner owner_;
  Dice dice_;
  std::uint64_t life_ = 0;        // of the process
  std::uint64_t connection_ = 0;  // 0: none
  Time cut_until_{0};
  bool is_paused_ = false;
  std::optional<Opening> opening_;
  std::optional<FencedWriter> writer_;
  std::shared_ptr<const Batch> batch_;
  std::uint64_t commits_ = 0;
};

}  // namespace troupe::scheduler::sim
