// `troupe list graphs|tasks`: what the runs in the state folder hold, one row each, the newest run first.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::cli {

struct ListCommand {
  std::string kind;                  ///< `graphs` or `tasks`.
  std::vector<std::string> filters;  ///< `KEY=VALUE`, all of which must hold.
  std::size_t limit = 100;           ///< Rows.
  bool json = false;
};

/// The exit code of the process.
int list_command(const ListCommand& command);

}  // namespace troupe::cli
