// Graph files: what is wrong has its place; a graph without errors can be compiled, and its tasks come after tasks of
// it.
// Covers: tools/cli/graph_file.cpp tools/cli/graph_text.cpp tools/cli/graph_link.cpp tools/cli/graph_control.cpp
// tools/cli/graph_compile.cpp tools/cli/yaml_document.cpp tools/cli/units.cpp
#include "tools/cli/graph_file.h"

#include <set>

#include "runtime/base/check.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/target.h"
#include "tools/cli/units.h"
#include "tools/cli/yaml_document.h"

namespace troupe::fuzz {

void run(std::string_view bytes) {
  const auto read = cli::read_graph_text("/graphs/fuzz.yaml", bytes, nullptr);
  const cli::DocumentLimits small{.bytes = 200, .depth = 3, .nodes = 20};
  const auto document = cli::read_document("small.yaml", bytes, small);
  TROUPE_CHECK(!document || bytes.size() <= small.bytes, "a limit is kept to");
  for (const std::string& error : read.errors)
    TROUPE_CHECK(error.starts_with("/graphs/fuzz.yaml") && error.find('\n') == std::string::npos,
                 "an error is one line with its place");
  if (!read.errors.empty() || read.graph.size() > 10'000) return;
  const std::string path = folder_in_memory().file("graph.yaml");
  write_file(path, bytes);
  constexpr std::int64_t gib = 1 << 30;
  static const NodeCapacity laptop{.cpus = 4000, .memory_bytes = 8 * gib, .labels = {{"node", "a"}}};
  const auto here = cli::read_graph_file(path, &laptop);
  for (const std::string& error : here.errors)
    TROUPE_CHECK(error.starts_with(path), "what this machine has not is said with its place");
  std::set<TaskId> ids;
  const auto tasks = cli::compile(read.graph, JobId{7}, "/run");
  for (const TaskSpec& task : tasks) {
    TROUPE_CHECK(ids.insert(task.id).second, "each task has an id of its own");
    TROUPE_CHECK(!cli::duration_text(task.timeout).empty(), "a duration can be shown");
  }
  for (const TaskSpec& task : tasks)
    for (const TaskId before : task.after) TROUPE_CHECK(ids.contains(before), "it comes after tasks of its graph");
}

std::vector<std::string> seeds() {
  return {
      R"(name: nightly
tasks:
  prepare:
    command: [sh, -c, "echo {dir}"]
    needs: {cpus: 0.5, memory: 1GiB}
    timeout: 10s
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
      R"(defaults: {priority: 3, retry_delay: 10s, spread: true, max_attempts: 2, timeout: 1h, cwd: sub, env: {A: "1"}}
tasks:
  train: {command: [t, "{x}"], each: {x: [1, 2.5, true, "s"]}, needs: {cpus: 0.5, gpus: 1, gpu_memory: 8GiB, memory: 1024}}
  join: {command: [j, "{train[0].loss}", "{train[1]}"], after: [train], cache: true, preemptible: true, priority: -2}
  many: {command: [m, "a b", "{dir}"], each: {y: [1, 2]}, after: [train], semaphores: {licence: 2}, locks: [a, b]}
  publish:
    after: [join]
    when: "join.accuracy >= 0.9 and train[1].loss < join.limit"
    command: [p, "{join.accuracy}", "{{x}}", "{publish'}"]
    retry_on: [75, SIGKILL, TERM]
    retry_delay: {first: 1s, longest: 5min}
    needs: {resources: {seats: 1}, labels: {node: a, zone: b}}
  again: {command: [r], repeat: {while: "again.loss > 0.1", at_most: 10}}
)",
      R"(tasks:
  train: {each: {seed: [5, 6]}, gang: {size: 4, policy: mesh, stages: 2}, command: [t, "{seed}", "{rank}"]}
  data: {gang: {size: 3}, command: [d]}
  chain:
    command: [c]
    gang: {policy: model, stages: [{needs: {cpus: 2, memory: 1GiB}, bytes_to_next: 4MiB}, {bytes_to_next: 1KiB}, {}]}
    needs: {cpus: 0.5}
  mesh: {command: [m], gang: {size: 4, policy: mesh, stages: [{bytes_to_next: 10}, {needs: {cpus: 3}}]}, after: [train]}
)",
      R"(name: 7
tasks:
  a: {command: [], needs: {cpu: 1, memory: 1 parsec, cpus: -1, gpus: 0.3}, timeout: soon, max_attempts: 0}
  b: {comand: [b], after: [aa, b], env: [x], each: {x: []}, when: "a.x = 1", repeat: {while: "a.x > 1", at_most: 3}}
  c: {command: [c], after: [d], gang: {size: 2, stages: [{}, {}]}, retry_on: [SIGNONE, 300], retry_delay: {last: 1s}}
  d: {command: [d, "{nobody.x}", "{", "{c"], after: [c], gang: {size: 0, policy: none}, repeat: {at_most: 0}, when: []}
  e: {command: [e], gang: {policy: model, stages: []}, locks: x, semaphores: [y], cache: 1, priority: high, cwd: [1]}
  f: {command: [f], each: {x: [1, 2]}, gang: {policy: mesh, stages: [{}, {needs: {cpu: 1}}]}, retry_delay: -1s}
  g: {command: [g, "{f.x}", "{f[7].x}"], after: [f, f], repeat: {while: "g.x > 1"}, when: "f.x == 1", needs: [1]}
)",
      "tasks:\n  h: &anchor {command: [h]}\n",
      "tasks:\n  a: {each: {x: [1, 2]}, command: [a]}\n  b: {each: {y: [1, 2]}, command: [b, \"{a[0].x}\"], after: "
      "[a]}\n"
      "  c: {command: [c, \"{dir\", \"{b[1]'}\"], when: \"b[0].x > 1\", after: [b], timeout: 2d}\n"
      "  d: {command: [d], repeat: {while: \"d.x > 1\", at_most: 3}, needs: {cpus: 64, labels: {zone: a}}, after: "
      "[c]}\n",
      "tasks:\n  a: {needs: {memory: 64GiB}, command: [a], timeout: 90s}\n  b: {needs: {gpus: 4}, command: [b], "
      "timeout: 7s}\n"
      "  c: {needs: {resources: {seats: 0.25}}, command: [c]}\n  d: {needs: {labels: {zone: a}}, command: [d]}\n",
      "tasks: {a: {command: [a], each: {x: [1, 2, 3]}}, b: {command: [b], each: {y: [1, 2]}, after: [a]}}\n"
      "defaults: {when: x, retry_on: [1], colour: red}\n---\n- second",
      "{\"tasks\": {\"a\": {\"command\": [\"true\\ud83c\\udfad\"]}, \"b\": {\"after\": [\"a\"], \"command\": "
      "[\"true\"]}}}"};
}

}  // namespace troupe::fuzz
