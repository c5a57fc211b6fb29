// `troupe lock NAME -- CMD`, `troupe semaphore NAME -- CMD`: runs a command while a lock, or permits, are held.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::cli {

struct LockCommand {
  std::string name;
  std::vector<std::string> argv;  ///< What stands behind `--`.
  bool is_semaphore = false;
  std::uint32_t take = 1;     ///< Of a semaphore's permits.
  std::uint32_t permits = 1;  ///< That the semaphore has.
  std::string lease;          ///< As it was written; empty: 5s.
  std::string limit;          ///< How long to wait for it; empty: as long as it takes.
  std::string cluster;        ///< See choose_cluster.
  bool quiet = false;
};

/// The exit code of the process: the command's own, 128 + N if signal N ended it.
int lock_command(const LockCommand& command);

}  // namespace troupe::cli
