// `troupe sim`: runs the scheduler's simulator over many seeds, hunts planted bugs, replays what failed.
#pragma once

#include <cstddef>
#include <string>

namespace troupe::cli {

struct SimCommand {
  std::string seeds = "1..1000";  ///< `A..B`, or one.
  std::string planted;            ///< A planted bug, or `all`; empty: the product as it is.
  std::size_t nodes = 0;          ///< In every world; 0: drawn.
  std::string schedule;           ///< A file with a scenario: runs it instead of seeds.
  bool shrink = false;            ///< Makes each failure small, and writes it to a file.
  bool trace = false;             ///< Prints every event with what follows from it.
  bool json = false;
};

/// The exit code of the process: 1 when an invariant broke, or a planted bug was not found.
int sim_command(const SimCommand& command);

}  // namespace troupe::cli
