// Lines of many tasks as a person is to read them: each with who printed it, and what is printed again and again, by
// whomever, once, with how often it came within the next seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::scheduler {

class FoldedLines {
 public:
  using Time = std::chrono::milliseconds;

  static constexpr Time window{2'000};

  enum class Repeats { folded, shown };
  explicit FoldedLines(Repeats repeats = Repeats::folded) : repeats_(repeats) {}

  /// What is to be shown for a line, if anything is: `TASK | LINE`.
  std::optional<std::string> take(Time now, const std::string& task, const std::string& line);

  /// What is to be told of lines whose window is over: `TASK | LINE [5 times more, by 3 tasks]`.
  std::vector<std::string> due(Time now);
  /// Of all of them.
  std::vector<std::string> rest() { return due(Time::max()); }
  /// When that will be of the next one.
  std::optional<Time> next_due() const;

 private:
  struct Seen {
    Time until{};
    std::uint64_t times = 0;  // Again.
    std::set<std::string> tasks;
    std::string last;  // Who printed it last.
  };
  Repeats repeats_;
  std::map<std::string, Seen> seen_;  // By line.
};

}  // namespace troupe::scheduler
