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
  CHECK_FALSE(book.note_end(end(1, "one")));
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
    book.note_end(end(number, number == 1 ? "one" : "two"));
  }
  (void)book.take(order(3, {2}), 1);
  REQUIRE(book.state_of(key(3)) == OrderBook::State::can_begin);
  CHECK(book.begin(key(3)).inputs == std::vector<Bytes>{"two"});
  // Of the first the agent had the report: what it gives after that awaits it no more.
  (void)book.take(order(4, {1}), 1);
  CHECK(book.state_of(key(4)) == OrderBook::State::waits);
}

TEST_CASE("a large result comes back from the agent", "[worker]") {
  OrderBook book;
  (void)book.take(order(1), 0);
  (void)book.take(order(2, {1}), 0);
  (void)book.begin(key(1));
  const Bytes large(OrderBook::most_kept_bytes + 1, 'x');
  book.note_end(end(1, large));
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
  book.note_end(end(1, "", AttemptEnd::failed));
  CHECK(book.state_of(key(2)) == OrderBook::State::taken_back);
  book.take_back(key(3));
  CHECK(book.state_of(key(3)) == OrderBook::State::taken_back);
  // Also if it comes later.
  (void)book.take(order(4, {1}), 0);
  CHECK(book.state_of(key(4)) == OrderBook::State::taken_back);
}

TEST_CASE("an end that others wait for is to be told at once", "[worker]") {
  OrderBook book;
  for (const std::uint32_t number : {1u, 2u, 3u}) (void)book.take(order(number), 0);
  book.hasten(key(2));
  (void)book.begin(key(1));
  CHECK_FALSE(book.note_end(end(1, "")));
  (void)book.begin(key(2));
  CHECK(book.note_end(end(2, "")));
  (void)book.begin(key(3));
  book.hasten(key(3));
  CHECK(book.note_end(end(3, "")));
}
