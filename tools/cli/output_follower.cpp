#include "tools/cli/output_follower.h"

#include <algorithm>
#include <filesystem>

namespace troupe::cli {
namespace {

/// `output-EPOCH.NUMBER`; one that was rotated has a number more.
bool is_output(const std::string& name) {
  return name.starts_with("output-") && std::count(name.begin(), name.end(), '.') == 1;
}

}  // namespace

void OutputFollower::pass_on() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error))
    if (is_output(entry.path().filename().string()))
      logs_.try_emplace(entry.path().string(), entry.path().string(), behind_);
  for (auto& [file, log] : logs_) log.read(take_);
}

}  // namespace troupe::cli
