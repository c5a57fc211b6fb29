#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"

TEST_CASE("a program that forgot play_role starts no cluster, and is told", "[local]") {
  const auto cluster = troupe::Cluster::try_local({});
  REQUIRE_FALSE(cluster);
  CHECK(cluster.error().message.find("play_role") != std::string::npos);
}

TEST_CASE("nor does it connect to one", "[local]") {
  const auto cluster = troupe::Cluster::try_connect("");
  REQUIRE_FALSE(cluster);
  CHECK(cluster.error().message.find("play_role") != std::string::npos);
}
