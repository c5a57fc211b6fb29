#include "tools/cli/commands/logs.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "scheduler/local/log_reader.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/json_line.h"
#include "tools/cli/logs_found.h"
#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;
using scheduler::LogReader;

constexpr std::chrono::milliseconds between_reads{100};
constexpr int look_share = 10;  // A look at how far the tasks have come takes at most this part of the time.

/// What is printed of one attempt: whole lines, where something stands before each.
class Printer {
 public:
  Printer(const LogsCommand& command, const AttemptLog& log, bool is_alone)
      : command_(command), log_(log), is_raw_(is_alone && !command.json) {}

  void take(std::string_view bytes) {
    if (is_raw_) {
      std::fwrite(bytes.data(), 1, bytes.size(), stdout);
      if (!bytes.empty()) is_line_open_ = bytes.back() != '\n';
      return;
    }
    for (std::size_t end = 0; (end = bytes.find('\n')) != bytes.npos; bytes.remove_prefix(end + 1)) {
      line_ += bytes.substr(0, end);
      print_line();
    }
    line_ += bytes;
  }
  /// Nothing more will come. Answers whether the last line has no end on the screen.
  bool end() {
    if (!line_.empty()) print_line();
    return std::exchange(is_line_open_, false);
  }

 private:
  void print_line() {
    if (command_.json) {
      const Json object{{"graph", log_.graph.empty() ? Json() : Json(log_.graph)},
                        {"task", log_.task},
                        {"attempt", log_.attempt.number},
                        {"epoch", log_.attempt.epoch},
                        {"line", line_}};
      std::printf("%s\n", json_line(object).c_str());
    } else {
      std::printf("%s | %s\n", log_.task.c_str(), line_.c_str());
    }
    line_.clear();
  }

  const LogsCommand& command_;
  const AttemptLog log_;
  const bool is_raw_;
  bool is_line_open_ = false;
  std::string line_;
};

/// The last lines of several attempts, as they are handed in.
class Tail {
 public:
  explicit Tail(std::size_t most) : most_(most) {}
  void take(std::size_t attempt, std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
      if (lines_.empty() || lines_.back().first != attempt || lines_.back().second.ends_with('\n'))
        lines_.emplace_back(attempt, "");
      lines_.back().second += bytes.substr(0, end);
      bytes.remove_prefix(end);
      if (lines_.size() > most_) lines_.pop_front();
    }
  }
  const std::deque<std::pair<std::size_t, std::string>>& lines() const { return lines_; }

 private:
  const std::size_t most_;
  std::deque<std::pair<std::size_t, std::string>> lines_;
};

class Show {
 public:
  /// `tail`: so many lines of what is there at first; none: all.
  Show(const LogsCommand& command, std::optional<std::size_t> tail) : command_(command), tail_(tail) {}

  /// Takes in the attempts that are new, and which are over.
  void add(LogsFound&& found) {
    for (auto& log : found.attempts) {
      auto& known = by_file_[log.file];
      if (known == nullptr)
        known = &shown_.emplace_back(log.file, LogReader(log.file), Printer(command_, log, found.is_one_task));
      known->is_over = log.is_over || !command_.follow;
    }
  }

  void first_read() {
    if (!tail_) return read();
    Tail tail(*tail_);
    for (std::size_t i = 0; i < shown_.size(); ++i)
      read(shown_[i], [&](std::string_view bytes) { tail.take(i, bytes); });
    for (std::size_t i = 0, line = 0; i < shown_.size(); ++i) {
      for (; line < tail.lines().size() && tail.lines()[line].first == i; ++line)
        print(shown_[i], tail.lines()[line].second);
      end_if_over(shown_[i]);
    }
    std::fflush(stdout);
  }

  void read() {
    for (auto& each : shown_) {
      read(each, [&](std::string_view bytes) { print(each, bytes); });
      end_if_over(each);
    }
    std::fflush(stdout);
  }

 private:
  struct Shown {
    std::string file;
    std::optional<LogReader> reader;  // None: all has been read.
    Printer printer;
    bool is_over = false;
    Shown(std::string file, LogReader reader, Printer printer)
        : file(std::move(file)), reader(std::move(reader)), printer(std::move(printer)) {}
  };

  static void read(Shown& shown, const std::function<void(std::string_view)>& take) {
    if (!shown.reader) return;
    shown.reader->read(take);
    if (shown.reader->has_missed())
      complain("logs", shown.file + " was rotated twice meanwhile: some of it is missing");
    if (shown.is_over) shown.reader.reset();
  }
  void print(Shown& shown, std::string_view bytes) {
    if (std::exchange(is_line_open_, false)) std::fputc('\n', stdout);  // Of another attempt.
    shown.printer.take(bytes);
  }
  void end_if_over(Shown& shown) {
    if (shown.is_over) is_line_open_ = shown.printer.end() || is_line_open_;
  }

  const LogsCommand& command_;
  const std::optional<std::size_t> tail_;
  std::deque<Shown> shown_;
  std::map<std::string, Shown*> by_file_;
  bool is_line_open_ = false;
};

}  // namespace

int logs_command(const LogsCommand& command) {
  const auto fail = [](const Error& error) {
    complain("logs", error.message);
    return exit_code_of(error);
  };
  std::optional<std::size_t> tail;
  if (!command.tail.empty()) {
    tail = parse_count(command.tail);
    if (!tail) return fail(bad_input("--tail: found '" + command.tail + "', expected a number of lines"));
  }
  auto finder = LogFinder::choose(command.cluster);
  if (!finder) return fail(finder.error());
  auto found = finder->find(command.id);
  if (!found) return fail(found.error());
  bool is_over = found->is_over;
  if (command.follow) count_interrupts();
  Show show(command, tail);
  show.add(std::move(*found));
  show.first_read();
  for (auto look_at = Clock::now(); command.follow && !is_over && interrupts() == 0 && std::ferror(stdout) == 0;) {
    ::poll(nullptr, 0, static_cast<int>(between_reads.count()));
    if (const auto now = Clock::now(); now >= look_at) {
      found = finder->find(command.id);
      if (!found) return fail(found.error());
      is_over = found->is_over;  // Then all is written: what follows reads it to the end.
      show.add(std::move(*found));
      look_at = Clock::now() + std::max(Clock::duration(between_reads), (Clock::now() - now) * look_share);
    }
    show.read();
  }
  return interrupts() > 0 ? exit_interrupted : exit_done;
}

}  // namespace troupe::cli
