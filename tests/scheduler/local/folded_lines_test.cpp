#include "scheduler/local/folded_lines.h"

#include <catch2/catch.hpp>

using namespace troupe::scheduler;
using namespace std::chrono_literals;

using Lines = std::vector<std::string>;

TEST_CASE("what is printed again and again is shown once, and then how often, by how many", "[folded_lines]") {
  FoldedLines lines;
  CHECK(lines.take(0ms, "a", "ready") == "a | ready");
  CHECK(lines.take(1ms, "b", "ready") == std::nullopt);
  CHECK(lines.take(2ms, "b", "other") == "b | other");
  CHECK(lines.take(3ms, "c", "ready") == std::nullopt);
  CHECK(lines.take(4ms, "b", "ready") == std::nullopt);
  CHECK(lines.due(1'999ms).empty());
  CHECK(lines.due(2'000ms) == Lines{"b | ready [3 times more, by 2 tasks]"});
  CHECK(lines.due(10'000ms).empty());  // `other` came once.
  CHECK(lines.take(10'001ms, "a", "ready") == "a | ready");
}

TEST_CASE("a line that came twice is shown twice", "[folded_lines]") {
  FoldedLines lines;
  CHECK(lines.take(0ms, "a", "x"));
  CHECK_FALSE(lines.take(1ms, "b", "x"));
  CHECK(lines.rest() == Lines{"b | x"});
  CHECK(lines.rest().empty());
}

TEST_CASE("where repeats are to be shown each line is", "[folded_lines]") {
  FoldedLines lines(FoldedLines::Repeats::shown);
  for (int i = 0; i < 3; ++i) CHECK(lines.take(0ms, "a", "x") == "a | x");
  CHECK(lines.rest().empty());
}

TEST_CASE("nobody needs to come back for a line that came once", "[folded_lines]") {
  FoldedLines lines;
  lines.take(0ms, "a", "x");
  lines.take(10ms, "a", "y");
  CHECK(lines.next_due() == std::nullopt);
  lines.take(20ms, "a", "y");
  CHECK(lines.next_due() == 2'010ms);
  lines.take(30ms, "b", "x");
  CHECK(lines.next_due() == 2'000ms);
  lines.rest();
  CHECK(lines.next_due() == std::nullopt);
}

TEST_CASE("of one task alone it is not said by how many", "[folded_lines]") {
  FoldedLines lines;
  for (int i = 0; i < 6; ++i) lines.take(0ms, "a", "x");
  CHECK(lines.rest() == Lines{"a | x [5 times more]"});
}

TEST_CASE("empty lines are not folded, nor more different ones than are kept", "[folded_lines]") {
  FoldedLines lines;
  CHECK(lines.take(0ms, "a", "") == "a | ");
  CHECK(lines.take(0ms, "a", "") == "a | ");
  for (int i = 0; i < 1'000; ++i) CHECK(lines.take(0ms, "a", std::to_string(i)));
  CHECK(lines.take(0ms, "a", "one too many"));
  CHECK(lines.take(0ms, "a", "one too many"));
  CHECK_FALSE(lines.take(0ms, "a", "999"));
}
