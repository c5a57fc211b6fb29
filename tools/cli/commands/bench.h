// `troupe bench`: measurements that a stranger can run again. Each suite says on stderr what it runs and where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/api/catalog.h"

namespace troupe::cli {

struct BenchCommand {
  std::vector<std::string> suites;       ///< Empty: all.
  std::vector<std::string> only;         ///< Empty: all measurements.
  std::optional<std::uint32_t> callers;  ///< In the measurements with many; none: as each is defined.
  std::optional<std::uint32_t> actors;   ///< That they call; none: as each is defined.
  std::optional<std::uint32_t> window_ms;
  std::optional<std::uint32_t> runs;
  bool list = false;  ///< Names what there is, and measures nothing.
  bool json = false;
  std::string cluster;
};

/// The tasks and actors that the suites run.
void enroll_bench(Catalog& catalog);

std::vector<std::string> bench_suites();

/// The exit code of the process.
int bench_command(const BenchCommand& command);

}  // namespace troupe::cli
