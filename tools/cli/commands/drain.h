// `troupe drain`: a node takes no new work.
#pragma once

#include <string>

namespace troupe::cli {

struct DrainCommand {
  std::string cluster;
  std::string node;      ///< Its name, or its id.
  bool undo = false;     ///< It takes work again.
  bool no_wait = false;  ///< Otherwise until it runs nothing any more.
  bool json = false;
  bool quiet = false;
};
int drain_command(const DrainCommand& command);

}  // namespace troupe::cli
