// Rates and latencies as the runtime benchmarks define them: warm up for a second and count the rounds; then four
// windows, each of blocks of a tenth of that count until two seconds are over. What is waited for one by one is then
// timed one by one, for as long at most. Shorter windows (--window-ms) warm up for half of one.
#pragma once

#include <chrono>
#include <string>

#include "tools/cli/bench/bench.h"

namespace troupe::cli {

struct Rate {
  std::string suite;
  std::string name;
  double per_round = 1;   ///< What is counted in one round: calls, tasks.
  bool is_timed = false;  ///< Round by round too.
  std::string unit = "1/s";
};

/// Prints how many a second one `round` after the other makes.
template <class Round>
void measure_rate(Bench& bench, const Rate& rate, Round round) {
  using Clock = std::chrono::steady_clock;
  constexpr int windows = 4;
  constexpr std::size_t timed_rounds = 20'000;
  if (!bench.wants(rate.name)) return;
  const std::chrono::milliseconds window = bench.window(std::chrono::seconds(2));
  std::size_t warm_rounds = 0;
  for (const auto begin = Clock::now(); Clock::now() - begin < window / 2; ++warm_rounds) round();
  const std::size_t block = warm_rounds / 10 + 1;
  Measured measured{rate.suite, rate.name, rate.unit, {}, {}};
  for (int i = 0; i < windows; ++i) {
    std::size_t rounds = 0;
    const auto begin = Clock::now();
    while (Clock::now() - begin < window) {
      for (std::size_t each = 0; each < block; ++each) round();
      rounds += block;
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    measured.runs.push_back(static_cast<double>(rounds) * rate.per_round / seconds);
  }
  const auto end = Clock::now() + window;
  while (rate.is_timed) {
    const auto begin = Clock::now();
    round();
    measured.latency_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    if (measured.latency_us.size() == timed_rounds || Clock::now() > end) break;
  }
  bench.print(measured);
}

}  // namespace troupe::cli
