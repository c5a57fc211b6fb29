#include "tools/cli/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {

ProgressLine::ProgressLine(std::string name, bool is_quiet)
    : name_(std::move(name)), is_quiet_(is_quiet), is_terminal_(is_terminal(STDERR_FILENO)) {
  next_ = start_ + (is_terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(1'000));
}

bool ProgressLine::is_due() const { return !is_quiet_ && Clock::now() >= next_; }

void ProgressLine::show(double done, const std::string& text) {
  if (!is_due()) return;
  const auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_);
  const std::string line = name_ + ": " + text + ", " + duration_text(taken);
  if (!is_terminal_) {
    std::fprintf(stderr, "%s\n", line.c_str());
    next_ = Clock::now() + std::chrono::seconds(3);
    return;
  }
  constexpr std::size_t width = 30;
  const auto full = static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * width);
  const std::string bar = std::string(full, '=') + std::string(width - full, ' ');
  std::fprintf(stderr, "\r[%s] %s\033[K", bar.c_str(), line.c_str());
  std::fflush(stderr);
  is_drawn_ = true;
  next_ = Clock::now() + std::chrono::milliseconds(100);
}

void ProgressLine::clear() {
  if (!is_drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  is_drawn_ = false;
}

}  // namespace troupe::cli
