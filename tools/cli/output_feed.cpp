#include "tools/cli/output_feed.h"

#include <algorithm>
#include <chrono>

namespace troupe::cli {
namespace {

constexpr std::size_t most_lines = 200;  // Of one task at once.
constexpr std::size_t longest_line = 2'000;

FoldedLines::Time now() {
  return std::chrono::duration_cast<FoldedLines::Time>(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

void OutputFeed::follow(const std::string& task, const std::string& directory) {
  sources_.try_emplace(task, directory, [this, task](std::string_view bytes) { take(task, bytes); });
}

void OutputFeed::end(const std::string& task, const std::string& directory) {
  follow(task, directory);
  const auto source = sources_.find(task);
  pass_on(task, source->second);
  if (!source->second.line.empty()) show_line(task, source->second);
  sources_.erase(source);
}

void OutputFeed::pass_on() {
  for (auto& [task, source] : sources_) pass_on(task, source);
  tell(folded_.due(now()));
}

void OutputFeed::finish() { tell(folded_.rest()); }

void OutputFeed::pass_on(const std::string& task, Source& source) {
  source.lines = 0;
  source.follower.pass_on();
  if (source.lines > most_lines)
    show_(task + " | ... " + std::to_string(source.lines - most_lines) + " lines more (troupe logs shows all)");
  source.lines = 0;
}

void OutputFeed::take(const std::string& task, std::string_view bytes) {
  Source& source = sources_.at(task);
  for (std::size_t end = 0; (end = bytes.find('\n')) != bytes.npos; bytes.remove_prefix(end + 1)) {
    source.line += bytes.substr(0, std::min(end, longest_line));
    show_line(task, source);
  }
  if (source.line.size() < longest_line) source.line += bytes.substr(0, longest_line);
}

void OutputFeed::show_line(const std::string& task, Source& source) {
  if (++source.lines <= most_lines)
    if (const auto shown = folded_.take(now(), task, source.line)) show_(*shown);
  source.line.clear();
}

void OutputFeed::tell(const std::vector<std::string>& lines) const {
  for (const auto& line : lines) show_(line);
}

}  // namespace troupe::cli
