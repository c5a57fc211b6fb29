#include "runtime/worker/call_book.h"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr TaskId actor{JobId{1}, 2};
constexpr AttemptId attempt{3, 4};

}  // namespace

TEST_CASE("of an actor's calls only news are told, and for how long one runs", "[call_book]") {
  const CallBook::Clock::time_point begin{};
  const std::string add = "add";
  CallBook book;
  CHECK(book.news(begin).empty());
  auto counter = book.open(actor, attempt);
  const auto first = book.news(begin);
  REQUIRE(first.size() == 1);
  CHECK((first[0].actor == actor && first[0].attempt == attempt && first[0].counts == message::CallCounts{}));
  CHECK(book.news(begin + 1s).empty());

  counter->waits(2);
  counter->begins();
  counter->runs(add);
  CHECK(book.news(begin + 2s).at(0).counts == message::CallCounts{0, 2, 1, "add", 0});
  CHECK(book.news(begin + 5s).at(0).counts == message::CallCounts{0, 2, 1, "add", 3000});
  counter->ends();
  counter->waits(1);
  counter->begins();
  CHECK(book.news(begin + 6s).at(0).counts == message::CallCounts{1, 1, 1, "add", 0});
  counter->ends();
  counter->waits(0);
  CHECK(book.news(begin + 7s).at(0).counts == message::CallCounts{2, 0, 0, "", 0});
  CHECK(book.news(begin + 8s).empty());

  const auto other = book.open(actor, {3, 5});
  counter.reset();
  CHECK(book.news(begin + 9s).size() == 1);
  CHECK(book.news(begin + 10s).empty());
}
