// An operator: drains nodes and lets them take work again, as planned, and asks until it is answered. When the faults
// are over it asks once more for all that it wants, as one does who looks at what a store has lost meanwhile.
#pragma once

#include <cstdint>
#include <map>

#include "scheduler/simulation/network.h"

namespace troupe::scheduler::sim {

struct World;

class OperatorHost {
 public:
  explicit OperatorHost(World& world);

  void start();
  DriverId id() const { return id_; }
  bool is_gone() const { return is_gone_; }
  void print_what_is_open() const;

 private:
  struct Wish {
    bool drains = false;
    bool is_met = false;
    std::uint64_t request = 0;  // under way; 0: none
    bool asked = false;         // by it
  };

  void want(std::uint32_t node, bool drains);
  void beat();
  void take(Letter&& letter);
  void leave_when_done();
  void to_schedulers(message::Message&& message);

  World& world_;
  const DriverId id_;
  bool is_gone_ = false;
  bool has_looked_again_ = false;
  std::uint32_t epoch_ = 0;
  std::uint64_t last_request_ = 0;
  std::map<std::uint32_t, Wish> wishes_;  // by node
};

}  // namespace troupe::scheduler::sim
