// Conditions of graph files, and what they are asked about: the text, a zero byte, then results as JSON, a zero byte
// between.
// Covers: runtime/base/condition.cpp runtime/base/json_path.cpp
#include "runtime/base/condition.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {

void run(std::string_view bytes) {
  std::vector<std::string_view> pieces;
  for (std::size_t begin = 0; begin <= bytes.size();) {
    const std::size_t end = std::min(bytes.find('\0', begin), bytes.size());
    pieces.push_back(bytes.substr(begin, end - begin));
    begin = end + 1;
  }
  const std::string text(pieces.front());
  pieces.erase(pieces.begin());
  const auto named = results_named_in(text);
  Condition condition{text, {}};
  if (named) {
    for (const std::string& name : *named) {
      const std::string task = name.substr(0, name.find('.'));
      const auto is_it = [&](const auto& each) { return each.first == task; };
      if (std::none_of(condition.results.begin(), condition.results.end(), is_it))
        condition.results.emplace_back(task, static_cast<std::uint32_t>(condition.results.size()));
    }
  }
  const std::string flaw = flaw_of(condition, pieces.size());
  if (!named) TROUPE_CHECK(!flaw.empty(), "a condition that cannot be read has a flaw");
  if (!flaw.empty()) return;
  const auto decision = evaluate(condition, pieces);
  if (!decision) TROUPE_CHECK(decision.error().fault == Fault::bad_input, "who cannot decide says why");
}

std::vector<std::string> seeds() {
  const std::string zero(1, '\0');
  return {"join.accuracy >= 0.9 and not (prepare.kind == \"small\")" + zero + "{\"accuracy\":0.95}" + zero +
              "{\"kind\":\"large\"}",
          "a[2].x < b or a[2].y != true" + zero + "{\"x\":1,\"y\":false}" + zero + "3",
          "not not (a > -1.5e3)" + zero + "[1,2]", "a.list[3] == 'x'" + zero + "{\"list\":[1,2,3,\"x\"]}"};
}

}  // namespace troupe::fuzz
