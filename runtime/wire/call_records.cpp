#include "runtime/wire/call_records.h"

#include <array>
#include <cstring>
#include <span>
#include <vector>

namespace troupe {
namespace {

constexpr std::size_t usual_arguments = 8;
constexpr std::size_t most_exception_bytes = 4096;
constexpr std::uint16_t outcome_error = 0;
constexpr std::uint16_t outcome_ok = 1;
constexpr std::uint16_t outcome_gone = 2;
constexpr std::uint16_t outcome_cancelled = 3;

struct CallHead {
  std::uint64_t job = 0;
  std::uint64_t number = 0;
  std::uint32_t task = 0;
  std::uint32_t epoch = 0;
  std::uint32_t attempt = 0;
  std::uint32_t method_bytes = 0;
  std::uint32_t arguments = 0;
  std::uint32_t open = 0;
};
struct AnswerHead {
  std::uint64_t job = 0;
  std::uint64_t number = 0;
  std::uint32_t task = 0;
  std::uint32_t epoch = 0;
  std::uint32_t attempt = 0;
  std::uint16_t outcome = outcome_error;
  std::uint16_t exception_bytes = 0;
};
static_assert(sizeof(AnswerHead) == 32);

std::uint16_t outcome_of(const message::CallAnswer& answer) {
  if (answer.ok) return outcome_ok;
  if (answer.is_gone) return outcome_gone;
  return answer.is_cancelled ? outcome_cancelled : outcome_error;
}

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// The head, the sizes of the arguments, the method's name, the arguments.
void send_parts(RingLink& link, const CallView& call, std::uint32_t* sizes, std::string_view* parts) {
  const std::size_t count = call.arguments.size();
  const CallHead head{.job = call.actor.job.value,
                      .number = call.number,
                      .task = call.actor.number,
                      .epoch = call.attempt.epoch,
                      .attempt = call.attempt.number,
                      .method_bytes = static_cast<std::uint32_t>(call.method.size()),
                      .arguments = static_cast<std::uint32_t>(count),
                      .open = call.open};
  for (std::size_t i = 0; i < count; ++i) {
    sizes[i] = static_cast<std::uint32_t>(call.arguments[i].size());
    parts[3 + i] = call.arguments[i];
  }
  parts[0] = bytes_of(head);
  parts[1] = {reinterpret_cast<const char*>(sizes), count * sizeof *sizes};
  parts[2] = call.method;
  link.send({parts, 3 + count});
}

template <class T>
bool take(std::string_view& bytes, T& value) {
  if (bytes.size() < sizeof value) return false;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return true;
}

bool take(std::string_view& bytes, std::size_t size, std::string& value) {
  if (bytes.size() < size) return false;
  value.assign(bytes.data(), size);
  bytes.remove_prefix(size);
  return true;
}

}  // namespace

void send(RingLink& link, const CallView& call) {
  const std::size_t count = call.arguments.size();
  if (count <= usual_arguments) {
    std::array<std::uint32_t, usual_arguments> sizes;
    std::array<std::string_view, 3 + usual_arguments> parts;
    send_parts(link, call, sizes.data(), parts.data());
  } else {
    std::vector<std::uint32_t> sizes(count);
    std::vector<std::string_view> parts(3 + count);
    send_parts(link, call, sizes.data(), parts.data());
  }
}

/// The head, the value or why there is none, the type of what was thrown.
void send(RingLink& link, const message::CallAnswer& answer) {
  const std::string_view exception = std::string_view(answer.exception).substr(0, most_exception_bytes);
  const AnswerHead head{.job = answer.actor.job.value,
                        .number = answer.number,
                        .task = answer.actor.number,
                        .epoch = answer.attempt.epoch,
                        .attempt = answer.attempt.number,
                        .outcome = outcome_of(answer),
                        .exception_bytes = static_cast<std::uint16_t>(exception.size())};
  const std::string_view parts[] = {bytes_of(head), answer.ok ? answer.value : answer.error, exception};
  link.send(std::span(parts).first(exception.empty() ? 2 : 3));
}

std::optional<message::Call> decode_call(std::string_view bytes, std::uint64_t caller) {
  CallHead head;
  if (!take(bytes, head) || head.arguments > bytes.size() / sizeof(std::uint32_t)) return std::nullopt;
  std::string_view sizes = bytes.substr(0, head.arguments * sizeof(std::uint32_t));
  bytes.remove_prefix(sizes.size());
  message::Call call{{JobId{head.job}, head.task}, {head.epoch, head.attempt}, caller, head.number, {}, {}, head.open};
  if (!take(bytes, head.method_bytes, call.method)) return std::nullopt;
  call.arguments.resize(head.arguments);
  for (Bytes& argument : call.arguments) {
    std::uint32_t size = 0;
    if (!take(sizes, size) || !take(bytes, size, argument)) return std::nullopt;
  }
  if (!bytes.empty()) return std::nullopt;
  return call;
}

std::optional<message::CallAnswer> decode_answer(std::string_view bytes) {
  AnswerHead head;
  if (!take(bytes, head)) return std::nullopt;
  message::CallAnswer answer{.actor = {JobId{head.job}, head.task},
                             .number = head.number,
                             .ok = head.outcome == outcome_ok,
                             .value = {},
                             .error = {},
                             .attempt = {head.epoch, head.attempt},
                             .is_gone = head.outcome == outcome_gone,
                             .is_cancelled = head.outcome == outcome_cancelled,
                             .exception = {}};
  if (bytes.size() < head.exception_bytes) return std::nullopt;
  answer.exception = bytes.substr(bytes.size() - head.exception_bytes);
  bytes.remove_suffix(head.exception_bytes);
  (answer.ok ? answer.value : answer.error).assign(bytes);
  return answer;
}

}  // namespace troupe
