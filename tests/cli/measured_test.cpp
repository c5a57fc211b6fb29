#include <catch2/catch.hpp>

#include "tools/cli/bench/bench.h"

using troupe::cli::Measured;

TEST_CASE("the value of a rate is the mean of its windows, that of a time the median of its runs", "[bench]") {
  const Measured rate{"tasks", "some", "1/s", {1, 2, 9}, {}};
  CHECK(rate.value() == Approx(4));
  CHECK(rate.deviation() == Approx(4.3589).epsilon(1e-4));
  for (const char* unit : {"GB/s", "tasks/s"}) CHECK(Measured{"objects", "some", unit, {1, 2, 9}, {}}.value() == 4);
  for (const char* unit : {"s", "ms", "us", "MB", "bytes", "percent"})
    CHECK(Measured{"start", "some", unit, {9, 1, 2}, {}}.value() == 2);
}

TEST_CASE("quantiles lie between two values in proportion", "[bench]") {
  CHECK(troupe::cli::quantile_of({9, 1, 3, 2}, 0.5) == Approx(2.5));
  CHECK(troupe::cli::quantile_of({9, 1, 3, 2}, 0) == 1);
  CHECK(troupe::cli::quantile_of({9, 1, 3, 2}, 1) == 9);
  CHECK(troupe::cli::quantile_of({0, 100}, 0.99) == Approx(99));
}

TEST_CASE("a single run has no deviation", "[bench]") {
  const Measured once{"graph", "some", "tasks/s", {7}, {}};
  CHECK(once.value() == 7);
  CHECK(once.deviation() == 0);
  CHECK(once.at(0) == 7);
  CHECK(once.at(1) == 7);
}
