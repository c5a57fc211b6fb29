// Names that mean something, found in folders, in the store and on command lines: of logs, of tasks and attempts, of
// fields. What was read from a name is written as that name, but for zeros in front of its numbers.
// Covers: runtime/base/ids.cpp scheduler/store/redis_layout.cpp
#include "runtime/base/check.h"
#include "runtime/base/ids.h"
#include "runtime/worker/task_log.h"
#include "scheduler/store/redis_layout.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

using namespace scheduler;

void read_field(std::string_view name) {
  const auto field = graph_field_from(name);
  if (!field) return;
  switch (field->kind) {
    case GraphField::Kind::job: TROUPE_CHECK(name == job_field, "it is the job"); break;
    case GraphField::Kind::summary: TROUPE_CHECK(name == summary_field, "it is the summary"); break;
    case GraphField::Kind::spec: TROUPE_CHECK(name == spec_field(field->number), "a name is written one way"); break;
    case GraphField::Kind::progress:
      TROUPE_CHECK(name == progress_field(field->number), "a name is written one way");
      break;
  }
}

}  // namespace

void run(std::string_view bytes) {
  if (const auto id = hex_from(bytes)) TROUPE_CHECK(hex_from(to_text(*id)) == id, "an id is one number");
  if (const auto task = task_id_from(bytes)) TROUPE_CHECK(task_id_from(to_text(*task)) == task, "a task is itself");
  if (const auto of = attempt_from(bytes))
    TROUPE_CHECK(attempt_from(to_text(of->first, of->second)) == of, "an attempt is itself");
  if (const auto owner = log_owner_from(bytes)) {
    const auto again = log_owner_from(log_name(*owner));
    TROUPE_CHECK(again && again->task == owner->task && again->attempt == owner->attempt, "a log is of one attempt");
    TROUPE_CHECK(log_name(*again) == log_name(*owner), "and has one name");
  }
  read_field(bytes);
  TROUPE_CHECK(cache_field(bytes).size() == 2 * bytes.size(), "any key has a field's name");
  TROUPE_CHECK(queue_key(bytes).ends_with(bytes), "any queue has a key");
  const auto number = decimal_from(bytes);
  if (number) TROUPE_CHECK(std::to_string(*number) == bytes, "a number is written one way");
  const JobId job{number.value_or(7)};
  TROUPE_CHECK(graph_key(job).ends_with(to_text(job)), "a graph's key has its id");
  TROUPE_CHECK(to_text(ClusterId{job.value, random_id()}).starts_with(to_text(job)),
               "a cluster's id begins with its half");
}

std::vector<std::string> seeds() {
  const TaskId task{JobId{0xc3}, 17};
  return {to_text(task),
          to_text(task, {2, 3}),
          to_text(task.job),
          log_name({task, {2, 3}, "train-[0]/x"}),
          "spec:17",
          "task:4294967295",
          "job",
          "summary",
          "17"};
}

}  // namespace troupe::fuzz
