// Tasks that are given to a node while what they come after still runs there.
#include <signal.h>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

using Sum = std::uint64_t;

constexpr Task<Sum(Sum, Sum, Sum)> add{"chains.add"};
constexpr Task<Sum(Sum)> fail{"chains.fail"};
constexpr Task<Sum(Sum, Sum)> die_the_first_time{"chains.die"};
constexpr Task<std::string(std::string)> grow{"chains.grow"};

void enroll(Catalog& catalog) {
  catalog.add(add, [](Sum left, Sum own, Sum right) { return (left + own + right) % 1'000'007; });
  catalog.add(fail, [](Sum) -> Sum { throw std::runtime_error("on purpose"); });
  catalog.add(die_the_first_time, [](const Context& context, Sum own, Sum other) {
    if (context.attempt().number == 1) ::raise(SIGKILL);
    return own + other;
  });
  catalog.add(grow, [](const std::string& text) { return text + std::string(50'000, 'x'); });
}

/// Their tasks have been quick: from now on some are given ahead.
void is_quick(Session& session) {
  std::vector<Ref<Sum>> sums;
  for (Sum i = 0; i < 200; ++i) sums.push_back(session.submit(add, i, i, i));
  session.get_all(sums);
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("a grid of tasks, each after its neighbours, comes out as it does in one thread") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  is_quick(session);
  constexpr std::size_t width = 4;
  std::vector<Sum> expected{1, 2, 3, 4};
  std::vector<Ref<Sum>> row;
  for (const Sum each : expected) row.push_back(session.put(each));
  for (int step = 0; step < 200; ++step) {
    std::vector<Sum> next_expected;
    std::vector<Ref<Sum>> next;
    for (std::size_t i = 0; i < width; ++i) {
      const std::size_t left = (i + width - 1) % width;
      const std::size_t right = (i + 1) % width;
      next_expected.push_back((expected[left] + expected[i] + expected[right]) % 1'000'007);
      next.push_back(session.submit(add, row[left], row[i], row[right]));
    }
    expected = std::move(next_expected);
    row = std::move(next);
  }
  CHECK(session.get_all(row) == expected);
}

TEST_CASE("what comes after a task that fails does not run, and what a dead worker had is made again") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  is_quick(session);
  auto before = session.submit(add, Sum{1}, Sum{1}, Sum{1});
  for (int i = 0; i < 20; ++i) before = session.submit(add, before, Sum{1}, Sum{0});
  const auto failed = session.submit(fail, before);
  const auto skipped = session.submit(add, failed, before, Sum{0});
  const auto died = session.submit({.max_attempts = 2}, die_the_first_time, before, Sum{1});
  const auto last = session.submit(add, died, before, Sum{1});
  CHECK_FALSE(session.try_get(skipped));
  CHECK(session.get(last) == 24 + 23 + 1);
}

TEST_CASE("results too large to be kept by a worker reach what awaits them") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  is_quick(session);
  auto text = session.submit(grow, std::string());
  for (int i = 0; i < 9; ++i) text = session.submit(grow, text);
  CHECK(session.get(text).size() == 500'000);
}
