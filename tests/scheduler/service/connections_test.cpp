#include "scheduler/service/connections.h"

#include <set>
#include <vector>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::scheduler;

namespace {

constexpr Time second{1000};
constexpr Connections::Limits limits{.most_nodes = 4, .most_drivers = 4, .longest_silence = 20 * second};

/// The time passes, and nobody is heard.
void pass(Connections& connections, Time from, Time to) {
  for (Time now = from; now <= to; now += second) connections.forget_silent(now);
}

}  // namespace

TEST_CASE("whoever falls silent is forgotten, and who comes and goes leaves nothing behind", "[service]") {
  Connections connections(limits);
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    const Time now = 30 * second * static_cast<int>(i);
    pass(connections, now - 30 * second, now);
    connections.heard(DriverId{i}, PeerId{2 * i}, now);
    connections.heard(NodeId{i}, PeerId{2 * i + 1}, now);
    REQUIRE(connections.size() == 3);
    REQUIRE(connections.peer_of(DriverId{i})->value == 2 * i);
    REQUIRE(connections.peer_of(NodeId{i})->value == 2 * i + 1);
    REQUIRE(connections.peer_of(NodeId{i - 1}) == nullptr);
  }
  connections.left(PeerId{2000});
  CHECK(connections.peer_of(DriverId{1000}) == nullptr);
  CHECK_FALSE(connections.driver_at(PeerId{2000}));
}

TEST_CASE("of those who are heard nobody is forgotten, and beyond the most nobody else is known", "[service]") {
  Connections connections(limits);
  for (Time now{}; now < 1000 * second; now += second) {
    for (std::uint64_t i = 1; i <= 6; ++i) connections.heard(NodeId{i}, PeerId{i}, now);
    connections.forget_silent(now);
  }
  CHECK(connections.size() == 4);
  CHECK(connections.peer_of(NodeId{4}) != nullptr);
  CHECK(connections.peer_of(NodeId{5}) == nullptr);
}

TEST_CASE("a driver whose connection is gone has left, unless he comes by another", "[service]") {
  Connections connections(limits);
  std::set<std::uint64_t> gone;
  const auto take = [&](Time now) {
    return connections.take_gone(now, second, [&](PeerId peer) { return gone.contains(peer.value); });
  };
  for (const std::uint64_t i : {1, 2, 3}) connections.heard(DriverId{i}, PeerId{i}, 0 * second);
  CHECK(take(1 * second).empty());
  gone = {1, 2};
  CHECK(take(1 * second).empty());  // He was heard a moment ago.
  connections.heard(DriverId{2}, PeerId{4}, 2 * second);
  CHECK(take(2 * second) == std::vector{DriverId{1}});
  CHECK(connections.peer_of(DriverId{1}) == nullptr);
  gone = {1, 2, 3};
  CHECK(take(9 * second).empty());  // It was stopped itself.
  CHECK(take(10 * second) == std::vector{DriverId{3}});
  CHECK(connections.peer_of(DriverId{2})->value == 4);
}

TEST_CASE("what a driver sent by an earlier connection is still his when he has come by another", "[service]") {
  Connections connections(limits);
  connections.heard(DriverId{7}, PeerId{1}, 0 * second);
  connections.heard(DriverId{7}, PeerId{2}, 1 * second);
  CHECK(connections.peer_of(DriverId{7})->value == 2);
  CHECK(connections.driver_at(PeerId{1}) == DriverId{7});
  connections.heard(DriverId{7}, PeerId{2}, 25 * second);
  pass(connections, 1 * second, 30 * second);
  CHECK_FALSE(connections.driver_at(PeerId{1}));
  CHECK(connections.driver_at(PeerId{2}) == DriverId{7});
}

TEST_CASE("who was stopped himself forgets nobody before he has read what they said meanwhile", "[service]") {
  Connections connections(limits);
  pass(connections, 0 * second, 60 * second);
  connections.heard(NodeId{1}, PeerId{1}, 60 * second);
  connections.forget_silent(200 * second);
  CHECK(connections.peer_of(NodeId{1}) != nullptr);
  pass(connections, 201 * second, 230 * second);
  CHECK(connections.peer_of(NodeId{1}) == nullptr);
}
