// Tasks and calls with several results.
#include <chrono>
#include <cstddef>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

using Split = std::tuple<int, std::string, std::vector<double>>;
constexpr Task<Split(int)> split{"results.split"};
constexpr Task<std::tuple<int, int>()> fails{"results.fails"};
constexpr Task<std::tuple<int, int>()> never{"results.never"};
constexpr Task<double()> never_ends{"results.never_ends"};
constexpr Task<double(std::vector<double>)> sum_of{"results.sum_of"};
using Tea = std::tuple<std::map<std::string, int>, std::unordered_map<int, std::string>, std::set<std::string>,
                       std::chrono::seconds, std::vector<std::byte>, std::variant<std::monostate, int>>;
constexpr Task<Tea(std::map<std::string, int>, std::unordered_map<int, std::string>, std::set<std::string>,
                   std::chrono::seconds, std::vector<std::byte>, std::variant<std::monostate, int>)>
    stir{"results.stir"};

class Divider {
 public:
  std::tuple<int, int> divided(int number, int by) const { return {number / by, number % by}; }
};
constexpr ActorType<Divider()> divider{"results.Divider"};
constexpr Method<&Divider::divided> divided{"divided"};

void enroll(Catalog& catalog) {
  catalog.add(split, [](int count) {
    return Split(count, std::to_string(count), std::vector<double>(static_cast<std::size_t>(count), 0.5));
  });
  catalog.add(fails, []() -> std::tuple<int, int> { throw std::runtime_error("not today"); });
  catalog.add(never, []() -> std::tuple<int, int> {
    for (;;) std::this_thread::sleep_for(1h);  // Until its worker is ended.
  });
  catalog.add(never_ends, []() -> double {
    for (;;) std::this_thread::sleep_for(1h);  // Until its worker is ended.
  });
  catalog.add(sum_of,
              [](const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); });
  catalog.add(stir, [](auto... each) { return Tea(each...); });
  catalog.add(divider, divided);
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("each of several results is a value by itself, small or large, there or not yet") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  const int count = GENERATE(4, 1'000'000);
  auto [number, text, values] = session.submit(split, count);
  const auto sum = session.submit(sum_of, values);
  CHECK(session.get(sum) == count / 2.0);
  CHECK(session.get(number) == count);
  CHECK(session.get(text) == std::to_string(count));
  CHECK(session.get(values).size() == static_cast<std::size_t>(count));
  // One that nobody has any more takes nothing from the others.
  text = {};
  CHECK(session.get(session.submit(sum_of, values)) == count / 2.0);
}

TEST_CASE("what a program usually has is handed over as it is") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const std::map<std::string, int> leaves{{"assam", 2}, {"keemun", 3}};
  const std::unordered_map<int, std::string> pots{{1, "small"}, {2, "large"}};
  const std::set<std::string> guests{"Ada", "Kurt"};
  const std::vector<std::byte> label{std::byte{0}, std::byte{255}};
  const std::chrono::seconds time{180};
  const auto [l, p, g, t, b, v] = session.submit(stir, leaves, pots, guests, time, label, std::monostate());
  CHECK(session.get(l) == leaves);
  CHECK(session.get(p) == pots);
  CHECK(session.get(g) == guests);
  CHECK(session.get(t) == time);
  CHECK(session.get(b) == label);
  CHECK(session.get(v).index() == 0);
  CHECK(session.get(Ref<SharedArray<std::byte>>(b))[1] == std::byte{255});
}

TEST_CASE("a driver knows which of many values are there") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const std::vector<double> values(3, 0.5);
  const auto waits = session.submit({.needs = {.cpus = 0}}, never_ends);
  std::vector<Ref<double>> sums{session.submit(sum_of, values), waits, session.submit(sum_of, values)};
  CHECK(session.wait_some(sums, 2) == std::vector<std::size_t>{0, 2});
  CHECK(session.wait_some(sums, 3, 1ms).size() == 2);
  CHECK((session.is_ready(sums[0]) && !session.is_ready(waits) && waits == sums[1] && !(waits == sums[0])));
  CHECK_FALSE(session.failure_of(waits));

  const auto late = session.try_get_all(sums, 1ms);
  REQUIRE_FALSE(late);
  CHECK(late.error().fault == Fault::timed_out);
  session.cancel(waits);
  CHECK(session.try_get_all(sums).error().fault == Fault::cancelled);
  CHECK(session.failure_of(waits)->fault == Fault::cancelled);
  sums.erase(sums.begin() + 1);
  CHECK(session.try_get_all(sums).value() == std::vector<double>{1.5, 1.5});
  // More than there are: all of them.
  CHECK(session.wait_some(sums, 10, 10s) == std::vector<std::size_t>{0, 1});
  CHECK(session.wait(sums, 10, 10s));
  CHECK(session.wait_some(std::vector<Ref<int>>{}, 1, 10s).empty());
  CHECK(session.try_get_all(std::vector<Ref<void>>{}));
  CHECK_THROWS_AS(session.wait(std::vector{Ref<int>()}, 1), std::invalid_argument);
  CHECK_THROWS_AS(session.is_ready(Ref<int>()), std::invalid_argument);
}

TEST_CASE("a call may have several results") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn(divider);
  const auto [quotient, rest] = actor.call(divided, 17, 5);
  CHECK(session.get(quotient) == 3);
  CHECK(session.get(rest) == 2);
  const auto failed = actor.call(CallOptions{.deadline = 20s}, divided, 1, 0);  // A signal.
  CHECK(session.try_get(std::get<0>(failed), 20s).error().fault == Fault::peer_lost);
  CHECK(session.try_get(std::get<1>(failed), 20s).error().fault == Fault::peer_lost);
}

TEST_CASE("where a task fails or is cancelled none of its results is there") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto [first, second] = session.submit(fails);
  for (const auto& each : {first, second})
    CHECK_THAT(session.try_get(each, Session::Duration::max()).error().message, Catch::Contains("not today"));
  const auto [one, other] = session.submit(never);
  session.cancel(other);
  CHECK(session.try_get(one, 20s).error().fault == Fault::cancelled);
  CHECK(session.try_get(other, 20s).error().fault == Fault::cancelled);
}

TEST_CASE("of a graph's task that has several results each can be got") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  TaskGraph graph("apart");
  const auto part = graph.add(split, 3);
  const auto [count, text, halves] = session.submit(graph)[part];
  CHECK(session.get(text) == "3");
  CHECK(session.get(count) == 3);
  CHECK(session.get(halves) == std::vector<double>(3, 0.5));
}
