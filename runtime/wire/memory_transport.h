// The transport without a network: queues in one process, for tests.
#pragma once

#include <memory>

#include "runtime/wire/transport.h"

namespace troupe {

/// Ends that listen and connect here find each other by address. Must outlive its transports.
///
/// Threads: its transports may live on different threads.
class MemoryNetwork {
 public:
  MemoryNetwork();
  ~MemoryNetwork();

  std::unique_ptr<Transport> make_transport();

 private:
  friend class MemoryTransport;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe
