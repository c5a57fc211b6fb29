#include "scheduler/store/redis_layout.h"

#include <charconv>
#include <limits>

namespace troupe::scheduler {

namespace {

constexpr std::string_view spec_prefix = "spec:";
constexpr std::string_view progress_prefix = "task:";

}  // namespace

std::string queue_key(std::string_view queue) { return "troupe:queue:" + std::string(queue); }
std::string cache_field(std::string_view key) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : key) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[byte & 15];
  }
  return text;
}
std::string graph_key(JobId job) { return "troupe:graph:" + to_text(job); }
std::string spec_field(std::uint32_t number) { return std::string(spec_prefix) + std::to_string(number); }
std::string progress_field(std::uint32_t number) { return std::string(progress_prefix) + std::to_string(number); }

std::optional<std::uint64_t> decimal_from(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool padded = text.size() > 1 && text[0] == '0';
  if (error != std::errc{} || end != text.data() + text.size() || padded) return std::nullopt;
  return value;
}

std::optional<GraphField> graph_field_from(std::string_view name) {
  if (name == job_field) return GraphField{GraphField::Kind::job};
  if (name == summary_field) return GraphField{GraphField::Kind::summary};
  const std::string_view prefix = name.substr(0, spec_prefix.size());
  if (prefix != spec_prefix && prefix != progress_prefix) return std::nullopt;
  const auto number = decimal_from(name.substr(prefix.size()));
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  const auto kind = prefix == spec_prefix ? GraphField::Kind::spec : GraphField::Kind::progress;
  return GraphField{kind, static_cast<std::uint32_t>(*number)};
}

}  // namespace troupe::scheduler
