#include "runtime/worker/order_book.h"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

constexpr AttemptId first{1, 1};
TaskId task(std::uint32_t number) { return {{1}, number}; }
OrderBook::Key key(std::uint32_t number) { return {task(number), first}; }

/// Takes as inputs the results of the others.
RunOrder order(std::uint32_t number, const std::vector<std::uint32_t>& awaited = {}) {
  RunOrder order{.task = task(number), .attempt = first, .inputs = std::vector<Bytes>(awaited.size())};
  for (std::uint32_t i = 0; i < awaited.size(); ++i) order.awaits.push_back({task(awaited[i]), first, i});
  return order;
}

AttemptReport end(std::uint32_t number, Bytes result, AttemptEnd end = AttemptEnd::done) {
  return {.task = task(number), .attempt = first, .end = end, .result = std::move(result)};
}

}  // namespace

TEST_CASE("an order begins when all that it awaits is there: the worker's own, and what the agent sends", "[worker]") {
  OrderBook book;
  CHECK(book.take(order(1), 0));
  CHECK_FALSE(book.take(order(1), 0));
  CHECK(book.take(order(3, {1, 2}), 0));
  (void)book.begin(key(1));
  CHECK(book.state_of(key(3)) == OrderBook::State::waits);
  CHECK(book.note_end(end(1, "one")).empty());
  CHECK(book.state_of(key(3)) == OrderBook::State::waits);
  book.take_result(key(2), "two");
  REQUIRE(book.state_of(key(3)) == OrderBook::State::can_begin);
  CHECK(book.begin(key(3)).inputs == std::vector<Bytes>{"one", "two"});
  CHECK(book.is_empty());
}

TEST_CASE("a result is kept for orders that were given before the agent had its report", "[worker]") {
  OrderBook book;
  for (const std::uint32_t number : {1u, 2u}) {
    (void)book.take(order(number), 0);
    (void)book.begin(key(number));
    (void)book.note_end(end(number, number == 1 ? "one" : "two"));
  }
  (void)book.take(order(3, {2}), 1);
  REQUIRE(book.state_of(key(3)) == OrderBook::State::can_begin);
  CHECK(book.begin(key(3)).inputs == std::vector<Bytes>{"two"});
  // Of the first the agent had the report: what it gives after that awaits it no more.
  (void)book.take(order(4, {1}), 1);
  CHECK(book.state_of(key(4)) == OrderBook::State::waits);
}

TEST_CASE("what was returned is not held, and may be given again", "[worker]") {
  OrderBook book;
  for (const std::uint32_t number : {1u, 2u}) (void)book.take(order(number), 0);
  const auto before = book.take(order(3, {2}), 0).value();
  (void)book.begin(key(1));
  CHECK(book.return_all() == std::vector{key(2), key(3)});
  CHECK(book.is_empty());
  CHECK_FALSE(book.holds(key(3), before));
  const auto again = book.take(order(3), 0).value();
  CHECK(book.holds(key(3), again));
  CHECK_FALSE(book.holds(key(3), before));
  CHECK(book.begin(key(3)).awaits.empty());
  CHECK_FALSE(book.holds(key(3), again));
}

TEST_CASE("a large result comes back from the agent", "[worker]") {
  OrderBook book;
  (void)book.take(order(1), 0);
  (void)book.take(order(2, {1}), 0);
  (void)book.begin(key(1));
  const Bytes large(OrderBook::most_kept_bytes + 1, 'x');
  (void)book.note_end(end(1, large));
  CHECK(book.state_of(key(2)) == OrderBook::State::waits);
  book.take_result(key(1), large);
  CHECK(book.begin(key(2)).inputs == std::vector<Bytes>{large});
}

TEST_CASE("what awaits an attempt that failed, or is taken back, does not begin", "[worker]") {
  OrderBook book;
  (void)book.take(order(1), 0);
  (void)book.take(order(2, {1}), 0);
  (void)book.take(order(3), 0);
  (void)book.begin(key(1));
  (void)book.note_end(end(1, "", AttemptEnd::failed));
  CHECK(book.state_of(key(2)) == OrderBook::State::taken_back);
  book.take_back(key(3));
  CHECK(book.state_of(key(3)) == OrderBook::State::taken_back);
  // Also if it comes later.
  (void)book.take(order(4, {1}), 0);
  CHECK(book.state_of(key(4)) == OrderBook::State::taken_back);
}

TEST_CASE("a result is passed to the workers that were named before it ended", "[worker]") {
  OrderBook book;
  for (const std::uint32_t number : {1u, 2u, 3u, 4u, 5u}) (void)book.take(order(number), 0);
  book.pass(key(2), "x");
  book.pass(key(2), "y");
  (void)book.begin(key(1));
  CHECK(book.note_end(end(1, "")).empty());
  (void)book.begin(key(2));
  book.pass(key(2), "x");
  CHECK(book.note_end(end(2, "two")) == std::vector<std::string>{"x", "y", "x"});
  book.pass(key(2), "z");  // Too late.
  (void)book.begin(key(3));
  CHECK(book.note_end(end(3, "")).empty());
  for (const std::uint32_t number : {4u, 5u}) book.pass(key(number), "x");
  (void)book.begin(key(4));
  CHECK(book.note_end(end(4, "", AttemptEnd::failed)).empty());
  (void)book.begin(key(5));
  CHECK(book.note_end(end(5, Bytes(OrderBook::most_kept_bytes + 1, 'x'))).empty());
}

TEST_CASE("what another worker passes may come before the orders that await it", "[worker]") {
  OrderBook book;
  book.take_passed_result(key(1), "one");
  (void)book.take(order(2, {1}), 0);
  (void)book.take(order(3, {1}), 0);
  REQUIRE(book.state_of(key(2)) == OrderBook::State::can_begin);
  CHECK(book.begin(key(2)).inputs == std::vector<Bytes>{"one"});
  REQUIRE(book.state_of(key(3)) == OrderBook::State::can_begin);
  // Another attempt of the same task made another.
  auto other = order(4, {1});
  other.awaits.as_vector().front().attempt = {1, 2};
  (void)book.take(other, 0);
  CHECK(book.state_of(key(4)) == OrderBook::State::waits);
  // Only the last few are kept.
  for (std::uint32_t i = 0; i < OrderBook::most_kept_of_others; ++i) book.take_passed_result(key(100 + i), "");
  (void)book.take(order(5, {1}), 0);
  CHECK(book.state_of(key(5)) == OrderBook::State::waits);
  // What has come for an order stays with it.
  CHECK(book.begin(key(3)).inputs == std::vector<Bytes>{"one"});
}
