// Graph files: what is wrong has its place; a graph without errors can be compiled, and its tasks come after tasks of
// it.
// Covers: tools/cli/graph_file.cpp tools/cli/graph_text.cpp tools/cli/graph_link.cpp tools/cli/graph_control.cpp
// tools/cli/graph_compile.cpp tools/cli/yaml_document.cpp tools/cli/units.cpp
#include "tools/cli/graph_file.h"

#include <set>

#include "runtime/base/check.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {

void run(std::string_view bytes) {
  const auto read = cli::read_graph_text("/graphs/fuzz.yaml", bytes, nullptr);
  for (const std::string& error : read.errors)
    TROUPE_CHECK(error.starts_with("/graphs/fuzz.yaml") && error.find('\n') == std::string::npos,
                 "an error is one line with its place");
  if (!read.errors.empty() || read.graph.size() > 10'000) return;
  std::set<TaskId> ids;
  const auto tasks = cli::compile(read.graph, JobId{7}, "/run");
  for (const TaskSpec& task : tasks) TROUPE_CHECK(ids.insert(task.id).second, "each task has an id of its own");
  for (const TaskSpec& task : tasks)
    for (const TaskId before : task.after) TROUPE_CHECK(ids.contains(before), "it comes after tasks of its graph");
}

std::vector<std::string> seeds() {
  return {R"(name: nightly
tasks:
  prepare:
    command: [sh, -c, "echo {dir}"]
    needs: {cpus: 0.5, memory: 1 GiB}
    timeout: 10 s
  train:
    each: {lr: [0.1, 0.01], seed: [1, 2]}
    after: [prepare]
    command: [./train, "{lr}", "{seed}", "{prepare.loss}"]
    max_attempts: 3
    env: {SEED: "{seed}"}
    locks: [disk]
  join:
    after: [train]
    when: prepare.loss < 1
    command: [./join]
)",
          "{\"tasks\": {\"a\": {\"command\": [\"true\"]}, \"b\": {\"after\": [\"a\"], \"command\": [\"true\"]}}}"};
}

}  // namespace troupe::fuzz
