#include "tools/cli/progress_line.h"

#include <unistd.h>

#include <cstdio>

#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {

ProgressLine::ProgressLine(std::string name, bool is_quiet)
    : name_(std::move(name)), is_quiet_(is_quiet), is_terminal_(is_terminal(STDERR_FILENO)) {
  next_ = start_ + (is_terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(1'000));
}

bool ProgressLine::is_due() const { return !is_quiet_ && Clock::now() >= next_; }

void ProgressLine::show(const WorkProgress& progress) {
  if (!is_due()) return;
  std::string text = name_ + ": " + std::to_string(progress.ended) + " of " + std::to_string(progress.total) +
                     (progress.total == 1 ? " task" : " tasks") + " ended";
  if (progress.running > 0) text += ", " + std::to_string(progress.running) + " running";
  if (progress.failed > 0) text += ", " + std::to_string(progress.failed) + " failed";
  text += ", " + duration_text(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_));
  if (!is_terminal_) {
    std::fprintf(stderr, "%s\n", text.c_str());
    next_ = Clock::now() + std::chrono::seconds(3);
    return;
  }
  constexpr std::size_t width = 30;
  const std::size_t full = progress.total == 0 ? width : progress.ended * width / progress.total;
  const std::string bar = std::string(full, '=') + std::string(width - full, ' ');
  std::fprintf(stderr, "\r[%s] %s\033[K", bar.c_str(), text.c_str());
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
