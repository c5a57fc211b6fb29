#include "runtime/worker/task_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <vector>

namespace troupe {

namespace fs = std::filesystem;

std::string log_name(const LogOwner& owner) {
  std::string name = owner.name.substr(0, longest_name_in_log);
  for (char& c : name)
    if (c == '/' || static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '_';
  return to_text(owner.task) + '-' + name + '-' + std::to_string(owner.attempt.epoch) + '.' +
         std::to_string(owner.attempt.number);
}

std::optional<LogOwner> log_owner_from(std::string_view file_name) {
  const std::size_t first = file_name.find('-');
  const std::size_t last = file_name.rfind('-');
  if (first == last) return std::nullopt;
  const auto attempt =
      attempt_from(std::string(file_name.substr(0, first)) + '#' + std::string(file_name.substr(last + 1)));
  if (!attempt) return std::nullopt;
  return LogOwner{attempt->first, attempt->second, std::string(file_name.substr(first + 1, last - first - 1))};
}

int open_log(const std::string& file) { return ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600); }

void hold_log(int descriptor) { ::flock(descriptor, LOCK_SH); }

bool is_held(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool held = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return held;
}

int rotate_log(const std::string& file) {
  ::rename(file.c_str(), older_log(file).c_str());
  return open_log(file);
}

std::string last_lines(const std::string& file, std::size_t most_lines, std::size_t most_bytes) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream) return {};
  const auto size = static_cast<std::size_t>(stream.tellg());
  const std::size_t take = std::min(size, most_bytes);
  std::string text(take, '\0');
  stream.seekg(static_cast<std::streamoff>(size - take));
  stream.read(text.data(), static_cast<std::streamsize>(take));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::size_t begin = text.size();
  for (std::size_t lines = 0; begin > 0; --begin)
    if (text[begin - 1] == '\n' && ++lines == most_lines) break;
  return text.substr(begin);
}

void prune_logs(const std::string& folder) {
  constexpr std::size_t most_files = 2'000;
  constexpr std::uint64_t most_bytes = 1u << 30;
  struct Log {
    fs::file_time_type written;
    std::uint64_t bytes = 0;
    fs::path path;
  };
  std::vector<Log> logs;
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("worker-") || name == recent_attempts_file || !entry.is_regular_file(error)) continue;
    logs.push_back({entry.last_write_time(error), entry.file_size(error), entry.path()});
    bytes += logs.back().bytes;
  }
  std::sort(logs.begin(), logs.end(), [](const Log& a, const Log& b) { return a.written < b.written; });
  for (std::size_t left = logs.size(), i = 0; left > 0 && (left > most_files || bytes > most_bytes); --left, ++i) {
    fs::remove(logs[i].path, error);
    bytes -= logs[i].bytes;
  }
}

}  // namespace troupe
