// Names of things, as values. They are drawn at random where a thing is born (shells only: the pure cores never make
// one), so two processes never need to agree on a counter, and the same id sent twice is the same request.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

/// A 64-bit id of one kind; ids of different kinds do not mix. Zero is "none".
template <class Kind>
struct Id {
  std::uint64_t value = 0;

  explicit operator bool() const { return value != 0; }
  friend auto operator<=>(const Id&, const Id&) = default;
};

using NodeId = Id<struct NodeKind>;      ///< A machine that joined; kept across restarts of its agent.
using WorkerId = Id<struct WorkerKind>;  ///< One worker process.
using DriverId = Id<struct DriverKind>;  ///< One connection of a driver.
using JobId = Id<struct JobKind>;        ///< Everything one driver, graph or sweep owns.

/// 128 bits: two clusters never share one.
struct ClusterId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const ClusterId&, const ClusterId&) = default;
};

/// A task, or an actor, of a job.
struct TaskId {
  JobId job;
  std::uint32_t number = 0;

  explicit operator bool() const { return static_cast<bool>(job); }
  friend auto operator<=>(const TaskId&, const TaskId&) = default;
};

/// One try at a task: the epoch in which it was given, and its number from 1. Grows over the life of the task.
struct AttemptId {
  std::uint32_t epoch = 0;
  std::uint32_t number = 0;
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

/// 16 hexadecimal digits.
std::string to_text(std::uint64_t id);
template <class Kind>
std::string to_text(Id<Kind> id) {
  return to_text(id.value);
}
std::string to_text(ClusterId id);                    ///< 32 hexadecimal digits.
std::string to_text(TaskId id);                       ///< `JOB.NUMBER`, as in `00c3…9f.17`.
std::string to_text(TaskId task, AttemptId attempt);  ///< `TASK#EPOCH.NUMBER`.

/// Reads what `to_text` wrote.
std::optional<TaskId> task_id_from(std::string_view text);
std::optional<std::pair<TaskId, AttemptId>> attempt_from(std::string_view text);
std::optional<std::uint64_t> hex_from(std::string_view text);

/// 64 random bits from the operating system, never 0. For shells only.
std::uint64_t random_id();

}  // namespace troupe

template <class Kind>
struct std::hash<troupe::Id<Kind>> {
  std::size_t operator()(troupe::Id<Kind> id) const { return id.value * 0x9e3779b97f4a7c15u; }
};
template <>
struct std::hash<troupe::TaskId> {
  std::size_t operator()(troupe::TaskId id) const {
    return (id.job.value ^ (id.number * 0xff51afd7ed558ccdu)) * 0x9e3779b97f4a7c15u;
  }
};
