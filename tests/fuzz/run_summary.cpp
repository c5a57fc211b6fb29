// `run.json` of a run: any bytes are a summary or none, and what was read says the same when it is written again.
// Covers: tools/cli/run_summary.cpp
#include "tools/cli/run_summary.h"

#include "runtime/base/check.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {

using namespace cli;

void run(std::string_view bytes) {
  TROUPE_CHECK(run_summary_from(to_json({.name = std::string(bytes)})), "a graph may have any name");
  const auto summary = run_summary_from(bytes);
  if (!summary) return;
  const std::string text = to_json(*summary);
  const auto again = run_summary_from(text);
  TROUPE_CHECK(again && to_json(*again) == text, "what was read is written and read again");
  TROUPE_CHECK(summary->wall_ms() <= summary->ended_ms, "it has lasted since 1970 at most");
  const RunState ended = run_state_of(summary->tasks);
  TROUPE_CHECK((ended == RunState::interrupted) == !summary->tasks.all_final(), "what is not over was interrupted");
  const std::string told = describe(summary->tasks);
  TROUPE_CHECK(told.starts_with(std::to_string(summary->tasks.sum())), "all tasks are counted");
}

std::vector<std::string> seeds() {
  std::vector<std::string> texts{"[]", "{\"id\":\"7\"}", "{\"name\":1}"};
  for (const RunState state :
       {RunState::running, RunState::done, RunState::failed, RunState::cancelled, RunState::interrupted}) {
    RunSummary run{.id = JobId{7}, .name = "nightly", .state = state, .started_ms = 5, .socket = "/tmp/a/redis.sock"};
    const auto in = state == RunState::failed      ? TaskState::failed
                    : state == RunState::cancelled ? TaskState::cancelled
                    : state == RunState::running   ? TaskState::running
                                                   : TaskState::done;
    scheduler::TaskRecord task;
    task.progress.state = in;
    run.tasks = count_states({task, task});
    texts.push_back(to_json(run));
  }
  return texts;
}

}  // namespace troupe::fuzz
