// `troupe replay`: an event log, run through the scheduler's core once more.
#pragma once

#include <string>

namespace troupe::cli {

struct ReplayCommand {
  std::string file;
  bool print = false;  ///< Each event and its effects.
  bool json = false;
};
int replay_command(const ReplayCommand& command);

}  // namespace troupe::cli
