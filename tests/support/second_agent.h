// Another node of a private cluster.
#pragma once

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "scheduler/local/role_arguments.h"
#include "scheduler/local/role_processes.h"

namespace troupe::test {

/// An agent with one cpu, which ends with this process; its pid. Requires: this process has no other thread.
inline pid_t start_second_agent(const Cluster& cluster) {
  const pid_t second = ::fork();
  REQUIRE(second >= 0);
  if (second != 0) return second;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const scheduler::RoleArguments arguments{"agent",
                                           {{"cluster", to_text(cluster.id())},
                                            {"directory", cluster.directory()},
                                            {"agent", cluster.directory() + "/second.sock"},
                                            {"name", "second"},
                                            {"member", ""},
                                            {"object_bytes", "0"},
                                            {"logs", cluster.directory() + "/store/logs"}}};
  ::_exit(scheduler::run_agent_role(arguments, {.cpus = 1000}, {NodeId{random_id()}, 1}, STDERR_FILENO));
}

}  // namespace troupe::test
