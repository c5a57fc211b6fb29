#include "runtime/base/condition.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <variant>

#include <nlohmann/json.hpp>

#include "runtime/base/json_path.h"

namespace troupe {
namespace {

// Holds every integer of 64 bits exactly.
using Number = long double;
using Value = std::variant<Number, std::string, bool>;

constexpr std::size_t shown_bytes = 80;
constexpr std::size_t shown_results = 4;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Token {
  enum class Kind { end, word, number, text, comparison, open, close, unknown };
  Kind kind = Kind::end;
  std::string_view text;  ///< As it stands; of a string, what stands in its quotes.
  std::size_t column = 1;
};

class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) { advance(); }

  const Token& next() const { return next_; }
  Token take() {
    const Token taken = next_;
    advance();
    return taken;
  }

 private:
  char at(std::size_t place) const { return place < text_.size() ? text_[place] : '\0'; }

  void advance() {
    while (place_ < text_.size() && (at(place_) == ' ' || at(place_) == '\t' || at(place_) == '\n')) ++place_;
    const std::size_t begin = place_;
    next_ = {Token::Kind::end, {}, begin + 1};
    if (begin == text_.size()) return;
    const char c = at(begin);
    if (is_letter(c)) {
      take_word();
    } else if (is_digit(c) || (c == '-' && is_digit(at(begin + 1)))) {
      take_number();
    } else if (c == '"' || c == '\'') {
      return take_text(c);
    } else if (c == '(' || c == ')') {
      next_.kind = c == '(' ? Token::Kind::open : Token::Kind::close;
      ++place_;
    } else if (at(begin + 1) == '=' && (c == '=' || c == '!' || c == '<' || c == '>')) {
      next_.kind = Token::Kind::comparison;
      place_ += 2;
    } else {
      next_.kind = c == '<' || c == '>' ? Token::Kind::comparison : Token::Kind::unknown;
      ++place_;
    }
    next_.text = text_.substr(begin, place_ - begin);
  }

  /// A name with its `.key` and `[i]`; a hyphen may stand inside.
  void take_word() {
    next_.kind = Token::Kind::word;
    for (;; ++place_) {
      const char c = at(place_);
      const bool goes_on = is_letter(c) || is_digit(c) || ((c == '-' || c == '.') && is_letter(at(place_ + 1)));
      if (goes_on) continue;
      if (c != '[') return;
      std::size_t end = place_ + 1;
      while (is_digit(at(end))) ++end;
      if (at(end) != ']' || end == place_ + 1) return;
      place_ = end;
    }
  }

  void take_number() {
    next_.kind = Token::Kind::number;
    Number ignored = 0;
    place_ = static_cast<std::size_t>(std::from_chars(text_.data() + place_, text_.data() + text_.size(), ignored).ptr -
                                      text_.data());
  }

  void take_text(char quote) {
    const std::size_t begin = place_ + 1;
    const std::size_t end = text_.find(quote, begin);
    if (end == text_.npos) {
      next_ = {Token::Kind::unknown, text_.substr(place_), place_ + 1};
      place_ = text_.size();
    } else {
      next_ = {Token::Kind::text, text_.substr(begin, end - begin), place_ + 1};
      place_ = end + 1;
    }
  }

  std::string_view text_;
  std::size_t place_ = 0;
  Token next_;
};

std::string shown(std::string_view text) {
  return text.size() <= shown_bytes ? std::string(text) : std::string(text.substr(0, shown_bytes)) + "…";
}

/// The value that a JSON text is, if it can be compared.
std::optional<Value> value_of(const std::string& json) {
  if (json == "true" || json == "false") return json == "true";
  if (json.starts_with('"')) return nlohmann::json::parse(json).get<std::string>();
  Number number = 0;
  const auto read = std::from_chars(json.data(), json.data() + json.size(), number);
  if (read.ec != std::errc{} || read.ptr != json.data() + json.size()) return std::nullopt;
  return number;
}

template <class T>
bool compares(const T& left, std::string_view comparison, const T& right) {
  if (comparison == "==") return left == right;
  if (comparison == "!=") return left != right;
  if (comparison == "<") return left < right;
  if (comparison == "<=") return left <= right;
  if (comparison == ">") return left > right;
  return left >= right;
}

const char* kind_of(const Value& value) {
  const char* kinds[] = {"a number", "a text", "true or false"};
  return kinds[value.index()];
}

/// Reads a condition and, where there are results, decides it on the way. After its first fault it says false to
/// everything.
class Reader {
 public:
  Reader(std::string_view text, const Condition* condition, std::span<const std::string_view> results)
      : tokens_(text), condition_(condition), results_(results) {
    if (text.size() > most_condition_bytes)
      fail("it has " + std::to_string(text.size()) + " bytes, expected at most " +
           std::to_string(most_condition_bytes));
  }

  bool read() {
    const bool holds = read_or(condition_ != nullptr);
    if (tokens_.next().kind != Token::Kind::end) expect("and, or, or the end");
    return holds;
  }
  const std::optional<Error>& fault() const { return fault_; }
  std::vector<std::string> take_names() { return std::move(names_); }
  std::string because() const {
    std::string text;
    for (std::size_t i = 0; i < std::min(seen_.size(), shown_results); ++i) text += (i == 0 ? "" : ", ") + seen_[i];
    return seen_.size() > shown_results ? text + ", …" : text;
  }

 private:
  struct Operand {
    Token token;
    std::optional<Value> value;  // when it is to be compared
  };

  // `is_asked` is false where the answer no longer depends on what follows.
  bool read_or(bool is_asked) {
    bool holds = read_and(is_asked);
    while (take_word("or")) holds = read_and(is_asked && !holds) || holds;
    return holds;
  }

  bool read_and(bool is_asked) {
    bool holds = read_not(is_asked);
    while (take_word("and")) holds = read_not(is_asked && holds) && holds;
    return holds;
  }

  bool read_not(bool is_asked) {
    if (fault_) return false;
    if (depth_ == most_condition_depth) {
      fail("column " + std::to_string(tokens_.next().column) + ": nested more than " +
           std::to_string(most_condition_depth) + " deep");
      return false;
    }
    ++depth_;
    bool holds = false;
    if (take_word("not")) {
      holds = !read_not(is_asked);
    } else if (tokens_.next().kind == Token::Kind::open) {
      tokens_.take();
      holds = read_or(is_asked);
      if (tokens_.next().kind == Token::Kind::close) {
        tokens_.take();
      } else {
        expect("')'");
      }
    } else {
      holds = read_comparison(is_asked);
    }
    --depth_;
    return holds;
  }

  bool read_comparison(bool is_asked) {
    const auto left = read_operand(is_asked);
    if (fault_) return false;
    if (tokens_.next().kind != Token::Kind::comparison) {
      expect("a comparison such as ==");
      return false;
    }
    const std::string_view comparison = tokens_.take().text;
    const auto right = read_operand(is_asked);
    if (fault_ || !is_asked) return false;
    if (left.value->index() != right.value->index()) {
      fail(std::string(left.token.text) + " is " + kind_of(*left.value) + " and " + std::string(right.token.text) +
           " is " + kind_of(*right.value) + ": they cannot be compared");
      return false;
    }
    if (std::holds_alternative<bool>(*left.value) && comparison != "==" && comparison != "!=") {
      fail(std::string(left.token.text) + " is true or false, which has no order: compare it by == or !=");
      return false;
    }
    return std::visit(
        [&](const auto& value) {
          return compares(value, comparison, std::get<std::decay_t<decltype(value)>>(*right.value));
        },
        *left.value);
  }

  Operand read_operand(bool is_asked) {
    const Token token = tokens_.next();
    const bool is_keyword = token.text == "and" || token.text == "or" || token.text == "not";
    if (token.kind == Token::Kind::word && !is_keyword) {
      tokens_.take();
      if (token.text == "true" || token.text == "false") return {token, Value(token.text == "true")};
      note_name(token.text);
      return {token, is_asked ? look_up(token.text) : std::nullopt};
    }
    if (token.kind == Token::Kind::text) return {tokens_.take(), Value(std::string(token.text))};
    if (token.kind == Token::Kind::number) {
      if (const auto number = value_of(std::string(token.text))) return {tokens_.take(), number};
    }
    expect("a result such as task.key, a number, a text in quotes, true or false");
    return {token, std::nullopt};
  }

  std::optional<Value> look_up(std::string_view name) {
    // The longest name wins: `train[2].loss` is of the task `train[2]`, not an element of `train`.
    const std::pair<std::string, std::uint32_t>* named = nullptr;
    for (const auto& result : condition_->results) {
      const std::string_view rest = name.substr(std::min(result.first.size(), name.size()));
      const bool fits = name.starts_with(result.first) && (rest.empty() || rest.front() == '.' || rest.front() == '[');
      if (fits && (named == nullptr || result.first.size() > named->first.size())) named = &result;
    }
    if (named == nullptr || named->second >= results_.size()) {
      fail(std::string(name) + " is not known");
      return std::nullopt;
    }
    const auto found = value_at(results_[named->second], name.substr(named->first.size()));
    if (!found) {
      fail(std::string(name) + ": " + found.error().message);
      return std::nullopt;
    }
    auto value = value_of(*found);
    if (!value) fail(std::string(name) + " is " + shown(*found) + ", expected a number, a text, true or false");
    std::string seen = std::string(name) + " is " + shown(*found);
    if (std::find(seen_.begin(), seen_.end(), seen) == seen_.end()) seen_.push_back(std::move(seen));
    return value;
  }

  void note_name(std::string_view name) {
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.emplace_back(name);
  }

  bool take_word(std::string_view word) {
    const bool is_it = !fault_ && tokens_.next().kind == Token::Kind::word && tokens_.next().text == word;
    if (is_it) tokens_.take();
    return is_it;
  }

  void expect(const std::string& expected) {
    const Token& token = tokens_.next();
    const std::string found = token.kind == Token::Kind::end ? "the end" : "'" + shown(token.text) + "'";
    fail("column " + std::to_string(token.column) + ": found " + found + ", expected " + expected);
  }

  void fail(std::string message) {
    if (!fault_) fault_ = Error{Fault::bad_input, std::move(message)};
  }

  Tokens tokens_;
  const Condition* condition_;  // none: nothing is decided
  std::span<const std::string_view> results_;
  std::size_t depth_ = 0;
  std::vector<std::string> names_;
  std::vector<std::string> seen_;
  std::optional<Error> fault_;
};

}  // namespace

Result<std::vector<std::string>> results_named_in(std::string_view text) {
  Reader reader(text, nullptr, {});
  reader.read();
  if (reader.fault()) return *reader.fault();
  return reader.take_names();
}

std::string flaw_of(const Condition& condition, std::size_t count) {
  const auto names = results_named_in(condition.text);
  if (!names) return names.error().message;
  for (const auto& [name, place] : condition.results)
    if (place >= count) return "it names a result, '" + name + "', that it is not asked about";
  return {};
}

Result<Decision> evaluate(const Condition& condition, std::span<const std::string_view> results) {
  Reader reader(condition.text, &condition, results);
  const bool holds = reader.read();
  if (reader.fault()) return *reader.fault();
  return Decision{holds, reader.because()};
}

}  // namespace troupe
