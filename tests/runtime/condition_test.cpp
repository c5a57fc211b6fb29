#include "runtime/base/condition.h"

#include <catch2/catch.hpp>

#include "tests/support/dice.h"

using namespace troupe;

namespace {

const Condition about_join(const std::string& text) { return {text, {{"join", 0}, {"train[2]", 1}}}; }

constexpr std::string_view join = R"({"accuracy": 0.83, "n": 9007199254740993, "kind": "big", "ok": true, "none": null,
                                      "list": [1, {"x": 2}], "a-b": 4})";
constexpr std::string_view train = "7";

/// `true` or `false` with what was looked at, or the fault.
std::string answer(const std::string& text) {
  const std::string_view results[] = {join, train};
  const auto decision = evaluate(about_join(text), results);
  if (!decision) return decision.error().message;
  return std::string(decision->holds ? "true" : "false") + (decision->because.empty() ? "" : ": ") + decision->because;
}

std::string flaw(const std::string& text) {
  const auto names = results_named_in(text);
  return names ? "" : names.error().message;
}

}  // namespace

TEST_CASE("a condition compares results, numbers, texts, true and false", "[condition]") {
  CHECK(answer("join.accuracy >= 0.9") == "false: join.accuracy is 0.83");
  CHECK(answer("join.accuracy >= 0.83") == "true: join.accuracy is 0.83");
  CHECK(answer("0.9 > join.accuracy") == "true: join.accuracy is 0.83");
  CHECK(answer("join.kind == \"big\"") == "true: join.kind is \"big\"");
  CHECK(answer("join.kind != 'big'") == "false: join.kind is \"big\"");
  CHECK(answer("join.kind < 'bih'") == "true: join.kind is \"big\"");
  CHECK(answer("join.ok == true") == "true: join.ok is true");
  CHECK(answer("join.list[0] == 1 and join.list[1].x == 2") == "true: join.list[0] is 1, join.list[1].x is 2");
  CHECK(answer("train[2] <= 7") == "true: train[2] is 7");
  CHECK(answer("join.a-b == 4") == "true: join.a-b is 4");
  CHECK(answer("-1 < 1e-3") == "true");
}

TEST_CASE("whole numbers are compared exactly, however large", "[condition]") {
  CHECK(answer("join.n == 9007199254740992") == "false: join.n is 9007199254740993");
  CHECK(answer("join.n > 9007199254740992") == "true: join.n is 9007199254740993");
}

TEST_CASE("and binds more closely than or, not most closely, parentheses before all", "[condition]") {
  CHECK(answer("1 == 1 or 1 == 2 and 1 == 2") == "true");
  CHECK(answer("(1 == 1 or 1 == 2) and 1 == 2") == "false");
  CHECK(answer("not 1 == 2 and 1 == 1") == "true");
  CHECK(answer("not (1 == 1 and 1 == 1)") == "false");
  CHECK(answer("not not 1 == 1") == "true");
}

TEST_CASE("a condition looks no further than it must", "[condition]") {
  CHECK(answer("join.ok == false and join.missing == 1") == "false: join.ok is true");
  CHECK(answer("join.ok == true or join.missing == 1") == "true: join.ok is true");
  CHECK(answer("join.ok == true and join.missing == 1") == "join.missing: the result has no key 'missing'");
}

TEST_CASE("what cannot be compared is a fault that names it", "[condition]") {
  CHECK(answer("join.kind > 3") == "join.kind is a text and 3 is a number: they cannot be compared");
  CHECK(answer("join.none == 3") == "join.none is null, expected a number, a text, true or false");
  CHECK(answer("join.list == 3") == "join.list is [1,{\"x\":2}], expected a number, a text, true or false");
  CHECK(answer("join.list[2] == 3") == "join.list[2]: the result has no element [2]");
  CHECK(answer("join.ok < true") == "join.ok is true or false, which has no order: compare it by == or !=");
  CHECK(answer("other.x == 3") == "other.x is not known");
  const std::string_view broken[] = {"{", train};
  CHECK(evaluate(about_join("join == 1"), broken).error().message == "join: the result is not a JSON value");
}

TEST_CASE("a flaw of a condition is told with its column", "[condition]") {
  CHECK(flaw("") ==
        "column 1: found the end, expected a result such as task.key, a number, a text in quotes, true or "
        "false");
  CHECK(flaw("a.b = 3") == "column 5: found '=', expected a comparison such as ==");
  CHECK(flaw("a.b") == "column 4: found the end, expected a comparison such as ==");
  CHECK(flaw("a == 1 b") == "column 8: found 'b', expected and, or, or the end");
  CHECK(flaw("(a == 1") == "column 8: found the end, expected ')'");
  CHECK(flaw("a == 'x") ==
        "column 6: found ''x', expected a result such as task.key, a number, a text in quotes, true "
        "or false");
  CHECK(flaw("f(a) == 1") == "column 2: found '(', expected a comparison such as ==");
  CHECK(flaw("a + 1 == 2") == "column 3: found '+', expected a comparison such as ==");
  CHECK(flaw("a == and") ==
        "column 6: found 'and', expected a result such as task.key, a number, a text in quotes, "
        "true or false");
}

TEST_CASE("a condition tells which results it names", "[condition]") {
  const auto names = results_named_in("join.accuracy > 0.9 and (train[2].loss < join.accuracy or not ok.x == true)");
  REQUIRE(names);
  CHECK(*names == std::vector<std::string>{"join.accuracy", "train[2].loss", "ok.x"});
  CHECK(flaw_of(about_join("join == 1"), 2).empty());
  CHECK(flaw_of(about_join("join == 1"), 1) == "it names a result, 'train[2]', that it is not asked about");
}

TEST_CASE("a condition is bounded in length and depth", "[condition]") {
  CHECK(flaw(std::string(most_condition_bytes + 1, ' ')) == "it has 4097 bytes, expected at most 4096");
  const auto nested = [](std::size_t depth) { return std::string(depth, '(') + "1 == 1" + std::string(depth, ')'); };
  CHECK(flaw(nested(most_condition_depth - 1)).empty());
  CHECK(flaw(nested(most_condition_depth)) == "column 33: nested more than 32 deep");
  std::string nots;
  for (int i = 0; i < 1000; ++i) nots += "not ";
  CHECK(flaw(nots + "1 == 1") == "column 129: nested more than 32 deep");
}

TEST_CASE("whatever text comes as a condition, it is answered or refused", "[condition]") {
  test::Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  const std::vector<std::string> pieces{"join",
                                        ".",
                                        "[",
                                        "]",
                                        "2",
                                        "0.5",
                                        "\"",
                                        "'",
                                        "==",
                                        "<=",
                                        "<",
                                        "=",
                                        "!",
                                        "and",
                                        "or",
                                        "not",
                                        "(",
                                        ")",
                                        " ",
                                        "-",
                                        "1e",
                                        "é",
                                        "\n",
                                        "true",
                                        "false",
                                        "{",
                                        ".list",
                                        "[1]",
                                        "\\",
                                        "join.accuracy < 1",
                                        "train[2] == 7"};
  const std::string_view results[] = {join, train};
  std::size_t answered = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::uint64_t left = dice.below(12); left > 0; --left) {
      text += pieces[dice.below(pieces.size())];
      if (dice.below(2) == 0) text += ' ';
    }
    if (dice.below(10) == 0) text += dice.string();
    const auto names = results_named_in(text);
    const auto decision = evaluate(about_join(text), results);
    INFO("condition: " << text);
    if (!names) REQUIRE_FALSE(decision);
    if (decision) ++answered;
    if (!decision) REQUIRE_FALSE(decision.error().message.empty());
  }
  CHECK(answered > 0);
}
