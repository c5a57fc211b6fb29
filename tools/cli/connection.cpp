#include "tools/cli/connection.h"

#include <cstdlib>

#include "scheduler/local/cluster_file.h"
#include "tools/cli/exit_codes.h"

namespace troupe::cli {
namespace {

constexpr std::chrono::milliseconds welcome_limit{10'000};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<Session> connect_to_cluster(const std::string& address) {
  const std::string file = address.empty() ? variable("TROUPE_ADDRESS") : address;
  if (file.empty())
    return Error{Fault::not_found,
                 "no cluster is named: run it inside a task, or name a cluster file by --cluster or TROUPE_ADDRESS"};
  return try_connect(file, welcome_limit, attempt_from(variable("TROUPE_ATTEMPT_ID")));
}

int exit_code_of(const Error& error) {
  switch (error.fault) {
    case Fault::timed_out:
    case Fault::peer_lost: return exit_work_failed;
    case Fault::refused: return exit_bad_input;
    default: return exit_no_cluster;
  }
}

}  // namespace troupe::cli
