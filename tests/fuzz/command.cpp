// What commands write for results, and what is put into the words of those after them: a word, a value of the
// environment, the file that it leaves, then results, a zero byte between. What is taken for a result is JSON.
// Covers: runtime/agent/command.cpp
#include "runtime/agent/command.h"

#include <nlohmann/json.hpp>

#include "runtime/base/check.h"
#include "runtime/base/json_path.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

constexpr const char* names[] = {"a", "b", "a[2]", "ab"};  // Of those whose results are taken.

}  // namespace

void run(std::string_view bytes) {
  std::vector<std::string> pieces(1);
  for (const char byte : bytes) {
    if (byte != '\0')
      pieces.back() += byte;
    else
      pieces.emplace_back();
  }
  pieces.resize(3 + std::size(names));
  CommandWork work{.argv = {"run", pieces[0]}, .environment = {{"VALUE", pieces[1]}}};
  work.task_directory = folder_in_memory().file("task");
  RunOrder order{.task = {JobId{7}, 1}, .attempt = {1, 2}, .token = pieces[0].size()};
  for (std::size_t i = 0; i < std::size(names); ++i) {
    work.results.emplace_back(names[i], static_cast<std::uint32_t>(i));
    order.inputs.push_back(pieces[3 + i]);
  }
  order.work = work;
  auto command = prepare_command(order, pieces[1]);
  if (!command) {
    TROUPE_CHECK(command.error().fault == Fault::bad_input, "what cannot be put into a word is said");
    work.argv.pop_back();
    work.environment.clear();
    order.work = work;
    command = prepare_command(order);
  }
  TROUPE_CHECK(command, "without names of results there is nothing to go wrong");
  write_file(command->result_file, pieces[2]);
  const AttemptReport report = report_of(order, *command, {});
  TROUPE_CHECK((report.end == AttemptEnd::done) == report.cause.message.empty(), "an end is good, or has a cause");
  if (!report.result.empty()) {
    TROUPE_CHECK(!is_too_deep(report.result) && nlohmann::json::accept(report.result), "a result is JSON");
  }
  write_file(command->process.output_file, pieces[2]);
  const AttemptReport failed = report_of(order, *command, {.exit_code = 3});
  TROUPE_CHECK(failed.end == AttemptEnd::failed && failed.result.empty(), "who fails has no result");
}

std::vector<std::string> seeds() {
  const std::string zero(1, '\0');
  return {"-x={a.loss} {b} {a[2].list[1]} {none} {" + zero + "{ab}" + zero + "{\"loss\": [0.5, \"x\"]}" + zero +
              "{\"loss\":0.25}" + zero + "\"text\"" + zero + "{\"list\":[1,{}]}" + zero + "[]",
          "{a.missing}" + zero + zero + "no JSON" + zero + "{}", zero + "{a}" + zero + zero + "not JSON",
          zero + zero + std::string(2000, '[')};
}

}  // namespace troupe::fuzz
