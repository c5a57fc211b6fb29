// `troupe barrier NAME --parties N`: waits until N commands have come to the barrier.
#pragma once

#include <cstdint>
#include <string>

namespace troupe::cli {

struct BarrierCommand {
  std::string name;
  std::uint32_t parties = 0;
  std::string limit;    ///< Empty: as long as it takes.
  std::string cluster;  ///< See choose_cluster.
  bool json = false;
};

/// The exit code of the process: 1 if not all came within the limit.
int barrier_command(const BarrierCommand& command);

}  // namespace troupe::cli
