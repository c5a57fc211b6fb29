#include "runtime/worker/neighbours.h"

#include <catch2/catch.hpp>

#include "runtime/wire/memory_transport.h"

using namespace troupe;
using namespace std::chrono_literals;

TEST_CASE("a worker keeps its connection to another as long as it is used", "[worker]") {
  MemoryNetwork network;
  const auto other = network.make_transport();
  REQUIRE(other->listen("other"));
  const auto transport = network.make_transport();
  Neighbours neighbours(*transport);
  const Neighbours::Time start{};
  const auto first = neighbours.at({"other", "elsewhere", "other"}, start);
  REQUIRE(first.size() == 2);
  CHECK(first[0] != first[1]);
  CHECK(neighbours.at({"other"}, start + 8s).front() == first[0]);
  neighbours.look_after(start + 12s);
  CHECK(neighbours.at({"other"}, start + 12s).front() == first[0]);
  CHECK(neighbours.at({"elsewhere"}, start + 12s).front() != first[1]);
  transport->send(first[0], "still there");
  const auto arrived = other->receive(std::chrono::steady_clock::now() + 20s);
  REQUIRE(arrived.size() == 1);
  CHECK(arrived.front().frame == "still there");
}
