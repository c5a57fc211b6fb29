#include "tools/cli/bench/metg.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <tuple>

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Cell = std::vector<std::uint64_t>;  // Graph, step and point: 24 bytes. Empty: beyond the edge.

constexpr double largest_task_us = 4000;
constexpr std::uint64_t smallest_kernel = 16;
constexpr std::chrono::seconds limit{600};

struct Place {
  std::uint64_t graph = 0;
  std::uint64_t step = 0;
  std::uint64_t point = 0;
  std::uint64_t width = 0;
};
template <class Archive>
void fields(Archive& archive, Place& place) {
  archive("place", place.graph, place.step, place.point, place.width);
}

inline constexpr Task<Cell(Place, std::uint64_t)> after_none{"bench.point"};
inline constexpr Task<Cell(Place, std::uint64_t, Cell, Cell, Cell)> after_three{"bench.point_after_3"};
inline constexpr Task<Cell(Place, std::uint64_t, Cell, Cell, Cell, Cell, Cell)> after_five{"bench.point_after_5"};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Each iteration needs the result of the one before. Volatile: neither end is known to a compiler.
void compute(std::uint64_t iterations) {
  volatile double end = 0.5;
  double value = end;
  for (std::uint64_t i = 0; i < iterations; ++i) value = value * 0.999999 + 0.000001;
  end = value;
}

double iterations_per_us() {
  constexpr std::uint64_t iterations = 20'000'000;
  const auto begin = Clock::now();
  compute(iterations);
  return static_cast<double>(iterations) / seconds_since(begin) / 1e6;
}

bool is_inside(const Place& place, std::uint64_t point) { return place.step > 0 && point < place.width; }

/// `inputs` are those of the neighbours from left to right. Points are counted modulo 2^64: one left of the first is
/// beyond the edge as one right of the last is.
Cell update(const Place& place, std::uint64_t iterations, const std::vector<Cell>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::uint64_t neighbour = place.point + i - inputs.size() / 2;
    const Cell expected = is_inside(place, neighbour) ? Cell{place.graph, place.step - 1, neighbour} : Cell{};
    if (inputs[i] != expected)
      throw std::logic_error("step " + std::to_string(place.step) + ", point " + std::to_string(place.point) +
                             " was not given the output of its neighbour");
  }
  compute(iterations);
  return {place.graph, place.step, place.point};
}

/// One point of a stencil, for all its steps.
class PointActor {
 public:
  Cell advance(const Place& place, std::uint64_t iterations, const Cell& left, const Cell& own, const Cell& right) {
    return update(place, iterations, {left, own, right});
  }
};
inline constexpr ActorType<PointActor()> point_actor{"bench.Point"};
inline constexpr Method<&PointActor::advance> advance{"advance"};

/// From 0 to 2, by SplitMix64 of the place.
double share_of(const Place& place) {
  std::uint64_t z = (place.graph * 1'000'003 + place.step) * 1'000'003 + place.point + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-52;
}

template <std::size_t radix>
using Inputs = std::array<Ref<Cell>, radix>;

class MetgSearch {
 public:
  MetgSearch(Session& session, const MetgGraph& graph, const MetgSize& size)
      : session_(session),
        graph_(graph),
        cpus_(size.cpus),
        width_(std::max(graph.least_width, static_cast<std::uint64_t>(std::ceil(size.cpus)))),
        steps_(std::max<std::uint64_t>(2, size.tasks / graph.least_width / graph.graphs)) {
    for (std::uint64_t i = 0; graph.has_actors && i < graph.graphs * width_; ++i)
      actors_.push_back(session.spawn(point_actor));
  }

  std::uint64_t width() const { return width_; }
  std::uint64_t steps() const { return steps_; }

  std::vector<double> measure(int runs) {
    largest_ = static_cast<std::uint64_t>(largest_task_us * iterations_per_us());
    // Coarsely at first: the best rate, and about where half of it is.
    Sample sample = take(largest_);
    while (is_above_half(sample)) sample = take(smaller(sample, 4));
    const std::uint64_t from = std::min(largest_, 8 * sample.iterations);
    std::vector<double> values;
    for (int run = 0; run < runs; ++run) values.push_back(crossing(from));
    return values;
  }

 private:
  struct Sample {
    std::uint64_t iterations = 0;
    double granularity_us = 0;
    double rate = 0;  ///< Iterations a second.
  };

  bool is_above_half(const Sample& sample) const { return sample.rate >= best_ / 2; }

  static std::uint64_t smaller(const Sample& sample, std::uint64_t factor) {
    if (sample.iterations / factor < smallest_kernel)
      throw std::runtime_error("even the smallest tasks reach half of the best rate");
    return sample.iterations / factor;
  }

  /// Halves the work until half of the best rate is lost.
  double crossing(std::uint64_t from) {
    Sample above = take(from);
    while (!is_above_half(above)) {
      if (above.iterations < largest_) {
        above = take(std::min(largest_, 2 * above.iterations));
      } else {
        std::fprintf(stderr, "graph: %s: the machine has half the power that it had: the best rate is taken anew\n",
                     graph_.name);
        best_ = above.rate;
      }
    }
    for (;;) {
      const Sample below = take(smaller(above, 2));
      if (!is_above_half(below)) {
        const double share = std::max(0.0, (above.rate - best_ / 2) / (above.rate - below.rate));
        return above.granularity_us * std::pow(below.granularity_us / above.granularity_us, share);
      }
      above = below;
    }
  }

  Sample take(std::uint64_t iterations) {
    const double tasks = static_cast<double>(graph_.graphs * width_ * steps_);
    const Run made = run(iterations);
    const Sample sample{iterations, made.seconds * cpus_ / tasks * 1e6, made.work / made.seconds};
    best_ = std::max(best_, sample.rate);
    return sample;
  }

  struct Run {
    double seconds = 0;  ///< From the first submit to the news of the last end.
    double work = 0;     ///< Iterations of all tasks.
  };

  Run run(std::uint64_t iterations) {
    if (graph_.has_actors)
      return run_points<3>(iterations, [&](const Place& place, std::uint64_t own, const Inputs<3>& inputs) {
        const auto& actor = actors_[place.graph * width_ + place.point];
        return actor.call(advance, place, own, inputs[0], inputs[1], inputs[2]);
      });
    switch (graph_.radix) {
      case 0: return run_tasks<0>(after_none, iterations);
      case 3: return run_tasks<3>(after_three, iterations);
      default: return run_tasks<5>(after_five, iterations);
    }
  }

  template <std::size_t radix, class Signature>
  Run run_tasks(const Task<Signature>& task, std::uint64_t iterations) {
    return run_points<radix>(iterations, [&](const Place& place, std::uint64_t own, const Inputs<radix>& inputs) {
      return std::apply([&](const auto&... each) { return session_.submit(task, place, own, each...); }, inputs);
    });
  }

  /// Step by step, in each the points of all graphs.
  template <std::size_t radix, class Start>
  Run run_points(std::uint64_t iterations, Start start) {
    const std::uint64_t row = graph_.graphs * width_;
    const auto place_of = [&](std::size_t at) { return Place{at % row / width_, at / row, at % width_, width_}; };
    const auto beyond = session_.put(Cell{});
    Run made;
    const auto begin = Clock::now();
    std::vector<Ref<Cell>> cells;
    cells.reserve(steps_ * row);
    while (cells.size() < steps_ * row) {
      const Place place = place_of(cells.size());
      Inputs<radix> inputs;
      for (std::size_t i = 0; i < radix; ++i) {
        const std::uint64_t neighbour = place.point + i - radix / 2;
        inputs[i] = is_inside(place, neighbour) ? cells[cells.size() - row + neighbour - place.point] : beyond;
      }
      const std::uint64_t own = graph_.is_imbalanced
                                    ? static_cast<std::uint64_t>(share_of(place) * static_cast<double>(iterations))
                                    : iterations;
      made.work += static_cast<double>(own);
      cells.push_back(start(place, own, inputs));
    }
    if (!session_.wait(cells, cells.size(), limit)) throw std::runtime_error("not every task ended");
    made.seconds = seconds_since(begin);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const Place place = place_of(i);
      if (session_.get(cells[i]) != Cell{place.graph, place.step, place.point})
        throw std::runtime_error("a point of the graph is wrong");
    }
    return made;
  }

  Session& session_;
  const MetgGraph& graph_;
  double cpus_;
  std::uint64_t width_;
  std::uint64_t steps_;
  std::vector<Actor<PointActor>> actors_;
  std::uint64_t largest_ = 0;
  double best_ = 0;  ///< Iterations a second, of all runs so far.
};

}  // namespace

void enroll_metg(Catalog& catalog) {
  const auto body = [](const Place& place, std::uint64_t iterations, const auto&... inputs) {
    return update(place, iterations, {inputs...});
  };
  catalog.add(after_none, body);
  catalog.add(after_three, body);
  catalog.add(after_five, body);
  catalog.add(point_actor, advance);
}

std::vector<double> metg_of(Session& session, const MetgGraph& graph, const MetgSize& size) {
  MetgSearch search(session, graph, size);
  std::fprintf(stderr, "graph: %s: graphs %llu, width %llu, steps %llu, radix %llu, %s\n", graph.name,
               static_cast<unsigned long long>(graph.graphs), static_cast<unsigned long long>(search.width()),
               static_cast<unsigned long long>(search.steps()), static_cast<unsigned long long>(graph.radix),
               graph.has_actors ? "calls of an actor a point" : "tasks");
  return search.measure(size.runs);
}

}  // namespace troupe::cli
