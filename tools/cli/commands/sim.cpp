#include "tools/cli/commands/sim.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "scheduler/simulation/planted_bugs.h"
#include "scheduler/simulation/scenario_text.h"
#include "scheduler/simulation/shrink.h"
#include "scheduler/simulation/simulation.h"
#include "tools/cli/did_you_mean.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/output.h"

namespace troupe::cli {
namespace {

namespace sim = scheduler::sim;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t most_failures_shown = 20;
constexpr std::uint64_t seeds_between_doubles = 100;  // one in so many is run twice

constexpr double fewest_tasks_an_hour = 1000;

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

/// Runs scenarios and tells what came of them.
class Runs {
 public:
  explicit Runs(const SimCommand& command) : command_(command) {}

  void run(const sim::Scenario& scenario, const std::string& replay) {
    const auto outcome = sim::simulate(scenario, command_.trace);
    ++sum_.seeds;
    sum_.events += outcome.counts.events;
    sum_.tasks_ended += outcome.counts.tasks_ended;
    sum_.simulated_hours += static_cast<double>(outcome.at.count()) / 3'600'000;
    sum_.hash = (sum_.hash ^ outcome.hash) * 0x100000001b3u;
    std::string broken = outcome.broken;
    if (broken.empty() && scenario.seed % seeds_between_doubles == 0 && sim::simulate(scenario).hash != outcome.hash)
      broken = "17: two runs of one scenario differ";
    if (broken.empty() || ++sum_.failures > most_failures_shown) return;
    std::fprintf(stderr, "seed %" PRIu64 ", event %" PRIu64 ", at %lld ms: broken: %s\nreplay it: %s\n", scenario.seed,
                 outcome.counts.events, static_cast<long long>(outcome.at.count()), broken.c_str(), replay.c_str());
    if (command_.shrink && !outcome.broken.empty()) write_shrunk(scenario);
  }

  int finish() const {
    const double wall_s = std::chrono::duration<double>(Clock::now() - begin_).count();
    const double cpu_s = static_cast<double>(std::clock() - cpu_at_begin_) / CLOCKS_PER_SEC;
    const double hours_per_minute = sum_.simulated_hours / wall_s * 60;
    const double events_per_s = static_cast<double>(sum_.events) / wall_s;
    if (command_.json) {
      const Json line{{"seeds", sum_.seeds},
                      {"events", sum_.events},
                      {"simulated_hours", sum_.simulated_hours},
                      {"failures", sum_.failures},
                      {"trace_hash", to_text(sum_.hash)},
                      {"tasks_ended", sum_.tasks_ended},
                      {"events_per_s", events_per_s},
                      {"hours_per_minute", hours_per_minute},
                      {"wall_s", wall_s},
                      {"cpu_s", cpu_s}};
      std::printf("%s\n", line.dump().c_str());
    } else {
      std::printf(
          "%" PRIu64 " seeds, %" PRIu64 " failures: %" PRIu64 " events, %.1f simulated hours, %" PRIu64
          " tasks ended\n%.0f events/s, %.0f simulated hours a minute, %.1f s of %.1f s on a processor; trace %s\n",
          sum_.seeds, sum_.failures, sum_.events, sum_.simulated_hours, sum_.tasks_ended, events_per_s,
          hours_per_minute, cpu_s, wall_s, to_text(sum_.hash).c_str());
    }
    const bool is_meaningful = sum_.seeds < seeds_between_doubles ||
                               static_cast<double>(sum_.tasks_ended) >= fewest_tasks_an_hour * sum_.simulated_hours;
    if (!is_meaningful) complain("sim", "fewer than 1000 tasks ended in a simulated hour: this means little");
    return sum_.failures == 0 && is_meaningful ? exit_done : exit_work_failed;
  }

  bool has_failed() const { return sum_.failures > 0; }

 private:
  using Clock = std::chrono::steady_clock;

  void write_shrunk(const sim::Scenario& scenario) const {
    const auto small = sim::shrink(scenario);
    const std::string file = "sim-" + std::to_string(scenario.seed) + ".schedule";
    std::ofstream(file) << "# " << small.broken << '\n' << sim::to_text(small.scenario);
    std::fprintf(stderr,
                 "%zu events from outside are left, after %zu runs: %s\nreplay it: troupe sim --schedule %s --trace\n",
                 sim::external_events(small.scenario), small.runs, small.broken.c_str(), file.c_str());
  }

  const SimCommand& command_;
  Sum sum_;
  const Clock::time_point begin_ = Clock::now();
  const std::clock_t cpu_at_begin_ = std::clock();
};

int run_seeds(Seeds seeds, const sim::PlantedBug* bug, const SimCommand& command) {
  Runs runs(command);
  for (std::uint64_t seed = seeds.first;; ++seed) {
    remember(seed, command);
    const sim::Wishes wishes{.nodes = command.nodes, .planted = bug == nullptr ? Planted::none : bug->bug};
    runs.run(sim::draw_scenario(seed, wishes), replay_command(seed, command));
    if (seed == seeds.last || (bug != nullptr && runs.has_failed())) break;
  }
  return runs.finish();
}

int run_file(const SimCommand& command) {
  std::ifstream file(command.schedule);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    complain("sim", command.schedule + ": cannot be read");
    return exit_bad_input;
  }
  const auto scenario = sim::scenario_from(text);
  if (!scenario) {
    complain("sim", command.schedule + ": " + scenario.error().message);
    return exit_bad_input;
  }
  Runs runs(command);
  runs.run(*scenario, "troupe sim --schedule " + command.schedule + " --trace");
  return runs.finish();
}

}  // namespace

int sim_command(const SimCommand& command) {
  if (!command.schedule.empty()) return run_file(command);
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
  if (bug != nullptr && !command.trace && !command.shrink) return hunt({bug, 1}, *seeds, command);
  return run_seeds(*seeds, bug, command);
}

}  // namespace troupe::cli
