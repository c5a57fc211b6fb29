#include "tools/cli/commands/sim.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "scheduler/simulation/planted_bugs.h"
#include "scheduler/simulation/simulation.h"
#include "tools/cli/did_you_mean.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/output.h"

namespace troupe::cli {
namespace {

namespace sim = scheduler::sim;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t most_failures_shown = 20;

struct Seeds {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

std::optional<Seeds> seeds_from(std::string_view text) {
  Seeds seeds;
  const char* const end = text.data() + text.size();
  auto [at, fault] = std::from_chars(text.data(), end, seeds.first);
  if (fault != std::errc{}) return std::nullopt;
  seeds.last = seeds.first;
  if (at != end) {
    if (std::string_view(at, end).substr(0, 2) != "..") return std::nullopt;
    const auto last = std::from_chars(at + 2, end, seeds.last);
    if (last.ec != std::errc{} || last.ptr != end) return std::nullopt;
  }
  if (seeds.last < seeds.first) return std::nullopt;
  return seeds;
}

std::string replay_command(std::uint64_t seed, const SimCommand& command) {
  const std::string text = std::to_string(seed);
  return "troupe sim --seeds " + text + ".." + text + (command.planted.empty() ? "" : " --planted " + command.planted) +
         (command.nodes == 0 ? "" : " --nodes " + std::to_string(command.nodes)) + " --trace";
}

// A check of the product that fails ends the process: what it says last is in which seed.
volatile std::sig_atomic_t has_seed = 0;
char last_words[200];
extern "C" void say_seed(int) {
  if (has_seed != 0) (void)!::write(STDERR_FILENO, last_words, std::char_traits<char>::length(last_words));
  ::_exit(exit_work_failed);
}
void remember(std::uint64_t seed, const SimCommand& command) {
  has_seed = 0;
  std::snprintf(last_words, sizeof last_words, "a check failed in seed %" PRIu64 "\nreplay it: %s\n", seed,
                replay_command(seed, command).c_str());
  has_seed = 1;
}

int hunt(std::span<const sim::PlantedBug> bugs, Seeds seeds, const SimCommand& command) {
  Table table({{"bug"}, {"found"}, {"seed", true}, {"seeds tried", true}, {"invariant"}});
  bool all_found = true;
  for (const auto& bug : bugs) {
    SimCommand one = command;
    one.planted = bug.name;
    remember(seeds.first, one);
    const sim::Hunt result = sim::hunt(bug, seeds.first);
    all_found = all_found && result.found;
    if (command.json) {
      std::printf("%s\n", Json{{"bug", bug.name},
                               {"found", result.found},
                               {"seed", result.seed},
                               {"seeds_tried", result.seeds_tried},
                               {"invariant", result.invariant}}
                              .dump()
                              .c_str());
      std::fflush(stdout);
    }
    table.add({std::string(bug.name), state_cell(result.found ? "ok" : "fail"), std::to_string(result.seed),
               std::to_string(result.seeds_tried), result.invariant});
  }
  if (!command.json) table.print();
  return all_found ? exit_done : exit_work_failed;
}

struct Sum {
  std::uint64_t seeds = 0;
  std::uint64_t failures = 0;
  std::uint64_t events = 0;
  std::uint64_t tasks_ended = 0;
  double simulated_hours = 0;
  std::uint64_t hash = 0;
};

void print(const Sum& sum, double wall_s, bool json) {
  const double hours_per_minute = sum.simulated_hours / wall_s * 60;
  const double events_per_s = static_cast<double>(sum.events) / wall_s;
  if (json) {
    std::printf("%s\n", Json{{"seeds", sum.seeds},
                             {"events", sum.events},
                             {"simulated_hours", sum.simulated_hours},
                             {"failures", sum.failures},
                             {"trace_hash", to_text(sum.hash)},
                             {"tasks_ended", sum.tasks_ended},
                             {"events_per_s", events_per_s},
                             {"hours_per_minute", hours_per_minute},
                             {"wall_s", wall_s}}
                            .dump()
                            .c_str());
    return;
  }
  std::printf("%" PRIu64 " seeds, %" PRIu64 " failures: %" PRIu64 " events, %.1f simulated hours, %" PRIu64
              " tasks ended\n%.0f events/s, %.0f simulated hours a minute; trace %s\n",
              sum.seeds, sum.failures, sum.events, sum.simulated_hours, sum.tasks_ended, events_per_s, hours_per_minute,
              to_text(sum.hash).c_str());
}

int run(Seeds seeds, const sim::PlantedBug* bug, const SimCommand& command) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  Sum sum;
  for (std::uint64_t seed = seeds.first;; ++seed) {
    remember(seed, command);
    const auto outcome = sim::simulate(
        sim::draw_scenario(seed, {.nodes = command.nodes, .planted = bug == nullptr ? Planted::none : bug->bug}),
        command.trace);
    ++sum.seeds;
    sum.events += outcome.counts.events;
    sum.tasks_ended += outcome.counts.tasks_ended;
    sum.simulated_hours += static_cast<double>(outcome.at.count()) / 3'600'000;
    sum.hash = (sum.hash ^ outcome.hash) * 0x100000001b3u;
    if (!outcome.broken.empty() && ++sum.failures <= most_failures_shown) {
      std::fprintf(stderr, "seed %" PRIu64 ", event %" PRIu64 ", at %lld ms: broken: %s\nreplay it: %s\n", seed,
                   outcome.counts.events, static_cast<long long>(outcome.at.count()), outcome.broken.c_str(),
                   replay_command(seed, command).c_str());
    }
    if (seed == seeds.last) break;
  }
  print(sum, std::chrono::duration<double>(Clock::now() - begin).count(), command.json);
  return sum.failures == 0 ? exit_done : exit_work_failed;
}

}  // namespace

int sim_command(const SimCommand& command) {
  const auto seeds = seeds_from(command.seeds);
  if (!seeds) {
    complain("sim", "--seeds: found '" + command.seeds + "', expected A..B, as in 1..1000");
    return exit_bad_input;
  }
  const sim::PlantedBug* bug = sim::find_planted_bug(command.planted);
  if (!command.planted.empty() && command.planted != "all" && bug == nullptr) {
    std::vector<std::string> names{"all"};
    for (const auto& each : sim::planted_bugs()) names.emplace_back(each.name);
    complain("sim", "no bug is called '" + command.planted + "'" + did_you_mean(command.planted, names) +
                        "; --planted all hunts every one");
    return exit_bad_input;
  }
  std::signal(SIGABRT, say_seed);
  if (command.planted == "all") return hunt(sim::planted_bugs(), *seeds, command);
  if (bug != nullptr && !command.trace) return hunt({bug, 1}, *seeds, command);
  return run(*seeds, bug, command);
}

}  // namespace troupe::cli
