#include "tools/cli/bench/bench.h"

#include <algorithm>
#include <cstdio>

namespace troupe::cli {

double Measured::at(double quantile) const {
  std::vector<double> sorted = runs;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<std::size_t>(quantile * static_cast<double>(sorted.size() - 1) + 0.5)];
}

bool Bench::wants_suite(const std::string& suite) const {
  return command_.suites.empty() ||
         std::find(command_.suites.begin(), command_.suites.end(), suite) != command_.suites.end();
}

bool Bench::wants(const std::string& name) const {
  return command_.only.empty() || std::find(command_.only.begin(), command_.only.end(), name) != command_.only.end();
}

void Bench::print(const Measured& measured) {
  if (!wants(measured.name)) return;
  has_printed_ = true;
  if (command_.json) {
    std::printf(
        "{\"suite\":\"%s\",\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"min\":%.6g,\"max\":%.6g,\"runs\":%zu}\n",
        measured.suite.c_str(), measured.name.c_str(), measured.at(0.5), measured.unit.c_str(), measured.at(0),
        measured.at(1), measured.runs.size());
  } else {
    std::printf("%-9s %-34s %12.4g %-6s (%.4g to %.4g, %zu runs)\n", measured.suite.c_str(), measured.name.c_str(),
                measured.at(0.5), measured.unit.c_str(), measured.at(0), measured.at(1), measured.runs.size());
  }
  std::fflush(stdout);
}

}  // namespace troupe::cli
