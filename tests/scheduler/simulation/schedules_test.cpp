// Failures that were made small, kept as files: TROUPE_REGRESSIONS names their folder.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/simulation/scenario_text.h"
#include "scheduler/simulation/shrink.h"
#include "scheduler/simulation/simulation.h"

using namespace troupe::scheduler;

namespace {

std::vector<std::filesystem::path> files() {
  const char* folder = std::getenv("TROUPE_REGRESSIONS");
  REQUIRE(folder != nullptr);
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  REQUIRE(!found.empty());
  return found;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string number_of(const std::string& broken) { return broken.substr(0, broken.find(':')); }

}  // namespace

TEST_CASE("what a kept schedule shows is seen with the bug that is planted in it, and nothing without", "[schedules]") {
  for (const auto& path : files()) {
    INFO(path.filename());
    const std::string text = text_of(path);
    REQUIRE(text.starts_with("# "));
    auto scenario = sim::scenario_from(text);
    REQUIRE(scenario);
    if (scenario->planted != troupe::Planted::none)
      CHECK(number_of(sim::simulate(*scenario).broken) == number_of(text.substr(2)));
    scenario->planted = troupe::Planted::none;
    CHECK(sim::simulate(*scenario).broken == "");
  }
}

TEST_CASE("a scenario that is written and read is the same", "[schedules]") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    INFO("seed " << seed);
    const sim::Scenario scenario = sim::draw_scenario(seed, {.planted = troupe::Planted::nil_exec_retried});
    const std::string text = to_text(scenario);
    const auto read = sim::scenario_from(text);
    REQUIRE(read);
    CHECK(to_text(*read) == text);
    CHECK(sim::simulate(*read).hash == sim::simulate(scenario).hash);
  }
}

TEST_CASE("a schedule that is wrong is refused with its line", "[schedules]") {
  const auto fault_of = [](const std::string& text) { return sim::scenario_from(text).error().message; };
  CHECK(fault_of("scenario seed=1\nnode cpu=2") == "line 2: unknown key 'cpu'");
  CHECK(fault_of("node cpus=many") == "line 1: found 'many' for cpus, expected a number");
  CHECK(fault_of("node\nfault kind=earthquake") == "line 2: found 'earthquake' for kind");
  CHECK(fault_of("node\ntask number=1") == "line 2: found 'task' before the first driver");
  CHECK(fault_of("scenario seed=1\n") == "no line begins with 'node'");
}

TEST_CASE("a failure shrinks to few events that still show it", "[schedules]") {
  const sim::Scenario scenario = sim::draw_scenario(3, {.planted = troupe::Planted::cancel_lost_in_race_with_dispatch});
  const sim::Shrunk small = sim::shrink(scenario);
  CHECK(number_of(small.broken) == "11");
  CHECK(number_of(sim::simulate(small.scenario).broken) == "11");
  CHECK(sim::external_events(small.scenario) <= 10);
}
