#include "nn/parallel/report.h"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>

#include <nlohmann/json.hpp>

namespace troupe::nn {
namespace {

nlohmann::ordered_json json_of(const Phases& phases) {
  return {
      {"compute", phases.compute}, {"communicate", phases.communicate}, {"wait", phases.wait}, {"load", phases.load}};
}

}  // namespace

double Report::step_ms_at(double quantile) const {
  if (step_ms.empty()) return 0;
  std::vector<float> sorted = step_ms;
  std::sort(sorted.begin(), sorted.end());
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(quantile * last + 0.5)];
}

double Report::core_seconds() const {
  double sum = 0;
  for (const auto& worker : workers) sum += worker.core_seconds;
  return sum;
}

double Report::utilisation() const {
  const double available = wall_s * static_cast<double>(workers.size());
  return available > 0 ? phases().busy() / available : 0;
}

Phases Report::phases() const {
  Phases sum;
  for (const auto& worker : workers) sum += worker.phases;
  return sum;
}

std::string digest_of(const std::vector<float>& parameters) {
  static_assert(std::endian::native == std::endian::little);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const int done =
      EVP_Digest(parameters.data(), parameters.size() * sizeof(float), digest, &size, EVP_sha256(), nullptr);
  TROUPE_CHECK(done == 1, "sha256 is always there");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

std::string to_json(const Report& report, std::optional<double> speed_up, std::optional<bool> same_bits) {
  auto workers = nlohmann::ordered_json::array();
  for (const auto& worker : report.workers)
    workers.push_back({{"rank", worker.rank},
                       {"node", worker.node},
                       {"samples", worker.samples},
                       {"core_seconds", worker.core_seconds},
                       {"phases", json_of(worker.phases)}});
  nlohmann::ordered_json json{
      {"model", report.options.model},
      {"data", report.options.data},
      {"strategy", describe(report.options.strategy)},
      {"backend", report.options.backend},
      {"seed", report.options.seed},
      {"batch", report.options.batch},
      {"slots", report.slots},
      {"steps", report.steps},
      {"epochs", report.epochs},
      {"lr", report.options.sgd.learning_rate},
      {"momentum", report.options.sgd.momentum},
      {"images_per_s", report.images_per_s()},
      {"step_ms", {{"p50", report.step_ms_at(0.5)}, {"p99", report.step_ms_at(0.99)}}},
      {"start_s", report.start_s},
      {"wall_s", report.wall_s},
      {"evaluate_s", report.evaluate_s},
      {"utilisation", report.utilisation()},
      {"loss", report.loss},
      {"accuracy", report.accuracy},
      {"parameters_digest", digest_of(report.parameters)},
      {"predicted_step_ms", nullptr},
      {"phases", json_of(report.phases())},
      {"workers", workers},
      {"core_seconds", report.core_seconds()},
  };
  if (speed_up) json["speed_up"] = *speed_up;
  if (same_bits) json["same_bits_as_single"] = *same_bits;
  return json.dump();
}

}  // namespace troupe::nn
