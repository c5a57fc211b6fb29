#include "tools/cli/bench/stencil.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Cell = std::vector<std::uint64_t>;  // Step and point: 16 bytes. Empty: beyond the edge.

inline constexpr Task<Cell(std::uint64_t, std::uint64_t, std::uint64_t, Cell, Cell, Cell)> point{"bench.stencil"};

constexpr double largest_task_us = 4000;
constexpr std::uint64_t smallest_kernel = 16;
constexpr std::chrono::seconds limit{600};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Each iteration needs the result of the one before. Volatile: neither end is known to a compiler.
void compute(std::uint64_t iterations) {
  volatile double end = 0.5;
  double value = end;
  for (std::uint64_t i = 0; i < iterations; ++i) value = value * 0.999999 + 0.000001;
  end = value;
}

/// `left` is that of point `index - 1`, and so on.
Cell update(std::uint64_t step, std::uint64_t index, std::uint64_t iterations, const Cell& left, const Cell& own,
            const Cell& right) {
  const Cell none;
  const auto expect = [&](const Cell& given, bool is_there, std::uint64_t neighbour) {
    if (given != (is_there ? Cell{step - 1, neighbour} : none))
      throw std::logic_error("step " + std::to_string(step) + ", point " + std::to_string(index) +
                             " was not given the output of its neighbour");
  };
  expect(left, step > 0 && index > 0, index - 1);
  expect(own, step > 0, index);
  expect(right, step > 0 && index + 1 < stencil_width, index + 1);
  compute(iterations);
  return {step, index};
}

double iterations_per_us() {
  constexpr std::uint64_t iterations = 20'000'000;
  const auto begin = Clock::now();
  compute(iterations);
  return static_cast<double>(iterations) / seconds_since(begin) / 1e6;
}

/// Seconds from the first submit to the news of the last end.
double run(Session& session, std::uint64_t iterations) {
  const auto beyond = session.put(Cell{});
  const auto begin = Clock::now();
  std::vector<Ref<Cell>> cells;
  cells.reserve(stencil_steps * stencil_width);
  for (std::uint64_t step = 0; step < stencil_steps; ++step) {
    const std::size_t row_before = cells.size() - (step > 0 ? stencil_width : 0);
    const auto before = [&](bool is_there, std::uint64_t index) {
      return step > 0 && is_there ? cells[row_before + index] : beyond;
    };
    for (std::uint64_t i = 0; i < stencil_width; ++i)
      cells.push_back(session.submit(point, step, i, iterations, before(i > 0, i - 1), before(true, i),
                                     before(i + 1 < stencil_width, i + 1)));
  }
  if (!session.wait(cells, cells.size(), limit)) throw std::runtime_error("not every task ended");
  const double seconds = seconds_since(begin);
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (session.get(cells[i]) != Cell{i / stencil_width, i % stencil_width})
      throw std::runtime_error("a point of the stencil is wrong");
  return seconds;
}

}  // namespace

void enroll_stencil(Catalog& catalog) { catalog.add(point, update); }

double metg_of_stencil(Session& session) {
  const double tasks = stencil_steps * stencil_width;
  const double cores = std::max(1u, std::thread::hardware_concurrency());
  double best = 0;  // Iterations a second.
  double efficiency_before = 1;
  double granularity_before = 0;
  auto iterations = static_cast<std::uint64_t>(largest_task_us * iterations_per_us());
  for (; iterations >= smallest_kernel; iterations /= 2) {
    const double seconds = run(session, iterations);
    const double rate = static_cast<double>(iterations) * tasks / seconds;
    const double granularity = seconds * cores / tasks * 1e6;
    best = std::max(best, rate);
    const double efficiency = rate / best;
    if (efficiency < 0.5) {
      const double share = (efficiency_before - 0.5) / (efficiency_before - efficiency);
      return granularity_before * std::pow(granularity / granularity_before, share);
    }
    efficiency_before = efficiency;
    granularity_before = granularity;
  }
  throw std::runtime_error("even the smallest tasks reach half of the best rate");
}

}  // namespace troupe::cli
