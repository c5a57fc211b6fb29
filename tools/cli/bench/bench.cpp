#include "tools/cli/bench/bench.h"

#include <algorithm>
#include <cstdio>

namespace troupe::cli {

double quantile_of(std::vector<double> values, double quantile) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(quantile * static_cast<double>(values.size() - 1) + 0.5)];
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
        "{\"suite\":\"%s\",\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",%s\"min\":%.6g,\"max\":%.6g,\"runs\":%zu}\n",
        measured.suite.c_str(), measured.name.c_str(), measured.at(0.5), measured.unit.c_str(), latency.c_str(),
        measured.at(0), measured.at(1), measured.runs.size());
  } else {
    std::printf("%-9s %-34s %12.4g %-6s (%.4g to %.4g, %zu runs%s)\n", measured.suite.c_str(), measured.name.c_str(),
                measured.at(0.5), measured.unit.c_str(), measured.at(0), measured.at(1), measured.runs.size(),
                latency.c_str());
  }
  std::fflush(stdout);
}

}  // namespace troupe::cli
