// Runs the scheduler, agents and drivers through the worlds of many seeds. TROUPE_SIM_SEEDS=A..B says which.
#include "scheduler/simulation/simulation.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <catch2/catch.hpp>

using namespace troupe::scheduler;

namespace {

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t last = 300;
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
  const std::string text = std::to_string(seed);
  return "troupe sim --seeds " + text + ".." + text + " --trace";
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
  const Seeds seeds = seeds_to_run();
  std::signal(SIGABRT, say_seed);
  sim::Counts sum;
  Time simulated{0};
  std::uint64_t hash = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    running_seed = seed;
    const sim::Outcome outcome = sim::simulate(sim::draw_scenario(seed));
    INFO("seed " << seed << ", event " << outcome.counts.events << ", at " << outcome.at.count() << " ms\n"
                 << command_for(seed));
    REQUIRE(outcome.broken == "");
    sum.events += outcome.counts.events;
    sum.tasks_done += outcome.counts.tasks_done;
    sum.tasks_ended += outcome.counts.tasks_ended;
    sum.attempts += outcome.counts.attempts;
    sum.schedulers += outcome.counts.schedulers;
    sum.faults += outcome.counts.faults;
    sum.grants += outcome.counts.grants;
    sum.messages += outcome.counts.messages;
    simulated += outcome.at;
    hash = (hash ^ outcome.hash) * 0x100000001b3u;
  }
  std::signal(SIGABRT, SIG_DFL);
  const std::uint64_t count = seeds.last - seeds.first + 1;
  std::printf(
      "%llu seeds: %llu events, %llu attempts, %llu tasks ended, %llu of them done, %llu schedulers; trace %llx\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(sum.events),
      static_cast<unsigned long long>(sum.attempts), static_cast<unsigned long long>(sum.tasks_ended),
      static_cast<unsigned long long>(sum.tasks_done), static_cast<unsigned long long>(sum.schedulers),
      static_cast<unsigned long long>(hash));
  // Less, and the runs would mean little.
  if (count >= 100) {
    CHECK(sum.tasks_done > 100 * count);
    CHECK(sum.attempts > sum.tasks_done);
    CHECK(sum.schedulers > 2 * count);
    CHECK(sum.faults > 10 * count);
    CHECK(sum.grants > 5 * count);
    CHECK(sum.messages > count);
    CHECK(static_cast<double>(sum.tasks_ended) * 3'600'000 > 1000 * static_cast<double>(simulated.count()));
  }
}

TEST_CASE("one seed is one trace", "[simulation]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    const sim::Scenario scenario = sim::draw_scenario(seed);
    CHECK(sim::simulate(scenario).hash == sim::simulate(sim::draw_scenario(seed)).hash);
  }
}
