// Runs the scheduler, agents and drivers through the worlds of many seeds. TROUPE_SIM_SEEDS=A..B says which;
// TROUPE_SIM_TRACE=1 prints what happens.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <catch2/catch.hpp>

#include "scheduler/simulation/world.h"

using namespace troupe::scheduler;

namespace {

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t last = 3000;
};

Seeds seeds_to_run() {
  const char* text = std::getenv("TROUPE_SIM_SEEDS");
  if (text == nullptr) return {};
  Seeds seeds;
  char* rest = nullptr;
  seeds.first = seeds.last = std::strtoull(text, &rest, 10);
  if (std::strncmp(rest, "..", 2) == 0) seeds.last = std::strtoull(rest + 2, &rest, 10);
  REQUIRE(*rest == '\0');
  REQUIRE(seeds.first <= seeds.last);
  return seeds;
}

std::string command_for(std::uint64_t seed) {
  return "TROUPE_SIM_SEEDS=" + std::to_string(seed) + ".." + std::to_string(seed) +
         " TROUPE_SIM_TRACE=1 build/tests/scheduler/scheduler_simulation";
}

// A check that fails ends the process: say in which seed.
volatile std::uint64_t running_seed = 0;
extern "C" void say_seed(int) {
  std::fprintf(stderr, "in seed %llu\n", static_cast<unsigned long long>(running_seed));
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

}  // namespace

TEST_CASE("whatever goes wrong, no promise is broken, and when it stops everything ends", "[simulation]") {
  const bool is_printing = std::getenv("TROUPE_SIM_TRACE") != nullptr;
  const Seeds seeds = seeds_to_run();
  std::signal(SIGABRT, say_seed);
  sim::Counts sum;
  std::uint64_t grants = 0;
  std::uint64_t messages = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    running_seed = seed;
    const sim::Outcome outcome = sim::simulate(seed, Planted::none, is_printing);
    INFO("seed " << seed << ", event " << outcome.counts.events << ", at " << outcome.at.count() << " ms\n"
                 << command_for(seed));
    REQUIRE(outcome.broken == "");
    sum.events += outcome.counts.events;
    sum.tasks_done += outcome.counts.tasks_done;
    sum.tasks_ended += outcome.counts.tasks_ended;
    sum.attempts += outcome.counts.attempts;
    sum.restarts += outcome.counts.restarts;
    grants += outcome.grants;
    messages += outcome.messages;
  }
  std::signal(SIGABRT, SIG_DFL);
  const std::uint64_t count = seeds.last - seeds.first + 1;
  std::printf("%llu seeds: %llu events, %llu attempts, %llu tasks ended, %llu of them done, %llu schedulers\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(sum.events),
              static_cast<unsigned long long>(sum.attempts), static_cast<unsigned long long>(sum.tasks_ended),
              static_cast<unsigned long long>(sum.tasks_done), static_cast<unsigned long long>(sum.restarts));
  // Less, and the runs would mean little.
  if (count >= 100) {
    CHECK(sum.tasks_done > 8 * count);
    CHECK(sum.attempts > sum.tasks_done);
    CHECK(sum.restarts > count + count / 3);
    CHECK(grants > 5 * count);
    CHECK(messages > count);
  }
}

TEST_CASE("one seed is one trace", "[simulation]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    CHECK(sim::simulate(seed).hash == sim::simulate(seed).hash);
  }
}
