#include "tools/cli/connection.h"

#include <cstdlib>

#include "scheduler/local/standing.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"

namespace troupe::cli {

Result<Session> connect_to_cluster(const std::string& option) {
  const auto file = need_cluster(option);
  if (!file) return file.error();
  const char* attempt = std::getenv("TROUPE_ATTEMPT_ID");
  return scheduler::connect(*file, attempt_from(attempt == nullptr ? "" : attempt));
}

int exit_code_of_answer(const Error& error) {
  switch (error.fault) {
    case Fault::timed_out:
    case Fault::peer_lost: return exit_work_failed;
    case Fault::refused: return exit_bad_input;
    default: return exit_no_cluster;
  }
}

}  // namespace troupe::cli
