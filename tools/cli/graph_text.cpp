#include "tools/cli/graph_text.h"

#include <algorithm>

namespace troupe::cli {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '-'; }

void append_text(std::vector<TextPiece>& pieces, std::string_view text) {
  if (text.empty()) return;
  if (pieces.empty() || pieces.back().name) pieces.emplace_back();
  pieces.back().text += text;
}

}  // namespace

std::string BracedName::path(std::size_t first) const {
  std::string text;
  for (std::size_t i = first; i < steps.size(); ++i) text += steps[i];
  return text;
}

bool is_identifier(std::string_view name) {
  return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), is_word);
}

std::optional<BracedName> parse_braced_name(std::string_view inside) {
  BracedName name;
  std::size_t at = 0;
  while (at < inside.size() && is_word(inside[at])) ++at;
  name.head = inside.substr(0, at);
  if (!is_identifier(name.head)) return std::nullopt;
  while (at < inside.size()) {
    const std::size_t begin = at++;
    if (inside[begin] == '.') {
      while (at < inside.size() && is_word(inside[at])) ++at;
      if (at == begin + 1) return std::nullopt;
    } else if (inside[begin] == '[') {
      while (at < inside.size() && is_digit(inside[at])) ++at;
      if (at == begin + 1 || at - begin > 10 || at == inside.size() || inside[at] != ']') return std::nullopt;
      ++at;
    } else {
      return std::nullopt;
    }
    name.steps.emplace_back(inside.substr(begin, at - begin));
  }
  return name;
}

std::vector<TextPiece> parse_text(std::string_view source) {
  std::vector<TextPiece> pieces;
  std::size_t at = 0;
  while (at < source.size()) {
    const std::size_t open = source.find('{', at);
    if (open == source.npos) break;
    append_text(pieces, source.substr(at, open - at));
    at = open;
    const bool is_doubled = source.substr(open, 2) == "{{";
    const std::size_t begin = open + (is_doubled ? 2 : 1);
    const std::size_t close = source.find_first_of("{}", begin);
    const auto inside =
        close == source.npos || source[close] != '}' ? std::string_view{} : source.substr(begin, close - begin);
    auto name = parse_braced_name(inside);
    const bool is_shell = open > 0 && source[open - 1] == '$';
    if (name && is_doubled && source.substr(close, 2) == "}}") {
      append_text(pieces, "{");
      append_text(pieces, inside);
      append_text(pieces, "}");
      at = close + 2;
    } else if (name && !is_doubled && is_shell) {
      append_text(pieces, source.substr(open, close + 1 - open));
      at = close + 1;
    } else if (name && !is_doubled) {
      pieces.push_back({std::string(inside), std::move(name)});
      at = close + 1;
    } else {
      append_text(pieces, "{");
      ++at;
    }
  }
  append_text(pieces, source.substr(std::min(at, source.size())));
  return pieces;
}

}  // namespace troupe::cli
