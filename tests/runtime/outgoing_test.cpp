#include "runtime/worker/outgoing.h"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr PeerId agent{1};
constexpr Outgoing::Clock::time_point start{1s};

message::Report report(std::uint32_t number) { return {{}, 0, {.task = {{1}, number}, .attempt = {1, 1}}, 0}; }

}  // namespace

TEST_CASE("a report leaves at once where no order waits", "[worker]") {
  Outgoing outgoing;
  CHECK(outgoing.take_due(start, false).made.empty());
  CHECK(outgoing.add(agent, report(1), false));
  CHECK(outgoing.take_due(start, false).made.size() == 1);
  CHECK(outgoing.send_at() == Outgoing::Clock::time_point::max());
}

TEST_CASE("reports gather for a millisecond while others wait, and only the first is of interest", "[worker]") {
  Outgoing outgoing;
  CHECK(outgoing.add(agent, report(1), true));
  CHECK(outgoing.take_due(start, true).made.empty());
  CHECK(outgoing.send_at() == start + 1ms);
  CHECK_FALSE(outgoing.add(agent, report(2), true));
  CHECK(outgoing.has_report_of({{1}, 2}, {1, 1}));
  CHECK(outgoing.take_due(start + 999us, true).made.empty());
  CHECK(outgoing.take_due(start + 1ms, true).made.size() == 2);
  CHECK_FALSE(outgoing.has_report_of({{1}, 2}, {1, 1}));
}

TEST_CASE("what gathers leaves early where it is in a hurry, with what is, or when no order waits any more",
          "[worker]") {
  Outgoing outgoing;
  (void)outgoing.add(agent, report(1), true);
  CHECK(outgoing.take_due(start, true).made.empty());
  outgoing.hurry();
  CHECK(outgoing.take_due(start, true).made.size() == 1);
  (void)outgoing.add(agent, report(2), true);
  outgoing.add_now(agent, message::TaskWaits{});
  CHECK(outgoing.take_due(start, true).made.size() == 2);
  (void)outgoing.add(agent, report(3), true);
  CHECK(outgoing.take_due(start, true).made.empty());
  CHECK(outgoing.take_due(start, false).made.size() == 1);
}

TEST_CASE("a result that is passed on never gathers", "[worker]") {
  Outgoing outgoing;
  outgoing.pass({"there"}, {{{1}, 1}, {1, 1}, "r"});
  CHECK(outgoing.add(agent, report(1), true));
  const auto due = outgoing.take_due(start, true);
  CHECK(due.made.empty());
  REQUIRE(due.passed.size() == 1);
  CHECK(due.passed[0].second.result == "r");
}
