#include "runtime/agent/command.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <nlohmann/json.hpp>

#include "runtime/base/json_path.h"
#include "runtime/worker/task_log.h"

namespace troupe {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_result_bytes = 1u << 20;

/// How a value stands in a command's word: strings bare, everything else as JSON.
std::string word_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// Replaces the names that the graph marked as results; all other braces stay.
Result<std::string> put_results_into(const std::string& text, const CommandWork& work,
                                     const std::vector<Bytes>& inputs) {
  std::string made;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = text.find('{', at);
    const std::size_t close = open == text.npos ? text.npos : text.find('}', open);
    if (close == text.npos) break;
    const std::string inside = text.substr(open + 1, close - open - 1);
    // The longest name wins: `train[2].loss` is the task `train[2]`, not an element of `train`.
    const std::pair<std::string, std::uint32_t>* named = nullptr;
    for (const auto& result : work.results) {
      const bool fits = inside.starts_with(result.first) &&
                        (inside.size() == result.first.size() || inside[result.first.size()] == '.' ||
                         inside[result.first.size()] == '[');
      if (fits && (named == nullptr || result.first.size() > named->first.size())) named = &result;
    }
    if (named == nullptr) {
      made.append(text, at, open + 1 - at);
      at = open + 1;
      continue;
    }
    made.append(text, at, open - at);
    const Bytes& input = inputs.at(named->second);
    const auto value = value_at(input, std::string_view(inside).substr(named->first.size()));
    if (!value) return bad_input("{" + inside + "}: " + value.error().message);
    made += word_of(Json::parse(*value));
    at = close + 1;
  }
  return made + text.substr(std::min(at, text.size()));
}

std::string attempt_file(const CommandWork& work, const RunOrder& order, const char* kind) {
  return work.task_directory + '/' + kind + '-' + std::to_string(order.attempt.epoch) + '.' +
         std::to_string(order.attempt.number);
}

/// The result file's one JSON value; empty if there is none.
Result<Bytes> read_result(const std::string& file) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(file, missing);
  if (missing || size == 0) return Bytes{};
  if (size > most_result_bytes)
    return bad_input("TROUPE_RESULT has " + std::to_string(size) + " bytes; at most " +
                     std::to_string(most_result_bytes) + " are taken");
  std::ifstream stream(file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  if (is_too_deep(text))
    return bad_input("TROUPE_RESULT is nested more than " + std::to_string(most_result_depth) + " deep");
  const Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return bad_input("TROUPE_RESULT does not hold one JSON value");
  return value.dump();
}

}  // namespace

std::vector<std::pair<std::string, std::string>> environment_of(const Grant& grant) {
  std::string devices;
  for (const auto& share : grant.gpus) devices += (devices.empty() ? "" : ",") + std::to_string(share.index);
  const Milli threads = std::max<Milli>(1, grant.cpus / 1000);
  return {{"OMP_NUM_THREADS", std::to_string(threads)},
          {"OPENBLAS_NUM_THREADS", std::to_string(threads)},
          {"OMP_WAIT_POLICY", "passive"},
          {"CUDA_VISIBLE_DEVICES", devices}};
}

Result<Command> prepare_command(const RunOrder& order, const std::string& cluster_file) {
  const CommandWork& work = *command_of(order.work);
  Command command;
  for (const auto& word : work.argv) {
    auto made = put_results_into(word, work, order.inputs);
    if (!made) return made.error();
    command.process.argv.push_back(std::move(*made));
  }
  command.process.environment = environment_of(order.grant);
  for (const auto& [name, value] : work.environment) {
    auto made = put_results_into(value, work, order.inputs);
    if (!made) return made.error();
    command.process.environment.emplace_back(name, std::move(*made));
  }
  std::error_code error;
  std::filesystem::create_directories(work.task_directory, error);
  if (error) return bad_input("cannot make the folder " + work.task_directory + ": " + error.message());

  command.result_file = attempt_file(work, order, "result");
  std::filesystem::remove(command.result_file, error);
  const GangHint alone{};
  const GangHint& gang = order.gang ? *order.gang : alone;
  auto& environment = command.process.environment;
  environment.emplace_back("TROUPE_TASK_ID", to_text(order.task));
  environment.emplace_back("TROUPE_ATTEMPT", std::to_string(order.attempt.number));
  environment.emplace_back("TROUPE_ATTEMPT_ID", to_text(order.task, order.attempt));
  if (order.token != 0) environment.emplace_back("TROUPE_TOKEN", std::to_string(order.token));
  if (!cluster_file.empty()) environment.emplace_back("TROUPE_ADDRESS", cluster_file);
  environment.emplace_back("TROUPE_RANK", std::to_string(gang.rank));
  environment.emplace_back("TROUPE_WORLD_SIZE", std::to_string(gang.size));
  environment.emplace_back("TROUPE_RESULT", command.result_file);
  command.process.working_directory = work.working_directory.empty() ? work.task_directory : work.working_directory;
  command.process.output_file = attempt_file(work, order, "output");
  command.process.own_process_group = true;
  return command;
}

AttemptReport report_of(const RunOrder& order, const Command& command, const ProcessEnd& end) {
  AttemptReport report{order.task, order.attempt};
  std::string why;
  if (end.exit_code != 0 || end.signal != 0) {
    why = describe(end);
  } else if (auto result = read_result(command.result_file)) {
    report.result = std::move(*result);
    return report;
  } else {
    why = result.error().message;
  }
  const std::string lines = last_lines(command.process.output_file);
  report.end = AttemptEnd::failed;
  report.cause = {end.exit_code, end.signal, lines.empty() ? why : why + "\n" + lines};
  return report;
}

}  // namespace troupe
