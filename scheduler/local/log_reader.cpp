#include "scheduler/local/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "runtime/worker/task_log.h"

namespace troupe::scheduler {
namespace {

bool is_same(const struct stat& a, const struct stat& b) { return a.st_ino == b.st_ino && a.st_dev == b.st_dev; }

}  // namespace

LogReader::LogReader(LogReader&& other) noexcept
    : file_(std::move(other.file_)),
      behind_(other.behind_),
      open_(std::exchange(other.open_, -1)),
      has_missed_(other.has_missed_) {}

LogReader::~LogReader() {
  if (open_ >= 0) ::close(open_);
}

void LogReader::read(const std::function<void(std::string_view)>& take) {
  do read_to_end(take);
  while (go_on());
}

void LogReader::read_to_end(const std::function<void(std::string_view)>& take) {
  if (open_ < 0) return;
  std::array<char, 1 << 16> piece;
  for (;;) {
    const auto got = ::read(open_, piece.data(), piece.size());
    if (got <= 0) return;
    take({piece.data(), static_cast<std::size_t>(got)});
  }
}

/// Opens what was written after the file that is open, if there is such; that one may have grown meanwhile.
bool LogReader::go_on() {
  const std::string older = older_log(file_);
  struct stat own {};
  struct stat now {};
  struct stat before {};
  const bool has_older = ::stat(older.c_str(), &before) == 0;
  std::string next = file_;
  if (open_ < 0) {
    if (has_older) next = older;
  } else {
    if (::fstat(open_, &own) != 0 || ::stat(file_.c_str(), &now) != 0 || is_same(own, now)) return false;
    const bool is_before = has_older && is_same(own, before);
    const bool has_grown = ::lseek(open_, 0, SEEK_CUR) < own.st_size;
    if (has_grown) return true;  // Before it was rotated.
    if (has_older && !is_before) {
      next = older;
      has_missed_ = true;
    }
  }
  const int opened = ::open(next.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened >= 0 && behind_ == Behind::holds_up) hold_log(opened);
  if (open_ >= 0) ::close(open_);  // Held until now.
  open_ = opened;
  return open_ >= 0;
}

}  // namespace troupe::scheduler
