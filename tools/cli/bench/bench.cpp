#include "tools/cli/bench/bench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace troupe::cli {

double quantile_of(std::vector<double> values, double quantile) {
  std::sort(values.begin(), values.end());
  const double place = quantile * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], place - static_cast<double>(below));
}

double Measured::mean() const {
  return std::accumulate(runs.begin(), runs.end(), 0.0) / static_cast<double>(runs.size());
}

double Measured::deviation() const {
  if (runs.size() < 2) return 0;
  double squares = 0;
  for (const double run : runs) squares += (run - mean()) * (run - mean());
  return std::sqrt(squares / static_cast<double>(runs.size() - 1));
}

double Measured::value() const { return is_rate() ? mean() : at(0.5); }

void Bench::print(const Measured& measured) const {
  if (!wants(measured.name)) return;
  const auto text = [](const char* format, auto... values) {
    char line[512];
    std::snprintf(line, sizeof line, format, values...);
    return std::string(line);
  };
  std::string latency;
  if (!measured.latency_us.empty())
    latency = text(command_.json ? "\"p50_us\":%.6g,\"p99_us\":%.6g," : ", p50 %.4g us, p99 %.4g us",
                   quantile_of(measured.latency_us, 0.5), quantile_of(measured.latency_us, 0.99));
  if (command_.json) {
    std::printf(
        "{\"suite\":\"%s\",\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",%s\"sd\":%.6g,\"min\":%.6g,\"median\":%.6g,"
        "\"max\":%.6g,\"runs\":%zu}\n",
        measured.suite.c_str(), measured.name.c_str(), measured.value(), measured.unit.c_str(), latency.c_str(),
        measured.deviation(), measured.at(0), measured.at(0.5), measured.at(1), measured.runs.size());
  } else {
    std::printf("%-9s %-44s %10.4g %-7s (sd %.2g, %.4g to %.4g, %zu runs%s)\n", measured.suite.c_str(),
                measured.name.c_str(), measured.value(), measured.unit.c_str(), measured.deviation(), measured.at(0),
                measured.at(1), measured.runs.size(), latency.c_str());
  }
  std::fflush(stdout);
}

}  // namespace troupe::cli
