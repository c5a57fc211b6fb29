#include "tools/cli/commands/barrier.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/connection.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/json_line.h"
#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {

int barrier_command(const BarrierCommand& command) {
  const auto fail = [](const std::string& message, int code) {
    complain("barrier", message);
    return code;
  };
  const auto limit = command.limit.empty() ? sync::for_ever : parse_duration(command.limit);
  if (!limit) return fail("--limit: found '" + command.limit + "', expected " + expected_duration, exit_bad_input);
  auto session = connect_to_cluster(command.cluster);
  if (!session) return fail(session.error().message, exit_code_of(session.error()));
  const auto round = session->barrier(command.name, command.parties).arrive_and_wait(*limit);
  if (!round) return fail(round.error().message, exit_code_of_answer(round.error()));
  if (command.json) {
    const nlohmann::json line{{"barrier", command.name}, {"parties", command.parties}, {"round", *round}};
    std::printf("%s\n", json_line(line).c_str());
  }
  return exit_done;
}

}  // namespace troupe::cli
