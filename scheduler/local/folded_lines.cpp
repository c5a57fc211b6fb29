#include "scheduler/local/folded_lines.h"

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_seen = 1'000;  // More different lines than these within a window are not folded.

std::string with_task(const std::string& task, const std::string& line) { return task + " | " + line; }

}  // namespace

std::optional<std::string> FoldedLines::take(Time now, const std::string& task, const std::string& line) {
  const auto seen = seen_.find(line);
  if (seen == seen_.end()) {
    if (repeats_ == Repeats::folded && !line.empty() && seen_.size() < most_seen) seen_[line].until = now + window;
    return with_task(task, line);
  }
  ++seen->second.times;
  seen->second.tasks.insert(task);
  seen->second.last = task;
  return std::nullopt;
}

std::vector<std::string> FoldedLines::due(Time now) {
  std::vector<std::string> told;
  std::erase_if(seen_, [&](const auto& each) {
    const auto& [line, seen] = each;
    if (now < seen.until) return false;
    const std::string by = seen.tasks.size() > 1 ? ", by " + std::to_string(seen.tasks.size()) + " tasks" : "";
    if (seen.times == 1) told.push_back(with_task(seen.last, line));
    if (seen.times > 1)
      told.push_back(with_task(seen.last, line) + " [" + std::to_string(seen.times) + " times more" + by + "]");
    return true;
  });
  return told;
}

std::optional<FoldedLines::Time> FoldedLines::next_due() const {
  std::optional<Time> next;
  for (const auto& [line, seen] : seen_)
    if (seen.times > 0 && (!next || seen.until < *next)) next = seen.until;
  return next;
}

}  // namespace troupe::scheduler
