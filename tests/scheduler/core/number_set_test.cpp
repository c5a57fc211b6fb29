#include "scheduler/core/number_set.h"

#include <set>

#include <catch2/catch.hpp>

#include "scheduler/simulation/dice.h"

using namespace troupe::scheduler;

TEST_CASE("numbers are in a set once they were added, in whichever order and ranges", "[scheduler]") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    INFO("seed " << seed);
    sim::Dice dice(seed, "numbers");
    std::set<std::uint32_t> expected;
    NumberSet numbers;
    for (int step = 0; step < 60; ++step) {
      const auto first = dice.between<std::uint32_t>(0, 100);
      const auto last = first + (dice.chance(300) ? dice.between<std::uint32_t>(0, 9) : 0);
      numbers.add(first, last);
      for (std::uint32_t each = first; each <= last; ++each) expected.insert(each);
      std::size_t ranges = 0;
      for (std::uint32_t each = 0; each <= 120; ++each) {
        REQUIRE(numbers.contains(each) == expected.contains(each));
        ranges += expected.contains(each) && !expected.contains(each + 1) ? 1 : 0;
      }
      REQUIRE(numbers.ranges() == ranges);
    }
  }
}

TEST_CASE("the highest number has none behind it", "[scheduler]") {
  NumberSet numbers;
  numbers.add(~0u);
  numbers.add(~0u - 1);
  CHECK((numbers.contains(~0u) && numbers.ranges() == 1 && !numbers.contains(0)));
  numbers.add(0);
  CHECK(numbers.ranges() == 2);
}

TEST_CASE("of too many gaps the lowest are taken for seen", "[scheduler]") {
  NumberSet numbers;
  const auto most = static_cast<std::uint32_t>(NumberSet::most_ranges);
  for (std::uint32_t i = 0; i < most + 2; ++i) numbers.add(2 * i);
  CHECK(numbers.ranges() == most);
  CHECK((numbers.contains(1) && numbers.contains(3) && !numbers.contains(5)));
}
