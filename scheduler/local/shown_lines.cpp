#include "scheduler/local/shown_lines.h"

#include <algorithm>
#include <chrono>

namespace troupe::scheduler {
namespace {

constexpr std::size_t most_lines = 200;  // Of one source at once.
constexpr std::size_t longest_line = 2'000;

}  // namespace

FoldedLines::Time ShownLines::now() {
  return std::chrono::duration_cast<FoldedLines::Time>(std::chrono::steady_clock::now().time_since_epoch());
}

void ShownLines::take(Source& source, std::string_view bytes) {
  for (std::size_t end = 0; (end = bytes.find('\n')) != bytes.npos; bytes.remove_prefix(end + 1)) {
    source.line += bytes.substr(0, std::min(end, longest_line));
    show_line(source);
  }
  if (source.line.size() < longest_line) source.line += bytes.substr(0, longest_line);
}

void ShownLines::end_look(Source& source) {
  if (source.lines > most_lines)
    show_(source.who + " | ... " + std::to_string(source.lines - most_lines) + " lines more (troupe logs shows all)");
  source.lines = 0;
}

void ShownLines::end(Source& source) {
  end_look(source);
  if (!source.line.empty()) show_line(source);
}

void ShownLines::tell_repeats() { tell(folded_.due(now())); }

void ShownLines::show_line(Source& source) {
  if (++source.lines <= most_lines)
    if (const auto shown = folded_.take(now(), source.who, source.line)) show_(*shown);
  source.line.clear();
}

void ShownLines::tell(const std::vector<std::string>& lines) const {
  for (const auto& line : lines) show_(line);
}

}  // namespace troupe::scheduler
