// A graph file: what it stands for, and every way in which it is refused before anything starts.
#include "tools/cli/graph_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/agent/command.h"
#include "tests/cli/graph_support.h"

namespace troupe::cli {
namespace {

using namespace test;

const NodeCapacity laptop{.cpus = 2000, .memory_bytes = std::int64_t{8} << 30};

ReadGraph read(const std::string& text) { return read_graph_text("graph.yaml", text, nullptr); }

const CommandWork& command_of(const TaskSpec& task) { return *troupe::command_of(task.work); }

/// What the agent would start for `task`, given the results of its inputs.
std::vector<std::string> words_at_start(const TaskSpec& task, const std::vector<Bytes>& inputs) {
  const std::string folder = std::filesystem::temp_directory_path() / ("troupe-graph-test-" + to_text(random_id()));
  RunOrder order{.task = task.id, .attempt = {1, 1}, .name = task.name, .work = task.work, .inputs = inputs};
  troupe::command_of(order.work)->task_directory = folder;
  const auto command = prepare_command(order);
  std::filesystem::remove_all(folder);
  if (!command) return {"error: " + command.error().message};
  return command->process.argv;
}

/// A graph of the tasks `join` (before it) and `it`, whose command ends with `word`.
std::string with_word(const std::string& word) {
  return "tasks:\n  join: {command: [./join]}\n  it:\n    after: [join]\n    each: {shard: [zero, '{join.x}']}\n"
         "    command: [./it, '" +
         word + "']\n";
}

const std::string nightly = R"(name: nightly
defaults: {needs: {cpus: 1}, max_attempts: 3}
tasks:
  prepare:
    command: [python3, prepare.py, --out, "{dir}/data"]
  train:
    each: {shard: [0, 1, 2, 3]}
    after: [prepare]
    command: [./train, --shard, "{shard}"]
    needs: {cpus: 1, gpus: 0.25, memory: 2GiB, labels: {disk: nvme}}
    timeout: 10min
    env: {SEED: "{shard}"}
  join:
    after: [train]
    command: [./join]
  publish:
    after: [join]
    command: [./publish, "--accuracy={join.accuracy}"]
)";

// --- what a file stands for ------------------------------------------------------------------------------------------

TEST_CASE("a graph file becomes one task for each entry and each combination, in the order of the file") {
  const auto tasks = tasks_of(nightly);
  Lines all;
  for (const auto& task : tasks) all.push_back(task.name);
  CHECK(all == Lines{"prepare", "train[0]", "train[1]", "train[2]", "train[3]", "join", "publish"});
  for (std::size_t i = 0; i < tasks.size(); ++i)
    CHECK(tasks[i].id == TaskId{JobId{7}, static_cast<std::uint32_t>(i + 1)});

  const TaskSpec& train = find(tasks, "train[2]");
  CHECK(train.needs.cpus == 1000);
  CHECK(train.needs.gpus == 250);
  CHECK(train.needs.memory_bytes == std::int64_t{2} << 30);
  CHECK(train.needs.labels == Labels{{"disk", "nvme"}});
  CHECK(train.max_attempts == 3);
  CHECK(train.timeout == std::chrono::minutes(10));
  CHECK(names(tasks, train.after) == Lines{"prepare"});
  CHECK(train.inputs.empty());
  CHECK(command_of(train).argv == Lines{"./train", "--shard", "2"});
  CHECK(names(tasks, find(tasks, "join").after) == Lines{"train[0]", "train[1]", "train[2]", "train[3]"});
}

TEST_CASE("a command runs in the folder of its file, and has a directory of its own under the run") {
  const auto tasks = tasks_of(nightly);
  CHECK(command_of(tasks[0]).argv == Lines{"python3", "prepare.py", "--out", "/run/tasks/prepare/data"});
  CHECK(command_of(tasks[0]).working_directory == "/srv/ann");
  CHECK(command_of(tasks[0]).task_directory == "/run/tasks/prepare");
  CHECK(command_of(find(tasks, "train[3]")).task_directory == "/run/tasks/train.3");

  const auto moved =
      tasks_of("tasks: {a: {command: [./a], each: {n: [x, y]}, cwd: '../{n}'}, b: {command: [b], cwd: /srv}}");
  CHECK(command_of(moved[1]).working_directory == "/srv/y");
  CHECK(command_of(moved[2]).working_directory == "/srv");
}

TEST_CASE("a command is told its graph and its task") {
  using Environment = std::vector<std::pair<std::string, std::string>>;
  const auto tasks = tasks_of(nightly);
  CHECK(command_of(find(tasks, "train[1]")).environment ==
        Environment{{"SEED", "1"}, {"TROUPE_GRAPH", "nightly"}, {"TROUPE_TASK", "train[1]"}});
}

TEST_CASE("a graph without a name is called after its file") {
  CHECK(read_graph_text("runs/big one.yaml", "tasks: {a: {command: [a]}}", nullptr).graph.name == "big_one");
}

TEST_CASE("several keys of each make every combination, the last running fastest") {
  const auto tasks = tasks_of("tasks: {a: {each: {x: [1, 2], y: [u, v, w]}, command: ['{x}{y}']}}");
  Lines words;
  for (const auto& task : tasks) words.push_back(task.name + " " + command_of(task).argv[0]);
  CHECK(words == Lines{"a[0] 1u", "a[1] 1v", "a[2] 1w", "a[3] 2u", "a[4] 2v", "a[5] 2w"});
}

TEST_CASE("a task may come after one task of an entry with each") {
  const auto tasks = tasks_of("tasks: {a: {each: {x: [1, 2, 3]}, command: [a]}, b: {after: ['a[1]'], command: [b]}}");
  CHECK(names(tasks, tasks[3].after) == Lines{"a[1]"});
  const auto both = tasks_of("tasks: {a: {each: {x: [1, 2]}, command: [a]}, b: {after: ['a[1]', a, a], command: [b]}}");
  CHECK(names(both, both[2].after) == Lines{"a[0]", "a[1]"});
}

TEST_CASE("defaults stand where a task says nothing, key by key") {
  const auto tasks = tasks_of(R"(
defaults: {needs: {cpus: 2, memory: 1GiB, labels: {disk: nvme}}, timeout: 1h, env: {A: "1", B: "2"}, cwd: sub}
tasks:
  a: {command: [a]}
  b: {command: [b], needs: {cpus: 0.5, labels: {zone: east}, resources: {seats: 1.5}}, timeout: 250ms, env: {B: "3"}, cwd: .}
)");
  CHECK(tasks[0].needs.cpus == 2000);
  CHECK(tasks[0].timeout == std::chrono::hours(1));
  CHECK(command_of(tasks[0]).working_directory == "/srv/ann/sub");
  CHECK(tasks[1].needs.cpus == 500);
  CHECK(tasks[1].needs.memory_bytes == 1 << 30);
  CHECK(tasks[1].needs.labels == Labels{{"disk", "nvme"}, {"zone", "east"}});
  CHECK(tasks[1].needs.named == NamedAmounts{{"seats", 1500}});
  CHECK(tasks[1].timeout == std::chrono::milliseconds(250));
  CHECK(command_of(tasks[1]).environment[0] == std::pair<std::string, std::string>{"A", "1"});
  CHECK(command_of(tasks[1]).environment[1] == std::pair<std::string, std::string>{"B", "3"});
}

TEST_CASE("a graph in JSON is the same graph") {
  const auto yaml = tasks_of(nightly);
  const auto json = tasks_of(R"({"name":"nightly","defaults":{"needs":{"cpus":1},"max_attempts":3},"tasks":{
    "prepare":{"command":["python3","prepare.py","--out","{dir}/data"]},
    "train":{"each":{"shard":[0,1,2,3]},"after":["prepare"],"command":["./train","--shard","{shard}"],
      "needs":{"cpus":1,"gpus":0.25,"memory":"2GiB","labels":{"disk":"nvme"}},"timeout":"10min","env":{"SEED":"{shard}"}},
	"join":{"after":["train"],"command":["./join"]},
    "publish":{"after":["join"],"command":["./publish","--accuracy={join.accuracy}"]}}})");
  CHECK(yaml == json);
}

TEST_CASE("JSON's escapes are read, pairs for characters beyond 16 bits included") {
  const auto tasks =
      tasks_of("{\"tasks\": {\"a\": {\"command\": [\"\\u00e9\\ud83c\\udfad\\/\\\"\", \"C:\\\\ud83c\"]}}}");
  CHECK(command_of(tasks[0]).argv == Lines{"\u00e9\U0001f3ad/\"", "C:\\ud83c"});
}

TEST_CASE("words of any look are words: numbers, booleans, empty text") {
  CHECK(command_of(tasks_of("tasks: {a: {command: [a, 3, 0.50, true, '', \"null\"]}}")[0]).argv ==
        Lines{"a", "3", "0.50", "true", "", "null"});
}

// --- names in braces -------------------------------------------------------------------------------------------------

TEST_CASE("a result of an earlier task is put into the words when the command starts") {
  const auto tasks = tasks_of(nightly);
  const TaskSpec& publish = find(tasks, "publish");
  CHECK(names(tasks, publish.inputs) == Lines{"join"});
  CHECK(command_of(publish).argv == Lines{"./publish", "--accuracy={join.accuracy}"});
  CHECK(words_at_start(publish, {R"({"accuracy": 0.93})"}) == Lines{"./publish", "--accuracy=0.93"});
}

TEST_CASE("the result of one task of an entry with each, and of a task before the one before") {
  const auto tasks = tasks_of(R"(tasks:
  train: {each: {shard: [0, 1]}, command: [./train]}
  join: {after: [train], command: [./join]}
  last: {after: [join], command: [./last, "{train[1].loss[0]}", "{join}", "{train[0]}"]}
)");
  const TaskSpec& last = find(tasks, "last");
  CHECK(names(tasks, last.after) == Lines{"train[0]", "train[1]", "join"});
  CHECK(names(tasks, last.inputs) == Lines{"train[0]", "train[1]", "join"});
  CHECK(words_at_start(last, {"1", R"({"loss":[0.5,2]})", R"("text")"}) == Lines{"./last", "0.5", "text", "1"});
}

TEST_CASE("other braces are left alone, until the command has started") {
  for (const std::string word : {"${shard}", "${join.x}", R"({"a": 1})", R"({"a":{"b":[1]}})", "{}", "{1..3}",
                                 "{ shard }", "{shard", "a}{", "{a b}", "{some-thing}", "{shard.}", "{shard[x]}"}) {
    INFO(word);
    CHECK(words_at_start(tasks_of(with_word(word))[1], {"{}"}) == Lines{"./it", word});
  }
}

TEST_CASE("doubled braces stand for the name in braces, and stay so when results are put in") {
  const std::string joined = R"({"x": 5})";
  CHECK(words_at_start(tasks_of(with_word("{{shard}}"))[1], {}) == Lines{"./it", "{shard}"});
  CHECK(words_at_start(tasks_of(with_word("{{join.x}} {join.x}"))[1], {joined}) == Lines{"./it", "{join.x} 5"});
  CHECK(words_at_start(tasks_of(with_word("${join.x} {join.x}"))[1], {joined}) == Lines{"./it", "${join.x} 5"});
  CHECK(words_at_start(tasks_of(with_word("{{join[0]}} {{join}} {join.x}"))[1], {joined}) ==
        Lines{"./it", "{join[0]} {join} 5"});
  CHECK(words_at_start(tasks_of(with_word("{\"a\": {join.x}}"))[1], {joined}) == Lines{"./it", "{\"a\": 5}"});
}

TEST_CASE("a value of each that looks like a name in braces is not one") {
  CHECK(words_at_start(tasks_of(with_word("{shard} {join.x}"))[2], {R"({"x": 5})"}) == Lines{"./it", "{join.x} 5"});
}

// --- what is refused -------------------------------------------------------------------------------------------------

/// A file and the one line that refuses it.
struct Refusal {
  std::string text;
  std::string line;
};

void check(const std::vector<Refusal>& refusals) {
  for (const auto& [text, line] : refusals) {
    INFO(text);
    CHECK(read_graph_text("graph.yaml", text, &laptop).errors == Lines{line});
  }
}

TEST_CASE("an unknown key is named with its place and what was probably meant") {
  check({
      {"tasks:\n  train:\n    comand: [./train]\n    command: [a]\n",
       "graph.yaml:3:5: unknown key 'comand' in task 'train' (did you mean 'command'?)"},
      {"tasks: {a: {command: [a], colour: red}}",
       "graph.yaml:1:27: unknown key 'colour' in task 'a', expected command, after, each, needs, "
       "max_attempts, timeout, env, cwd, priority, preemptible, spread, cache, retry_on, "
       "retry_delay, "
       "locks, semaphores, when, repeat or gang"},
      {"nmae: x\ntasks: {a: {command: [a]}}",
       "graph.yaml:1:1: unknown key 'nmae' (did you mean 'name'?), expected name, defaults or tasks"},
      {"tasks: {a: {command: [a], needs: {cpu: 1}}}",
       "graph.yaml:1:35: unknown key 'cpu' of 'needs' in task 'a' (did you mean 'cpus'?)"},
      {"defaults: {comand: [a]}\ntasks: {a: {command: [a]}}",
       "graph.yaml:1:12: unknown key 'comand' in 'defaults', expected needs, max_attempts, timeout, env, cwd, "
       "priority, "
       "preemptible, spread, cache, retry_on or retry_delay"},
  });
}

TEST_CASE("a key that this version does not carry out is refused by name") {
  for (const std::string key : {"outputs"}) {
    check({{"tasks: {a: {command: [a], " + key + ": 1}}",
            "graph.yaml:1:27: '" + key + "' is not in this version in task 'a'"}});
  }
  check({{"tasks: {a: {call: {module: ./m.so}}}", "graph.yaml:1:13: 'call' is not in this version in task 'a'"}});
}

TEST_CASE("a value of the wrong type says what was found and what is expected") {
  check({
      {"tasks: {a: {command: ./run.sh}}",
       "graph.yaml:1:22: 'command' in task 'a': found './run.sh', expected a list of words, as in [python3, train.py]"},
      {"tasks: {a: {command: [a, [b]]}}", "graph.yaml:1:26: 'command' in task 'a': found a list, expected a word"},
      {"tasks: {a: {command: [a, ~]}}", "graph.yaml:1:26: 'command' in task 'a': found nothing, expected a word"},
      {"tasks: {a: {command: []}}",
       "graph.yaml:1:22: 'command' in task 'a' is empty, expected a list of words, as in [python3, train.py]"},
      {"tasks: {a: {command: ['']}}",
       "graph.yaml:1:22: 'command' in task 'a' is empty, expected a list of words, as in [python3, train.py]"},
      {"tasks: {a: {command: [a, \"x\\0\"]}}",
       "graph.yaml:1:26: 'command' in task 'a': found a NUL character, which no program can be given"},
      {"tasks: {a: {command: [a], after: b}}",
       "graph.yaml:1:34: 'after' in task 'a': found 'b', expected a list of tasks, as in [prepare]"},
      {"tasks: {a: {command: [a], each: [1, 2]}}",
       "graph.yaml:1:33: 'each' in task 'a': found a list, expected a mapping of names to lists, as in {shard: [0, 1, "
       "2]}"},
      {"tasks: {a: {command: [a], each: {x: []}}}",
       "graph.yaml:1:37: 'each.x' in task 'a': found a list, expected a list of at least one value"},
      {"tasks: {a: {command: [a], env: {A: [1]}}}",
       "graph.yaml:1:36: 'env.A' in task 'a': found a list, expected text ('' for an empty one)"},
      {"tasks: {a: {command: [a], needs: 3}}",
       "graph.yaml:1:34: 'needs' in task 'a': found '3', expected a mapping, as in {cpus: 1, memory: 2GiB}"},
      {"tasks: {a: [x]}", "graph.yaml:1:12: task 'a': found a list, expected a mapping with 'command'"},
      {"tasks: {a: {cwd: x}}", "graph.yaml:1:9: task 'a' has no 'command'"},
      {"tasks: [a]", "graph.yaml:1:8: 'tasks': found a list, expected a mapping of names to tasks"},
      {"tasks: {}", "graph.yaml:1:8: 'tasks' is empty, expected at least one task"},
      {"- a", "graph.yaml:1:1: found a list, expected a mapping with the key 'tasks'"},
      {"name: x", "graph.yaml:1:1: found no key 'tasks', expected the tasks of the graph under it"},
      {"", "graph.yaml:1:1: found an empty file, expected a mapping"},
      {"name: a/b\ntasks: {a: {command: [a]}}",
       "graph.yaml:1:7: 'name': found 'a/b', expected letters, digits, '_', '-' and '.', at most 200"},
  });
}

TEST_CASE("sizes, durations and numbers are refused when they are not ones") {
  check({
      {"tasks: {a: {command: [a], timeout: 10}}",
       "graph.yaml:1:36: 'timeout' in task 'a': found '10', expected a duration such as 500ms, 30s, 10min, 1h or 2d"},
      {"tasks: {a: {command: [a], timeout: 0s}}",
       "graph.yaml:1:36: 'timeout' in task 'a': found '0s', expected a duration such as 500ms, 30s, 10min, 1h or 2d"},
      {"tasks: {a: {command: [a], needs: {memory: 2 gigs}}}",
       "graph.yaml:1:43: 'memory' in task 'a': found '2 gigs', expected a size such as 512MiB, 2GiB or 4096"},
      {"tasks: {a: {command: [a], needs: {memory: 99999999999999TiB}}}",
       "graph.yaml:1:43: 'memory' in task 'a': found '99999999999999TiB', expected a size such as 512MiB, 2GiB or "
       "4096"},
      {"tasks: {a: {command: [a], needs: {cpus: -1}}}",
       "graph.yaml:1:41: 'cpus' in task 'a': found '-1', expected a number such as 2 or 0.25, with at most three "
       "decimals"},
      {"tasks: {a: {command: [a], needs: {cpus: '1'}}}",
       "graph.yaml:1:41: 'cpus' in task 'a': found the text '1', expected a number such as 2 or 0.25, with at most "
       "three "
       "decimals"},
      {"tasks: {a: {command: [a], needs: {gpus: 1.5}}}",
       "graph.yaml:1:41: 'gpus' in task 'a': found '1.5', expected a share of one gpu, at most 1, or a whole number of "
       "them"},
      {"tasks: {a: {command: [a], max_attempts: 0}}",
       "graph.yaml:1:41: 'max_attempts' in task 'a': found '0', expected a whole number from 1 to 1000"},
      {"tasks: {a: {command: [a], max_attempts: 2.5}}",
       "graph.yaml:1:41: 'max_attempts' in task 'a': found '2.5', expected a whole number from 1 to 1000"},
  });
}

TEST_CASE("a need that no node can ever meet is refused with what there is") {
  check({
      {"tasks:\n  train:\n    command: [a]\n    needs: {cpus: 64}\n",
       "graph.yaml:4:19: task 'train' needs 64 cpus; this machine has 2"},
      {"tasks: {a: {command: [a], needs: {memory: 64GiB}}}",
       "graph.yaml:1:43: task 'a' needs 64 GiB of memory; this machine has 8 GiB"},
      {"tasks: {a: {command: [a], needs: {gpus: 0.5}}}",
       "graph.yaml:1:41: task 'a' needs 0.5 gpus; this machine has none"},
      {"tasks: {a: {command: [a], needs: {labels: {disk: nvme}}}}",
       "graph.yaml:1:43: task 'a' needs the label disk=nvme; this machine has no label disk"},
      {"tasks: {a: {command: [a], needs: {resources: {seats: 1}}}}",
       "graph.yaml:1:46: task 'a' needs 1 seats; this machine has none"},
      {"defaults: {needs: {cpus: 3}}\ntasks: {a: {command: [a]}}",
       "graph.yaml:1:26: task 'a' needs 3 cpus; this machine has 2"},
  });
  CHECK(read("tasks: {a: {command: [a], needs: {cpus: 64}}}").errors == Lines{});
}

TEST_CASE("tasks that wait for each other are named in their circle") {
  check({
      {"tasks:\n  a: {command: [a], after: [c]}\n  b: {command: [b], after: [a]}\n  c: {command: [c], after: [b]}\n",
       "graph.yaml:2:3: task 'a' waits for itself: a after c after b after a"},
      {"tasks: {a: {command: [a], after: [a]}}", "graph.yaml:1:9: task 'a' waits for itself: a after a"},
      {"tasks: {a: {command: [a], each: {x: [1, 2]}, after: ['a[0]']}}",
       "graph.yaml:1:9: task 'a' waits for itself: a after a"},
  });
}

TEST_CASE("a task that is not there is refused, with the one that was probably meant") {
  check({
      {"tasks: {prepare: {command: [a]}, b: {command: [b], after: [prepar]}}",
       "graph.yaml:1:60: 'after' in task 'b': there is no task 'prepar' (did you mean 'prepare'?)"},
      {"tasks: {a: {command: [a], each: {x: [1, 2]}}, b: {command: [b], after: ['a[2]']}}",
       "graph.yaml:1:73: 'after' in task 'b': found a[2], expected one of a[0] to a[1]"},
      {"tasks: {a: {command: [a]}, b: {command: [b], after: ['a[0]']}}",
       "graph.yaml:1:54: 'after' in task 'b': there is no task 'a[0]' (did you mean 'a'?)"},
  });
}

TEST_CASE("a name in braces that is not known is refused") {
  check({
      {"tasks: {a: {each: {shard: [1]}, command: [a, '{shrad}']}}",
       "graph.yaml:1:46: unknown name {shrad} in task 'a' (did you mean 'shard'?)"},
      {"tasks: {a: {command: [awk, '{print}']}}",
       "graph.yaml:1:28: unknown name {print} in task 'a', expected dir, a key of 'each' or a task; for these very "
       "characters write {{print}}"},
      {"tasks: {a: {command: [a]}, b: {command: [b, '{a.x}']}}",
       "graph.yaml:1:45: the result of 'a' is used in task 'b', but it is not before it: add it to 'after'"},
      {"tasks: {a: {command: [a], each: {x: [1, 2]}}, b: {after: ['a[0]'], command: [b, '{a[1].x}']}}",
       "graph.yaml:1:81: the result of 'a[1]' is used in task 'b', but it is not before it: add it to 'after'"},
      {"tasks: {a: {command: [a], each: {x: [1, 2]}}, b: {after: [a], command: [b, '{a.loss}']}}",
       "graph.yaml:1:76: task 'b': found {a.loss}, but 'a' is 2 tasks: name one, as in {a[0].loss}"},
      {"tasks: {a: {command: [a, '{a.x}']}}", "graph.yaml:1:26: task 'a': found {a.x}, which is its own result"},
      {"tasks: {a: {command: [a, '{dir.x}']}}",
       "graph.yaml:1:26: task 'a': found {dir.x}, expected {dir}: it is one text"},
      {"tasks: {a: {command: [a]}, b: {after: [a], command: [b], cwd: '{a.x}'}}",
       "graph.yaml:1:63: 'cwd' in task 'b': the result of 'a' cannot stand here, only in 'command' and 'env'"},
      {"tasks: {a: {command: [a], each: {dir: [1]}}}",
       "graph.yaml:1:34: 'dir' cannot be a key of 'each' in task 'a': {dir} is the task's own directory"},
  });
}

TEST_CASE("an error is one line, whatever the file holds") {
  check(
      {{"tasks: {a: {command: [a], \"com\\nmand\\e[1m\": 1}}",
        "graph.yaml:1:27: unknown key 'com mand [1m' in task 'a', expected command, after, each, needs, "
        "max_attempts, timeout, env, cwd, priority, preemptible, spread, cache, retry_on, "
        "retry_delay, "
        "locks, semaphores, when, repeat or gang"},
       {"tasks: {a: {command: [a], max_attempts: 99999999999999999999999}}",
        "graph.yaml:1:41: 'max_attempts' in task 'a': found '99999999999999999999999', expected a whole number from 1 "
        "to 1000"}});
}

TEST_CASE("names of tasks are names") {
  check({
      {"tasks: {'a b': {command: [a]}}",
       "graph.yaml:1:9: found the text 'a b' as a task's name, expected a letter, then letters, digits, '_' and '-', "
       "at "
       "most 200"},
      {"tasks: {../x: {command: [a]}}",
       "graph.yaml:1:9: found '../x' as a task's name, expected a letter, then letters, digits, '_' and '-', at most "
       "200"},
  });
}

TEST_CASE("keys that are there twice, aliases, tags and anchors are refused") {
  check({
      {"tasks:\n  a: {command: [a]}\n  a: {command: [b]}\n", "graph.yaml:3:3: key 'a' is there twice in one mapping"},
      {"tasks: {a: {command: [a], command: [b]}}", "graph.yaml:1:27: key 'command' is there twice in one mapping"},
      {"tasks: {a: &x {command: [a]}}",
       "graph.yaml:1:12: found the anchor '&x': anchors are not read here; write the value out"},
      {"tasks: {a: {command: [!!str 3]}}",
       "graph.yaml:1:23: found the tag 'tag:yaml.org,2002:str': tags are not read here; leave it out"},
      {"tasks: {[a]: 1}", "graph.yaml:1:9: found a list as a key, expected a name"},
      {"tasks: {a: {command: [a]}}\n---\nx: 1\n", "graph.yaml:3:1: found a second document, expected one in a file"},
  });
}

TEST_CASE("text that is not YAML is refused at its place") {
  const auto errors = read("tasks:\n  a: {command: [a\n  b: 1\n").errors;
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("graph.yaml:") == 0);
  CHECK(errors[0].find("not YAML: ") != std::string::npos);
  CHECK(read("tasks: *x\n").errors.size() == 1);
  CHECK(read("\tx").errors.size() == 1);
  CHECK(read(std::string("\xff\xfe\x00\xd8", 4)).errors.size() == 1);
}

TEST_CASE("everything that is wrong is told at once, in the order of the file") {
  CHECK(
      read("tasks:\n  a: {command: b, timeout: x}\n  c: {command: [c, '{y}'], after: [b]}\n").errors ==
      Lines{
          "graph.yaml:2:16: 'command' in task 'a': found 'b', expected a list of words, as in [python3, train.py]",
          "graph.yaml:2:28: 'timeout' in task 'a': found 'x', expected a duration such as 500ms, 30s, 10min, 1h or 2d",
          "graph.yaml:3:20: unknown name {y} in task 'c', expected dir, a key of 'each' or a task; for these very "
          "characters write {{y}}",
          "graph.yaml:3:36: 'after' in task 'c': there is no task 'b'"});
}

TEST_CASE("a file beyond the limits is refused before it takes memory") {
  CHECK(read(std::string((16 << 20) + 1, ' ')).errors ==
        Lines{"graph.yaml: found 16777217 bytes, expected at most 16777216"});
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  CHECK(read(deep).errors == Lines{"graph.yaml:1:65: found lists and mappings 65 deep, expected at most 64"});
  std::string many = "[";
  for (int i = 0; i < 1'000'001; ++i) many += "0,";
  const auto errors = read(many + "]").errors;
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("found more than 1000000 values in one file") != std::string::npos);
}

TEST_CASE("each and its edges are bounded") {
  const std::string numbers = list_of(300);
  const std::string each = "each: {x: " + numbers + ", y: " + numbers + "}";
  CHECK(read("tasks:\n  a:\n    " + each + "\n    command: [a]\n").errors ==
        Lines{"graph.yaml:3:11: 'each' in task 'a' makes more than 65536 tasks"});
  // Those that are named one by one have no join.
  std::string some = "[";
  for (int i = 0; i < 100; ++i) some += "'a[" + std::to_string(i) + "]',";
  CHECK(read("tasks:\n  a: {each: {x: " + numbers + "}, command: [a]}\n  b: {each: {x: " + numbers +
             ", y: " + list_of(200) + "}, after: " + some + "], command: [b]}\n")
            .errors == Lines{"graph.yaml:3:3: 'after' in task 'b' brings the graph to more than 4194304 edges: put one "
                             "task between the many and the many"});
}

TEST_CASE("a long chain whose tasks use each other's results is read quickly") {
  std::string text = "tasks:\n  t0: {command: [t]}\n";
  for (int i = 1; i < 20'000; ++i)
    text += "  t" + std::to_string(i) + ": {after: [t" + std::to_string(i - 1) + "], command: [t, '{t" +
            std::to_string(i - 1) + ".x}']}\n";
  CHECK(tasks_of(text).size() == 20'000);
}

TEST_CASE("a file that cannot be read is named") {
  CHECK(read_graph_file("no/such.yaml", nullptr).errors == Lines{"no/such.yaml: there is no such file"});
  CHECK(read_graph_file("/", nullptr).errors == Lines{"/: found a folder, expected a graph file"});
}

}  // namespace
}  // namespace troupe::cli
