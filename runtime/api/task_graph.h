// A graph of tasks built in code, handed over as one: a value that can be printed and looked at before it is.
//
//   TaskGraph graph("report");
//   const auto left = graph.add(count, "left.txt");
//   const auto right = graph.add(count, "right.txt");
//   const auto sum = graph.add(add, left, right);
//   auto submitted = session.submit(graph);
//   std::cout << session.get(submitted[sum]);
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/options.h"
#include "runtime/api/ref.h"
#include "runtime/api/task.h"

namespace troupe {

class SessionCore;

/// A task of one TaskGraph, whose result is an R. Handed to a task that is added later it stands for the result.
template <class R>
struct GraphTask {
  std::uint32_t number = 0;  ///< From 1, in the order in which they were added.
};

/// What may be passed where a `To` is wanted in a graph: something that converts to it, or a task with exactly that.
template <class Given, class To>
concept GraphPassableAs =
    std::is_convertible_v<Given, To> || std::is_same_v<std::decay_t<Given>, GraphTask<std::remove_cvref_t<To>>>;

/// Durable: accepted means on disk, and it outlives its driver. Its functions are those of the program that submits it.
class TaskGraph {
 public:
  explicit TaskGraph(std::string name) : name_(std::move(name)) {}

  /// It comes after the tasks among its arguments, and takes their results. Throws std::invalid_argument where it is to
  /// have a deadline.
  template <class R, class... Args, class... Given>
  GraphTask<R> add(const TaskOptions& options, const Task<R(Args...)>& task, Given&&... given) {
    TaskSpec spec = spec_for(options, std::string(task.name));
    constexpr bool are_as_many = sizeof...(Args) == sizeof...(Given);
    static_assert(are_as_many, "the arguments are not as many as the parameters of the task");
    std::vector<Argument> arguments;
    if constexpr (are_as_many) arguments = {argument_for<Args>(spec, std::forward<Given>(given))...};
    spec.work = FunctionWork{std::string(task.name), std::move(arguments), boxed(options.environment)};
    return {keep(std::move(spec))};
  }
  template <class R, class... Args, class... Given>
  GraphTask<R> add(const Task<R(Args...)>& task, Given&&... given) {
    return add(TaskOptions{}, task, std::forward<Given>(given)...);
  }

  /// `later` starts only when `earlier` is done, without taking its result.
  template <class Later, class Earlier>
  void order(GraphTask<Earlier> earlier, GraphTask<Later> later) {
    come_after(tasks_.at(later.number - 1), {{}, earlier.number});
  }

  const std::string& name() const { return name_; }
  /// Of job 0, until it is submitted.
  const std::vector<TaskSpec>& tasks() const { return tasks_; }
  /// A line a task: its number, its name, the numbers of those before it.
  std::string to_text() const;

 private:
  template <class To, class Given>
  static Argument argument_for(TaskSpec& spec, Given&& given) {
    using Passed = std::remove_cvref_t<To>;
    constexpr bool converts = GraphPassableAs<Given, To>;
    static_assert(converts,
                  "an argument does not convert to the parameter that it is given for, and is no GraphTask with "
                  "such a result");
    if constexpr (!converts) {
      return {};
    } else if constexpr (std::is_same_v<std::decay_t<Given>, GraphTask<Passed>>) {
      return input_of(spec, {{}, given.number});
    } else {
      return encode_value<Passed>(static_cast<const Passed&>(given));
    }
  }
  static TaskSpec spec_for(const TaskOptions& options, const std::string& function);
  static InputRef input_of(TaskSpec& spec, TaskId earlier);
  static void come_after(TaskSpec& spec, TaskId earlier);
  std::uint32_t keep(TaskSpec spec);

  std::string name_;
  std::vector<TaskSpec> tasks_;
};

/// A graph that was handed over. While this lives its tasks are watched: their results can be got.
class SubmittedGraph {
 public:
  SubmittedGraph(std::shared_ptr<SessionCore> session, JobId job, std::vector<ObjectPtr> ends)
      : session_(std::move(session)), job_(job), ends_(std::move(ends)) {}

  JobId job() const { return job_; }
  /// Of a task that returns a std::tuple each result by itself.
  template <class R>
  Refs<R> operator[](GraphTask<R> task) const;  // session.h
  /// In the order in which the tasks were added.
  const std::vector<ObjectPtr>& ends() const { return ends_; }

 private:
  std::shared_ptr<SessionCore> session_;
  JobId job_;
  std::vector<ObjectPtr> ends_;
};

}  // namespace troupe
