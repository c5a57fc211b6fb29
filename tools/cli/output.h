// What people and programs read: tables, times, one line of progress. JSON is made in task_report.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/task_spec.h"

namespace troupe::cli {

/// Whether colours and moving lines may go to this descriptor: a terminal, and for colours no NO_COLOR.
bool is_terminal(int descriptor);
bool wants_colour(int descriptor);

struct Cell {
  std::string text;
  std::string_view colour;  ///< An escape sequence; empty: none.
  Cell(std::string text, std::string_view colour = {}) : text(std::move(text)), colour(colour) {}
  Cell(const char* text) : text(text) {}
};

struct Column {
  std::string heading;
  bool is_number = false;  ///< Set to the right.
};

/// Columns as wide as what is in them. On a terminal the last one is cut at its edge.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  /// To stdout.
  void print() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// Colour of a state: of a task, a run or a check.
std::string_view colour_of(std::string_view state);
Cell state_cell(const std::string& state);

/// `2024-05-01T12:03:01.123Z`, of milliseconds since 1970.
std::string rfc3339(std::int64_t ms);
/// The same for people: `2024-05-01 12:03:01`, in the machine's own time zone; `-` for 0, which is not yet.
std::string local_time(std::int64_t ms);

/// The first line only, at most so many characters.
std::string first_line(std::string_view text, std::size_t most = 200);

/// One line on stderr: `troupe run: MESSAGE`.
void complain(std::string_view command, std::string_view message);

}  // namespace troupe::cli
