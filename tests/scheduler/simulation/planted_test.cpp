// The simulator is worth what it finds: each bug that is planted, one line of product code each, is found, and by an
// invariant that it breaks. TROUPE_SIM_FIRST_SEED says from which seed on.
#include <cstdio>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "scheduler/simulation/planted_bugs.h"

using namespace troupe::scheduler;

TEST_CASE("each planted bug is found within a thousand seeds", "[planted]") {
  const char* text = std::getenv("TROUPE_SIM_FIRST_SEED");
  const std::uint64_t first = text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
  for (const auto& bug : sim::planted_bugs()) {
    const sim::Hunt hunt = sim::hunt(bug, first);
    std::printf("%s: seed %llu: %s\n", std::string(bug.name).c_str(), static_cast<unsigned long long>(hunt.seed),
                hunt.invariant.c_str());
    INFO(bug.name << ", after " << hunt.seeds_tried << " seeds: " << hunt.invariant);
    CHECK(hunt.found);
  }
}

TEST_CASE("every planted bug has a name of its own and says what it breaks", "[planted]") {
  for (const auto& bug : sim::planted_bugs()) {
    INFO(bug.name);
    CHECK(sim::find_planted_bug(bug.name) == &bug);
    CHECK(!bug.breaks.empty());
  }
  CHECK(sim::find_planted_bug("none") == nullptr);
}
