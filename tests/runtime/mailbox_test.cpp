#include "runtime/worker/mailbox.h"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

message::Call call(std::uint64_t caller, std::uint64_t number) { return {.caller = caller, .number = number}; }

std::vector<std::pair<std::uint64_t, std::uint64_t>> drain(Mailbox& mailbox) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> order;
  while (const auto next = mailbox.next()) order.emplace_back(next->caller, next->number);
  return order;
}

}  // namespace

TEST_CASE("calls of one caller come out in the order of their numbers, however they arrive", "[mailbox]") {
  Mailbox mailbox;
  CHECK(mailbox.arrive(call(1, 3)) == Mailbox::Arrival::early);
  CHECK(mailbox.arrive(call(1, 2)) == Mailbox::Arrival::early);
  CHECK(drain(mailbox).empty());
  CHECK(mailbox.arrive(call(1, 1)) == Mailbox::Arrival::queued);
  CHECK(drain(mailbox) == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 1}, {1, 2}, {1, 3}});
}

TEST_CASE("a call that comes twice runs once", "[mailbox]") {
  Mailbox mailbox;
  CHECK(mailbox.arrive(call(1, 1)) == Mailbox::Arrival::queued);
  CHECK(mailbox.arrive(call(1, 1)) == Mailbox::Arrival::repeated);
  CHECK(mailbox.arrive(call(1, 3)) == Mailbox::Arrival::early);
  CHECK(mailbox.arrive(call(1, 3)) == Mailbox::Arrival::repeated);
  CHECK(drain(mailbox).size() == 1);
  CHECK(mailbox.arrive(call(1, 1)) == Mailbox::Arrival::repeated);
  CHECK(mailbox.empty());
}

TEST_CASE("callers do not wait for each other", "[mailbox]") {
  Mailbox mailbox;
  CHECK(mailbox.arrive(call(1, 2)) == Mailbox::Arrival::early);
  CHECK(mailbox.arrive(call(2, 1)) == Mailbox::Arrival::queued);
  CHECK(drain(mailbox) == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{2, 1}});
}

TEST_CASE("a caller that keeps too many calls waiting for an earlier one is cut off", "[mailbox]") {
  Mailbox mailbox;
  for (std::uint64_t number = 2; number < 2 + Mailbox::most_early; ++number)
    REQUIRE(mailbox.arrive(call(1, number)) == Mailbox::Arrival::early);
  CHECK(mailbox.arrive(call(1, 2 + Mailbox::most_early)) == Mailbox::Arrival::too_early);
  CHECK(mailbox.arrive(call(1, 1)) == Mailbox::Arrival::queued);
  CHECK(drain(mailbox).size() == 1 + Mailbox::most_early);
}
