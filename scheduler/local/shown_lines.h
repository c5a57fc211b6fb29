// What several print at once, as a person is to read it: whole lines, each with who printed it, repeats folded, of a
// burst its beginning.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/local/folded_lines.h"

namespace troupe::scheduler {

class ShownLines {
 public:
  /// `show` is handed whole lines, without their ends.
  ShownLines(FoldedLines::Repeats repeats, std::function<void(const std::string&)> show)
      : folded_(repeats), show_(std::move(show)) {}

  struct Source {
    std::string who;
    std::string line{};     ///< That has no end yet.
    std::size_t lines = 0;  ///< Of this look.
  };

  void take(Source& source, std::string_view bytes);
  /// Of what a source prints between two looks no more than some lines are shown; this tells how many were left out.
  void end_look(Source& source);
  /// Nothing more comes from it.
  void end(Source& source);

  /// Tells of repeats whose time is over, and of all of them.
  void tell_repeats();
  void tell_all_repeats() { tell(folded_.rest()); }
  /// Until then there are none.
  std::optional<FoldedLines::Time> next_repeats() const { return folded_.next_due(); }

  static FoldedLines::Time now();

 private:
  void show_line(Source& source);
  void tell(const std::vector<std::string>& lines) const;

  FoldedLines folded_;
  std::function<void(const std::string&)> show_;
};

}  // namespace troupe::scheduler
