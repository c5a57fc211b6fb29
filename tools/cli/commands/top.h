// `troupe top`: a cluster at work, again and again: in place on a terminal, else one line per interval.
#pragma once

#include <string>

namespace troupe::cli {

struct TopCommand {
  std::string cluster;
  std::string interval;  ///< As in 2s; empty: 1s.
  std::string count;     ///< Looks; empty: until ^C.
  bool json = false;
};

/// The exit code of the process.
int top_command(const TopCommand& command);

}  // namespace troupe::cli
