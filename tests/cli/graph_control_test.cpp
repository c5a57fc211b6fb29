// The keys of graph files by which tasks choose, loop, try again, exclude each other and are placed together.
#include <signal.h>

#include <catch2/catch.hpp>

#include "tools/cli/graph_file.h"

using namespace troupe;
using namespace troupe::cli;
using Lines = std::vector<std::string>;

namespace {

const NodeCapacity laptop{.cpus = 4000, .memory_bytes = std::int64_t{8} << 30};

std::vector<TaskSpec> tasks_of(const std::string& text) {
  const auto read = read_graph_text("/srv/graph.yaml", text, &laptop);
  REQUIRE(read.errors == Lines{});
  return compile(read.graph, JobId{7}, "/run");
}

/// A file of a task `a`, and a task `b` after it with some more keys; the one line that refuses it.
std::string refusal(const std::string& keys) {
  const auto read = read_graph_text("g.yaml",
                                    "tasks:\n  a: {command: [a]}\n  each: {command: [e], each: {x: [1, 2]}}\n" +
                                        ("  b: {command: [b], after: [a, each], " + keys) + "}\n",
                                    &laptop);
  REQUIRE(read.errors.size() == 1);
  return read.errors.front().substr(read.errors.front().find(' ') + 1);
}

}  // namespace

TEST_CASE("a condition is of results that are handed to the task", "[graph]") {
  const auto tasks = tasks_of(R"(tasks:
  train: {command: [t], each: {shard: [0, 1]}}
  join: {command: [j], after: [train]}
  publish:
    after: [join]
    when: "join.accuracy >= 0.9 and train[1].loss < join.limit"
    command: [p, "{join.accuracy}"]
)");
  const TaskSpec& publish = tasks.back();
  REQUIRE(publish.when.has_value());
  CHECK(publish.when->text == "join.accuracy >= 0.9 and train[1].loss < join.limit");
  const std::vector<TaskId> inputs = publish.inputs;
  CHECK(inputs == std::vector<TaskId>{tasks[2].id, tasks[1].id});
  const std::string_view results[] = {R"({"accuracy": 0.95, "limit": 3})", R"({"loss": 2})"};
  CHECK(evaluate(*publish.when, results)->holds);
  CHECK(std::find(publish.after.begin(), publish.after.end(), tasks[1].id) != publish.after.end());
}

TEST_CASE("a loop is asked about the task's own result", "[graph]") {
  const auto tasks = tasks_of(R"(tasks:
  again: {command: [r], repeat: {while: "again.loss > 0.1", at_most: 10}}
)");
  REQUIRE(tasks[0].repeat.has_value());
  CHECK(tasks[0].repeat->at_most == 10);
  const std::string_view result = R"({"loss": 0.2})";
  CHECK(evaluate(tasks[0].repeat->condition, {&result, 1})->holds);
}

TEST_CASE("a gang is one entry that is as many tasks as it has members", "[graph]") {
  const auto tasks = tasks_of(R"(tasks:
  train:
    each: {seed: [5, 6]}
    gang: {size: 4, policy: mesh, stages: 2}
    command: [t, "{seed}", "{rank}"]
)");
  REQUIRE(tasks.size() == 8);
  CHECK(tasks[5].name == "train[5]");
  CHECK(command_of(tasks[5].work)->argv == Lines{"t", "6", "1"});
  CHECK(*tasks[5].gang == GangHint{.gang = 5, .size = 4, .rank = 1, .policy = GangPolicy::mesh, .stages = 2});
  CHECK(tasks[0].gang->gang == tasks[3].gang->gang);
  CHECK(tasks[3].gang->gang != tasks[4].gang->gang);
}

TEST_CASE("the stages of a chain, or of each pipeline of a mesh, may need different things", "[graph]") {
  const auto tasks = tasks_of(R"(tasks:
  chain:
    command: [c]
    gang: {policy: model, stages: [{needs: {cpus: 2, memory: 1GiB}, bytes_to_next: 4MiB}, {bytes_to_next: 1KiB}, {}]}
    needs: {cpus: 0.5}
  mesh:
    command: [m]
    gang: {size: 4, policy: mesh, stages: [{bytes_to_next: 10}, {needs: {cpus: 3}}]}
)");
  REQUIRE(tasks.size() == 7);
  CHECK(tasks[0].needs == Resources{.cpus = 2000, .memory_bytes = std::int64_t{1} << 30});
  CHECK(tasks[1].needs == Resources{.cpus = 500});
  CHECK(*tasks[0].gang ==
        GangHint{.gang = 1, .size = 3, .rank = 0, .policy = GangPolicy::model, .bytes_to_next = 4 << 20});
  CHECK(tasks[1].gang->bytes_to_next == 1024);
  CHECK(*tasks[5].gang ==
        GangHint{.gang = 4, .size = 4, .rank = 2, .policy = GangPolicy::mesh, .bytes_to_next = 10, .stages = 2});
  CHECK(tasks[5].needs == Resources{});
  CHECK(tasks[6].needs == Resources{.cpus = 3000});
  CHECK(refusal("gang: {size: 2, stages: [{}, {}]}") ==
        "'gang' in task 'b': found a mapping, expected 'stages' with policy: model or mesh only");
  CHECK(
      refusal("gang: {size: 2, policy: model, stages: [{}, {}, {}]}") ==
      "'gang' in task 'b': found a mapping, expected with policy: model a size of as many members as there are stages, "
      "3");
  CHECK(refusal("gang: {policy: model, stages: [{needs: {cpu: 1}}]}") ==
        "unknown key 'cpu' of 'needs' in task 'b' (did you mean 'cpus'?)");
  CHECK(refusal("gang: {policy: model, stages: [{bytes: 1}]}") ==
        "unknown key 'bytes' of 'stages' in task 'b', expected needs or bytes_to_next");
  CHECK(
      refusal("gang: {policy: model, stages: []}") ==
      "'stages' in task 'b': found a list, expected a list of stages, as in [{needs: {cpus: 2}, bytes_to_next: 4MiB}, "
      "{}]");
  CHECK(refusal("gang: {policy: mesh, stages: [{}, {}]}") ==
        "'gang' in task 'b': found a mapping, expected a size, of so many pipelines");
  CHECK(refusal("gang: {policy: model, stages: [{}, {needs: {cpus: 5}}]}") ==
        "stage 1 of task 'b' needs 5 cpus; this machine has 4");
}

TEST_CASE("how a task is placed and tried again stands in the task or in the defaults", "[graph]") {
  const auto tasks = tasks_of(R"(defaults: {priority: 3, retry_delay: 10s, spread: true}
tasks:
  a: {command: [a], max_attempts: 3, retry_on: [75, SIGKILL, TERM], cache: true, preemptible: true, priority: -2}
  b: {command: [b], retry_delay: {first: 1s, longest: 5min}}
)");
  CHECK(tasks[0].priority == -2);
  CHECK(tasks[0].cache);
  CHECK(tasks[0].preemptible);
  CHECK(tasks[0].spreads);
  REQUIRE(tasks[0].retry.has_value());
  CHECK(*tasks[0].retry == RetryRule{.exit_codes = {75},
                                     .signals = {SIGKILL, SIGTERM},
                                     .delay = std::chrono::seconds(10),
                                     .longest_delay = std::chrono::hours(1)});
  CHECK(tasks[1].priority == 3);
  CHECK_FALSE(tasks[1].cache);
  CHECK(*tasks[1].retry == RetryRule{.delay = std::chrono::seconds(1), .longest_delay = std::chrono::minutes(5)});
}

TEST_CASE("a condition that is not well formed is refused in one line with its place", "[graph]") {
  CHECK(refusal(R"(when: "a.x = 1")") == "'when' in task 'b': column 5: found '=', expected a comparison such as ==");
  CHECK(refusal(R"(when: "aa.x == 1")") == "'when' in task 'b': there is no task 'aa' (did you mean 'a'?)");
  CHECK(refusal(R"(when: "b.x == 1")") == "'when' in task 'b': found b.x, which is its own result");
  CHECK(refusal(R"(when: "each.x == 1")") ==
        "'when' in task 'b': found each.x, but 'each' is 2 tasks: name one, as in each[0].x");
  CHECK(refusal("when: []") ==
        "'when' in task 'b': found a list, expected a condition in quotes, as in \"join.accuracy >= 0.9\"");
  CHECK(refusal(R"(repeat: {while: "a.x > 1", at_most: 3})") ==
        "'while' in task 'b': found a.x, expected the task's own result, as in b.loss");
  CHECK(refusal(R"(repeat: {while: "b.x > 1"})") ==
        "'repeat' in task 'b': found a mapping, expected both keys, as in {while: \"b.loss > 0.1\", at_most: 10}");
  CHECK(refusal(R"(repeat: {while: "b.x > 1", at_mots: 3, at_most: 3})") ==
        "unknown key 'at_mots' of 'repeat' in task 'b' (did you mean 'at_most'?)");
}

TEST_CASE("a result that is not before the task is no part of its condition", "[graph]") {
  const auto read =
      read_graph_text("g.yaml", "tasks:\n  a: {command: [a]}\n  b: {command: [b], when: \"a.x == 1\"}\n", &laptop);
  CHECK(read.errors ==
        Lines{"g.yaml:3:27: 'when' in task 'b': found a.x, but 'a' is not before it: add it to 'after'"});
}

TEST_CASE("other control keys are refused with what is expected", "[graph]") {
  CHECK(refusal("retry_on: [0]") ==
        "'retry_on' in task 'b': found '0', expected an exit code from 1 to 255, or a signal such as SIGKILL");
  CHECK(refusal("retry_on: SIGKILL") ==
        "'retry_on' in task 'b': found 'SIGKILL', expected a list of exit codes and signals, as in [75, SIGKILL]");
  CHECK(refusal("retry_delay: 10") ==
        "'retry_delay' in task 'b': found '10', expected a duration such as 500ms, 30s, "
        "10min, 1h or 2d");
  CHECK(refusal("priority: high") ==
        "'priority' in task 'b': found 'high', expected a whole number from -1000000 to 1000000; higher goes first");
  CHECK(refusal("cache: yes") == "'cache' in task 'b': found 'yes', expected true or false");
  CHECK(refusal("gang: {size: 0}") == "'size' in task 'b': found '0', expected a whole number from 1 to 4096");
  CHECK(refusal("gang: {size: 2, policy: ring}") == "'policy' in task 'b': found 'ring', expected data, model or mesh");
  CHECK(refusal("gang: {size: 3, policy: mesh, stages: 2}") ==
        "'gang' in task 'b': found a mapping, expected a size that is a whole number of pipelines of 2 stages");
  CHECK(refusal(R"(gang: {size: 2}, repeat: {while: "b > 1", at_most: 3})") ==
        "found 'repeat' and 'gang' in task 'b': a gang cannot repeat");
  CHECK(refusal("gang: {size: 2}, cache: true") ==
        "found 'cache' in task 'b', which repeats or is a gang: its result cannot be cached");
  CHECK(refusal("gang: {size: 2}, each: {rank: [1]}") ==
        "'each' and 'gang' in task 'b' both make a {rank}: give the key of 'each' another name");
}

TEST_CASE("a task's locks and semaphores are read, and what is wrong with them is said", "[graph]") {
  const auto read =
      read_graph_text("graph.yaml", "tasks: {a: {command: [a], locks: [y, x, y], semaphores: {t: 2, s: 1}}}", &laptop);
  REQUIRE(read.errors.empty());
  const TaskSpec task = compile(read.graph, JobId{1}, "/run").front();
  CHECK(task.locks == std::vector<std::string>{"x", "y"});
  CHECK(task.semaphores == std::vector<SemaphoreNeed>{{"s", 1}, {"t", 2}});
  const std::pair<const char*, const char*> refusals[] = {
      {"tasks: {a: {command: [a], locks: x}}",
       "graph.yaml:1:34: 'locks' in task 'a': found 'x', expected a list of names, as in [database]"},
      {"tasks: {a: {command: [a], locks: ['']}}",
       "graph.yaml:1:35: 'locks' in task 'a': found the text '', expected a name of at most 256 bytes"},
      {"tasks: {a: {command: [a], semaphores: [s]}}",
       "graph.yaml:1:39: 'semaphores' in task 'a': found a list, expected a mapping of names to how many may run at "
       "once, as in {licence: 2}"},
      {"tasks: {a: {command: [a], semaphores: {s: 0}}}",
       "graph.yaml:1:43: 'semaphores.s' in task 'a': found '0', expected a whole number from 1 to 1000000"},
  };
  for (const auto& [text, line] : refusals) CHECK(read_graph_text("graph.yaml", text, &laptop).errors == Lines{line});
}
