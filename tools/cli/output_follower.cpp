#include "tools/cli/output_follower.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
namespace troupe::cli {
namespace {

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// `output-EPOCH.NUMBER`; one that was rotated has a number more.
bool is_output(const std::string& name) {
  return name.starts_with("output-") && std::count(name.begin(), name.end(), '.') == 1;
}

}  // namespace

void OutputFollower::pass_on() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error))
    if (is_output(entry.path().filename().string()))
      logs_.try_emplace(entry.path().string(), entry.path().string(), LogReader::Behind::holds_up);
  for (auto& [file, log] : logs_) log.read([this](std::string_view bytes) { write_all(descriptor_, bytes); });
}

}  // namespace troupe::cli
