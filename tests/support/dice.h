// Draws any value of the plain types, for tests of what must hold for all of them.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/orders.h"
#include "runtime/wire/base_fields.h"

namespace troupe::test {

/// The seed is random, or TROUPE_SEED.
class Dice {
 public:
  Dice() : seed_(std::getenv("TROUPE_SEED") ? std::stoull(std::getenv("TROUPE_SEED")) : std::random_device{}()) {
    random_.seed(seed_);
  }
  explicit Dice(std::uint64_t seed) : seed_(seed) { random_.seed(seed); }
  std::uint64_t seed() const { return seed_; }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  std::string string() {
    std::string text(below(10) == 0 ? below(400) : below(12), '\0');
    for (char& letter : text) letter = static_cast<char>(random_());
    return text;
  }
  template <class T>
  T number() {
    const int shift = static_cast<int>(below(64));  // small and large ones alike
    return static_cast<T>(random_() >> shift);
  }

  template <class... Field>
  void operator()(const char*, Field&&... field) {
    (draw(field), ...);
  }
  template <class T>
  void draw(T& value) {
    if constexpr (std::same_as<T, bool>) {
      value = below(2) == 0;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(below(static_cast<std::uint64_t>(last_of(T{})) + 1));
    } else if constexpr (std::integral<T>) {
      value = number<T>();
    } else if constexpr (std::floating_point<T>) {
      value = static_cast<T>(static_cast<std::int64_t>(random_()));
    } else {
      draw_struct(value);
    }
  }
  void draw(std::string& value) { value = string(); }
  void draw(std::chrono::milliseconds& value) { value = std::chrono::milliseconds(number<std::int64_t>()); }
  template <class Kind>
  void draw(Id<Kind>& value) {
    value.value = number<std::uint64_t>();
  }
  template <class T>
  void draw(std::vector<T>& values) {
    values.resize(below(5));
    for (T& value : values) draw(value);
  }
  template <class T>
  void draw(RareVector<T>& values) {
    std::vector<T> drawn;
    draw(drawn);
    values = std::move(drawn);
  }
  template <class First, class Second>
  void draw(std::pair<First, Second>& value) {
    draw(value.first);
    draw(value.second);
  }
  template <class T>
  void draw(std::optional<T>& value) {
    value.reset();
    if (below(2) == 0) draw(value.emplace());
  }
  template <class T>
  void draw(Boxed<T>& value) {
    value.reset();
    if (below(2) == 0) draw(value.emplace());
  }
  template <class... T>
  void draw(std::variant<T...>& value) {
    const std::uint64_t pick = below(sizeof...(T));
    std::uint64_t index = 0;
    ((index++ == pick ? draw_held(value.template emplace<T>()) : void()), ...);
  }

 private:
  template <class T>
  void draw_held(T& held) {
    draw(held);
  }
  template <class T>
  void draw_held(Boxed<T>& held) {
    draw(held.emplace());
  }

  void draw_struct(ClusterId& v) { (*this)("", v.high, v.low); }
  void draw_struct(TaskId& v) { (*this)("", v.job, v.number); }
  void draw_struct(AttemptId& v) { (*this)("", v.epoch, v.number); }
  void draw_struct(Error& v) { (*this)("", v.fault, v.message); }
  void draw_struct(Resources& v) { (*this)("", v.cpus, v.gpus, v.memory_bytes, v.gpu_memory_bytes, v.named, v.labels); }
  void draw_struct(GpuDevice& v) { (*this)("", v.index, v.uuid, v.memory_bytes); }
  void draw_struct(NodeCapacity& v) { (*this)("", v.cpus, v.memory_bytes, v.gpus, v.named, v.labels); }
  void draw_struct(GpuShare& v) { (*this)("", v.index, v.amount, v.memory_bytes); }
  void draw_struct(Grant& v) { (*this)("", v.cpus, v.memory_bytes, v.gpus, v.named); }
  void draw_struct(InputRef& v) { (*this)("", v.input); }
  void draw_struct(FunctionWork& v) { (*this)("", v.function, v.arguments, v.environment); }
  void draw_struct(RuntimeEnvironment& v) { (*this)("", v.working_directory, v.variables, v.niceness, v.max_tasks); }
  void draw_struct(ActorWork& v) {
    (*this)("", v.type, v.arguments, v.shares_worker, v.restart, v.concurrency, v.environment, v.registers_name);
  }
  void draw_struct(MethodGroup& v) { (*this)("", v.methods, v.threads); }
  void draw_struct(Concurrency& v) { (*this)("", v.threads, v.groups); }
  void draw_struct(RestartRule& v) { (*this)("", v.mode, v.folder, v.checkpoint_calls, v.checkpoint_interval); }
  void draw_struct(CommandWork& v) {
    (*this)("", v.argv, v.environment, v.working_directory, v.task_directory, v.results);
  }
  void draw_struct(JoinWork&) {}
  void draw_struct(GangHint& v) { (*this)("", v.gang, v.size, v.rank, v.policy, v.bytes_to_next, v.stages); }
  void draw_struct(SemaphoreNeed& v) { (*this)("", v.name, v.permits); }
  void draw_struct(Condition& v) { (*this)("", v.text, v.results); }
  void draw_struct(Repeat& v) { (*this)("", v.condition, v.at_most); }
  void draw_struct(RetryRule& v) { (*this)("", v.exit_codes, v.signals, v.delay, v.longest_delay, v.exceptions); }
  void draw_struct(TaskSpec& v) {
    (*this)("", v.id, v.name, v.work, v.needs, v.max_attempts, v.timeout, v.after, v.inputs, v.gang, v.locks,
            v.semaphores, v.priority, v.preemptible, v.spreads, v.cache, v.when, v.repeat, v.retry, v.inputs_epoch);
    if (below(2) == 0)
      for (TaskId& before : v.after) before.job = v.id.job;
  }
  void draw_struct(Cause& v) { (*this)("", v.exit_code, v.signal, v.message, v.exception); }
  void draw_struct(AttemptRecord& v) { (*this)("", v.id, v.node, v.started_ms, v.ended_ms, v.end, v.cause); }
  void draw_struct(RunOrder& v) {
    (*this)("", v.task, v.attempt, v.name, v.program, v.work, v.inputs, v.grant, v.timeout, v.gang, v.token, v.ahead);
    if (std::holds_alternative<JoinWork>(v.work)) v.work = FunctionWork{};
  }
  void draw_struct(RunningAttempt& v) { (*this)("", v.task, v.attempt, v.grant, v.address, v.awaited, v.cpus); }
  void draw_struct(AttemptReport& v) { (*this)("", v.task, v.attempt, v.end, v.result, v.cause); }
  void draw_struct(JobInfo& v) { (*this)("", v.id, v.name, v.program, v.durable); }

  std::uint64_t seed_;
  std::mt19937_64 random_;
};

template <class T>
T drawn(Dice& dice) {
  T value{};
  dice.draw(value);
  return value;
}

}  // namespace troupe::test
