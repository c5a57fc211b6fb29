// What tests of graph files share: a file's text in, its tasks out.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/base/check.h"
#include "tools/cli/graph_file.h"

namespace troupe::cli::test {

using Lines = std::vector<std::string>;

/// The tasks of a graph that must be right, with job 7 in the folder /run.
inline std::vector<TaskSpec> tasks_of(const std::string& text) {
  const ReadGraph read = read_graph_text("/srv/ann/graph.yaml", text, nullptr);
  CHECK(read.errors == Lines{});
  return read.errors.empty() ? compile(read.graph, JobId{7}, "/run") : std::vector<TaskSpec>{};
}

inline const TaskSpec& find(const std::vector<TaskSpec>& tasks, const std::string& name) {
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const TaskSpec& task) { return task.name == name; });
  TROUPE_CHECK(found != tasks.end(), "the test names a task that is there");
  return *found;
}

inline Lines names(const std::vector<TaskSpec>& tasks, const std::vector<TaskId>& ids) {
  Lines names;
  for (const TaskId id : ids) names.push_back(tasks.at(id.number - 1).name);
  return names;
}

/// `[0, 1, …]`, so many of them.
inline std::string list_of(int count) {
  std::string list = "[";
  for (int i = 0; i < count; ++i) list += std::to_string(i) + ',';
  return list + ']';
}

}  // namespace troupe::cli::test
