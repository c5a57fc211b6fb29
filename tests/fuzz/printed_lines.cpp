// What tasks print and why they fail, as a person is shown it: whole lines, none too long, and of a long text its two
// ends. Sources take turns by the bytes.
// Covers: runtime/base/clip.cpp scheduler/local/shown_lines.cpp scheduler/local/folded_lines.cpp
#include "runtime/base/check.h"
#include "runtime/base/clip.h"
#include "scheduler/local/shown_lines.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {

void run(std::string_view bytes) {
  using scheduler::FoldedLines;
  using scheduler::ShownLines;
  Tape tape(bytes);
  const auto repeats = tape.byte() % 2 == 0 ? FoldedLines::Repeats::folded : FoldedLines::Repeats::shown;
  const std::size_t most = tape.byte();
  const std::string whole(bytes);
  const std::string cut = clipped(whole, most);
  TROUPE_CHECK(whole.size() <= most ? cut == whole : cut.find(" bytes) ...") != cut.npos, "what is cut says so");
  TROUPE_CHECK(cut.size() <= std::max<std::size_t>(most, 40), "and is no longer than was said");

  ShownLines lines(repeats, [](const std::string& line) {
    TROUPE_CHECK(line.find('\n') == line.npos, "a line is one line");
    TROUPE_CHECK(line.size() < 4'100, "a line is no longer than somebody reads");
  });
  std::vector<ShownLines::Source> sources{{"a"}, {"b"}};
  while (!tape.is_over()) {
    ShownLines::Source& source = sources[tape.byte() % 2];
    std::string text(tape.take(tape.byte()));
    if (text.starts_with('*'))
      for (int doubled = 0; doubled < 8; ++doubled) text += text;
    lines.take(source, text);
    lines.end_look(source);
  }
  lines.tell_repeats();
  for (auto& source : sources) lines.end(source);
  lines.tell_all_repeats();
  TROUPE_CHECK(!lines.next_repeats(), "all has been told");
}

std::vector<std::string> seeds() {
  return {std::string("\0\x30\0\5line\n\1\5line\n\0\5line\n\1\4oth\n", 28) + std::string(60, 'x'),
          std::string("\1\0\0\4*ab\n\1\3abc", 12),
          std::string("\0\x28\0\x14", 4) + "\xc3\xa4\xc3\xa4\xc3\xa4" + std::string(80, '\xa4')};
}

}  // namespace troupe::fuzz
