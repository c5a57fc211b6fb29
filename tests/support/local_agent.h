// The node of a cluster that a test has started: its process, and what its object store keeps.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/objects/object_client.h"
#include "scheduler/local/cluster.h"

namespace troupe::test {

/// The process of the cluster's node, by its name.
inline pid_t agent_of(const Cluster& cluster) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string name;
    std::getline(std::ifstream(entry.path() / "comm"), name);
    if (name != "agent") continue;
    std::string line;
    std::getline(std::ifstream(entry.path() / "cmdline"), line);
    if (line.find(cluster.directory()) != std::string::npos) return std::stoi(entry.path().filename());
  }
  return -1;
}

/// Its supervisor starts another.
inline void kill_agent(const Cluster& cluster) {
  const pid_t agent = agent_of(cluster);
  REQUIRE(agent > 0);
  REQUIRE(::kill(agent, SIGKILL) == 0);
}

/// What the store of the cluster's node keeps.
inline std::vector<ObjectSummary> stored_objects(const Cluster& cluster) {
  for (const auto& entry : std::filesystem::directory_iterator(cluster.directory())) {
    if (entry.path().extension() != ".objects") continue;
    auto objects = ObjectClient({}).list(entry.path());
    REQUIRE(objects);
    return std::move(*objects);
  }
  FAIL("the cluster's node has no object store");
  return {};
}

}  // namespace troupe::test
