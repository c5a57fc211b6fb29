#include "tools/cli/output_follower.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <filesystem>

namespace troupe::cli {
namespace {

bool write_all(int descriptor, const char* data, std::size_t size) {
  while (size > 0) {
    const auto written = ::write(descriptor, data, size);
    if (written <= 0) return false;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

}  // namespace

void OutputFollower::pass_on() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error))
    if (entry.path().filename().string().starts_with("output-")) passed_.try_emplace(entry.path().string(), 0);
  std::array<char, 1 << 16> buffer;
  for (auto& [path, passed] : passed_) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    for (;;) {
      const auto read = ::pread(file, buffer.data(), buffer.size(), static_cast<off_t>(passed));
      if (read <= 0 || !write_all(descriptor_, buffer.data(), static_cast<std::size_t>(read))) break;
      passed += static_cast<std::uint64_t>(read);
    }
    ::close(file);
  }
}

}  // namespace troupe::cli
