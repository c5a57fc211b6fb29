#include "runtime/agent/command.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <fstream>

#include <catch2/catch.hpp>

#include "runtime/base/json_path.h"
#include "runtime/worker/task_log.h"
#include "tests/support/folder.h"

using namespace troupe;

namespace {

RunOrder order_for(const test::Folder& folder, std::vector<std::string> argv) {
  return {.task = {JobId{1}, 1},
          .attempt = {1, 2},
          .name = "task",
          .work = CommandWork{.argv = std::move(argv), .task_directory = folder.file("task")},
          .grant = {.cpus = 2000, .gpus = {{1, 1000, 0}, {3, 1000, 0}}}};
}

AttemptReport run(const RunOrder& order) {
  const auto command = prepare_command(order);
  if (!command) return {order.task, order.attempt, AttemptEnd::failed, {}, {127, 0, command.error().message}};
  auto process = start_process(command->process);
  if (!process) return {order.task, order.attempt, AttemptEnd::failed, {}, {127, 0, process.error().message}};
  const ProcessEnd end = reap(*process);  // Waits.
  return report_of(order, *command, end);
}

}  // namespace

TEST_CASE("a command's result is the JSON value in its result file", "[command]") {
  const test::Folder folder;
  const auto report =
      run(order_for(folder, {"sh", "-c", "echo '{\"loss\": 0.5, \"names\": [\"a\", \"b\"]}' > $TROUPE_RESULT"}));
  CHECK(report.end == AttemptEnd::done);
  CHECK(report.result == R"({"loss":0.5,"names":["a","b"]})");

  const auto none = run(order_for(folder, {"true"}));
  CHECK(none.end == AttemptEnd::done);
  CHECK(none.result.empty());

  const auto broken = run(order_for(folder, {"sh", "-c", "echo '{' > $TROUPE_RESULT"}));
  CHECK(broken.end == AttemptEnd::failed);
  CHECK(broken.cause.message.find("TROUPE_RESULT") != std::string::npos);
}

TEST_CASE("a command may have the descriptors that its agent began with, the agent as many as there are", "[command]") {
  const test::Folder folder;
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(limit.rlim_max > 200);
  limit.rlim_cur = 200;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  raise_descriptor_limit();
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(limit.rlim_cur == limit.rlim_max);
  CHECK(run(order_for(folder, {"sh", "-c", "ulimit -Sn > $TROUPE_RESULT"})).result == "200");
}

TEST_CASE("a result that is nested too deep fails the attempt, and nothing else", "[command]") {
  const test::Folder folder;
  const auto nested = [&](int depth) {
    const std::string n = std::to_string(depth);
    return run(order_for(folder, {"sh", "-c",
                                  "(head -c " + n + " /dev/zero | tr '\\0' '['; head -c " + n +
                                      " /dev/zero | tr '\\0' ']') > $TROUPE_RESULT"}));
  };
  const auto deep = nested(400'000);
  CHECK(deep.end == AttemptEnd::failed);
  CHECK(deep.cause.message == "TROUPE_RESULT is nested more than 64 deep");
  CHECK(nested(65).end == AttemptEnd::failed);
  CHECK(nested(64).end == AttemptEnd::done);
  CHECK_FALSE(is_too_deep('"' + std::string(100, '[') + "\\\"" + std::string(100, '{') + '"'));
}

TEST_CASE("results of earlier tasks are put into the words, other braces stay", "[command]") {
  const test::Folder folder;
  RunOrder order = order_for(folder, {"sh", "-c", "printf '%s|' \"$@\" > out", "sh", "{a.loss}", "{a.names[1]}",
                                      "x={b[2].n}", "{a}", "{\"json\": 1}", "${HOME}", "{other}", "{b"});
  auto& work = *command_of(order.work);
  work.results = {{"a", 0}, {"b[2]", 1}};
  order.inputs = {R"({"loss":0.5,"names":["a","b c"]})", R"({"n":7})"};
  REQUIRE(run(order).end == AttemptEnd::done);
  std::ifstream stream(folder.file("task/out"));
  const std::string words((std::istreambuf_iterator<char>(stream)), {});
  CHECK(words == R"(0.5|b c|x=7|{"loss":0.5,"names":["a","b c"]}|{"json": 1}|${HOME}|{other}|{b|)");
}

TEST_CASE("a result without the key that is asked for fails the attempt and names it", "[command]") {
  const test::Folder folder;
  RunOrder order = order_for(folder, {"echo", "{a.accuracy}"});
  command_of(order.work)->results = {{"a", 0}};
  order.inputs = {R"({"loss":0.5})"};
  const auto report = run(order);
  CHECK(report.end == AttemptEnd::failed);
  CHECK(report.cause.message.find("'accuracy'") != std::string::npos);
}

TEST_CASE("exit code, signal and last lines are the cause", "[command]") {
  const test::Folder folder;
  const auto failed = run(order_for(folder, {"sh", "-c", "echo one; echo two >&2; exit 3"}));
  CHECK(failed.end == AttemptEnd::failed);
  CHECK(failed.cause.exit_code == 3);
  CHECK(failed.cause.message == "exit code 3\none\ntwo");

  const auto killed = run(order_for(folder, {"sh", "-c", "kill -TERM $$"}));
  CHECK(killed.cause.signal == SIGTERM);

  const auto missing = run(order_for(folder, {"no-such-program-anywhere"}));
  CHECK(missing.end == AttemptEnd::failed);
  CHECK(missing.cause.message.find("no-such-program-anywhere") != std::string::npos);
}

TEST_CASE("an end that somebody else took is an end, and no success", "[command]") {
  auto process = start_process({.argv = {"true"}});
  REQUIRE(process);
  REQUIRE(::waitpid(process->pid, nullptr, 0) == process->pid);
  CHECK(has_ended(*process));
  const ProcessEnd end = reap(*process);
  CHECK(end.exit_code == unknown_exit_code);
  CHECK(describe(end) == "exit code unknown");
}

TEST_CASE("a command starts with every signal's ordinary disposition", "[command]") {
  const test::Folder folder;
  for (const int number : {SIGCHLD, SIGHUP}) ::signal(number, SIG_IGN);
  const auto report = [&] {
    const auto command = prepare_command(order_for(folder, {"sh", "-c", "grep SigIgn /proc/self/status | tr -cd 1-9"}));
    auto process = start_process(command->process);
    reap(*process);
    return last_lines(command->process.output_file, 1, 100);
  }();
  for (const int number : {SIGCHLD, SIGHUP}) ::signal(number, SIG_DFL);
  CHECK(report.empty());
}

TEST_CASE("a command is told its threads, devices, attempt and rank", "[command]") {
  const test::Folder folder;
  RunOrder order = order_for(folder, {"sh", "-c",
                                      "echo \"[$OMP_NUM_THREADS, \\\"$CUDA_VISIBLE_DEVICES\\\", $TROUPE_ATTEMPT, "
                                      "$TROUPE_RANK, $TROUPE_WORLD_SIZE]\" > $TROUPE_RESULT"});
  order.gang = GangHint{.gang = 1, .size = 4, .rank = 3};
  CHECK(run(order).result == R"([2,"1,3",2,3,4])");
}

TEST_CASE("the last lines of a file are those that fit", "[command]") {
  const test::Folder folder;
  const std::string file = folder.file("log");
  std::ofstream(file) << "a\nb\nc\nd\n";
  CHECK(last_lines(file, 2, 4096) == "c\nd");
  CHECK(last_lines(file, 9, 4096) == "a\nb\nc\nd");
  CHECK(last_lines(file, 9, 4) == "c\nd");
  CHECK(last_lines(folder.file("none"), 9, 4096).empty());
}
