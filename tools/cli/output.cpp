#include "tools/cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace troupe::cli {
namespace {

/// Characters as they stand side by side: bytes that continue a UTF-8 character take no room.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

std::size_t terminal_width() {
  winsize size{};
  if (!is_terminal(STDOUT_FILENO) || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return std::string::npos;
  return size.ws_col;
}

/// The first `most` characters.
std::string cut(std::string_view text, std::size_t most) {
  std::size_t at = 0;
  for (std::size_t shown = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0u) != 0x80u;
    if (begins && ++shown > most) break;
  }
  return std::string(text.substr(0, at));
}

std::string time_text(std::int64_t ms, const char* format, bool is_utc) {
  const std::time_t seconds = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
  std::tm parts{};
  is_utc ? ::gmtime_r(&seconds, &parts) : ::localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), format, &parts);
  return std::string(text.data(), length);
}

}  // namespace

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

bool wants_colour(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");
  return (refused == nullptr || *refused == '\0') && is_terminal(descriptor);
}

void Table::print() const {
  std::vector<std::size_t> shown;  // Columns that have something in them.
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = 0;
    for (const auto& row : rows_) width = std::max(width, width_of(row[i].text));
    widths.push_back(std::max(width, width_of(columns_[i].heading)));
    if (width > 0 || rows_.empty()) shown.push_back(i);
  }
  const std::size_t most = terminal_width();
  const bool coloured = wants_colour(STDOUT_FILENO);
  std::string out;
  const auto append_row = [&](const auto& cell_at) {
    std::size_t at = 0;
    for (const std::size_t i : shown) {
      const Cell& cell = cell_at(i);
      const bool is_last = i == shown.back();
      const std::string text =
          is_last && most != std::string::npos ? cut(cell.text, most - std::min(most, at)) : cell.text;
      const std::size_t padding = widths[i] - width_of(text);
      if (columns_[i].is_number) out.append(padding, ' ');
      if (coloured) out += cell.colour;
      out += text;
      if (coloured && !cell.colour.empty()) out += "\033[0m";
      if (!columns_[i].is_number && !is_last) out.append(padding, ' ');
      out += is_last ? "\n" : "  ";
      at += widths[i] + 2;
    }
  };
  std::vector<Cell> headings;
  for (const auto& column : columns_) headings.emplace_back(column.heading, "\033[1m");
  append_row([&](std::size_t i) -> const Cell& { return headings[i]; });
  for (const auto& row : rows_) append_row([&](std::size_t i) -> const Cell& { return row[i]; });
  std::fwrite(out.data(), 1, out.size(), stdout);
}

std::string_view colour_of(std::string_view state) {
  if (state == "done" || state == "ok") return "\033[32m";
  if (state == "failed" || state == "fail") return "\033[31m";
  if (state == "cancelled" || state == "skipped" || state == "interrupted" || state == "warn") return "\033[33m";
  if (state == "running") return "\033[36m";
  return {};
}

Cell state_cell(const std::string& state) { return {state, colour_of(state)}; }

std::string rfc3339(std::int64_t ms) {
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(((ms % 1000) + 1000) % 1000));
  return time_text(ms, "%Y-%m-%dT%H:%M:%S", true) + fraction.data();
}

std::string local_time(std::int64_t ms) { return ms == 0 ? "-" : time_text(ms, "%Y-%m-%d %H:%M:%S", false); }

std::string first_line(std::string_view text, std::size_t most) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return width_of(line) <= most ? std::string(line) : cut(line, most - 3) + "...";
}

void complain(std::string_view command, std::string_view message) {
  std::fflush(stdout);
  std::fprintf(stderr, "troupe %.*s: %.*s\n", static_cast<int>(command.size()), command.data(),
               static_cast<int>(message.size()), message.data());
}

}  // namespace troupe::cli
