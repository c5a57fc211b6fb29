#include "nn/parallel/strategy.h"

#include <charconv>
#include <optional>

namespace troupe::nn {
namespace {

constexpr std::uint32_t most_workers = 4096;

std::optional<std::uint32_t> count_from(std::string_view text) {
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 1 || count > most_workers)
    return std::nullopt;
  return count;
}

Error not_a_strategy(std::string_view text) {
  return bad_input("strategy '" + std::string(text) + "': expected single, data:W, model:P, mesh:WxP or task:K, with " +
                   "numbers from 1 to " + std::to_string(most_workers) + ", as in data:2");
}

}  // namespace

Result<Strategy> parse_strategy(std::string_view text) {
  if (text == "single") return Strategy{MeshStrategy{}};
  if (text == "auto")
    return Error{Fault::unsupported,
                 "strategy 'auto' is not in this version: name one of single, data:W, model:P, mesh:WxP, task:K"};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return not_a_strategy(text);
  const std::string_view kind = text.substr(0, colon);
  const std::string_view numbers = text.substr(colon + 1);
  if (kind == "mesh") {
    const std::size_t cross = numbers.find('x');
    if (cross == std::string_view::npos) return not_a_strategy(text);
    const auto replicas = count_from(numbers.substr(0, cross));
    const auto stages = count_from(numbers.substr(cross + 1));
    if (!replicas || !stages || *replicas * *stages > most_workers) return not_a_strategy(text);
    return Strategy{MeshStrategy{*replicas, *stages}};
  }
  const auto count = count_from(numbers);
  if (!count) return not_a_strategy(text);
  if (kind == "data") return Strategy{MeshStrategy{.replicas = *count}};
  if (kind == "model") return Strategy{MeshStrategy{.stages = *count}};
  if (kind == "task") return Strategy{TaskStrategy{*count}};
  return not_a_strategy(text);
}

std::string describe(const Strategy& strategy) {
  if (const auto* task = std::get_if<TaskStrategy>(&strategy)) return "task:" + std::to_string(task->shards);
  const auto& mesh = std::get<MeshStrategy>(strategy);
  if (mesh.replicas == 1 && mesh.stages == 1) return "single";
  if (mesh.stages == 1) return "data:" + std::to_string(mesh.replicas);
  if (mesh.replicas == 1) return "model:" + std::to_string(mesh.stages);
  return "mesh:" + std::to_string(mesh.replicas) + 'x' + std::to_string(mesh.stages);
}

std::uint32_t workers_of(const Strategy& strategy) {
  if (const auto* task = std::get_if<TaskStrategy>(&strategy)) return task->shards;
  const auto& mesh = std::get<MeshStrategy>(strategy);
  return mesh.replicas * mesh.stages;
}

}  // namespace troupe::nn
