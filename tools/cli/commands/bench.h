// `troupe bench`: measurements that a stranger can run again. Each suite says on stderr what it runs and where.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/api/catalog.h"

namespace troupe::cli {

struct BenchCommand {
  std::vector<std::string> suites;  ///< Empty: all.
  std::vector<std::string> only;    ///< Empty: all measurements.
  std::uint32_t callers = 2;  ///< Of actors, in the measurements with many; who submits, in those with many clients.
  std::uint32_t actors = 2;   ///< That they call.
  bool json = false;
};

/// The tasks that the suites run.
void enroll_bench(Catalog& catalog);

/// The exit code of the process.
int bench_command(const BenchCommand& command);

}  // namespace troupe::cli
