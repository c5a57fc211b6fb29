#include "runtime/base/ids.h"

#include <sys/random.h>

#include <charconv>
#include <cstdio>

#include "runtime/base/check.h"

namespace troupe {
namespace {

std::optional<std::uint32_t> number_from(std::string_view digits) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string to_text(std::uint64_t id) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id));
  return text;
}

std::string to_text(ClusterId id) { return to_text(id.high) + to_text(id.low); }

std::string to_text(TaskId id) { return to_text(id.job) + '.' + std::to_string(id.number); }

std::string to_text(TaskId task, AttemptId attempt) {
  return to_text(task) + '#' + std::to_string(attempt.epoch) + '.' + std::to_string(attempt.number);
}

std::optional<std::uint64_t> hex_from(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size() || text.size() != 16) return std::nullopt;
  return value;
}

std::optional<TaskId> task_id_from(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto job = hex_from(text.substr(0, dot));
  const auto number = number_from(text.substr(dot + 1));
  if (!job || !number) return std::nullopt;
  return TaskId{JobId{*job}, *number};
}

std::optional<std::pair<TaskId, AttemptId>> attempt_from(std::string_view text) {
  const std::size_t hash = text.find('#');
  const std::size_t dot = hash == text.npos ? hash : text.find('.', hash);
  if (dot == text.npos) return std::nullopt;
  const auto task = task_id_from(text.substr(0, hash));
  const auto epoch = number_from(text.substr(hash + 1, dot - hash - 1));
  const auto number = number_from(text.substr(dot + 1));
  if (!task || !epoch || !number) return std::nullopt;
  return std::pair(*task, AttemptId{*epoch, *number});
}

std::uint64_t random_id() {
  std::uint64_t value = 0;
  while (value == 0) {
    const auto got = ::getrandom(&value, sizeof value, 0);
    TROUPE_CHECK(got == sizeof value, "the operating system hands out random bytes");
  }
  return value;
}

}  // namespace troupe
