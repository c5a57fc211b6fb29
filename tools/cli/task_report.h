// A task as it is told to programs and to people.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "runtime/wire/messages.h"
#include "scheduler/core/record.h"
#include "tools/cli/output.h"
#include "tools/cli/run_store.h"

namespace troupe::cli {

/// What nodes are called.
class NodeNames {
 public:
  /// Of a private cluster: its one node is `local`.
  NodeNames() : is_local_(true) {}
  explicit NodeNames(std::map<NodeId, std::string> names) : names_(std::move(names)) {}

  /// Its id, when its name is not known.
  std::string of(NodeId node) const;

 private:
  std::map<NodeId, std::string> names_;
  bool is_local_ = false;
};

/// Of whom a task is told.
struct TaskOwner {
  JobId id;
  std::string name;
  const NodeNames& nodes;
  bool is_driver = false;  ///< Else a graph.
};

/// One line: the finished task of the command line's contract, `{"task","graph","state","attempts":[…],"result",
/// "wall_ms"}`, and more keys.
std::string task_json(const TaskOwner& owner, const TaskId& id, const std::string& task,
                      const scheduler::TaskProgress& progress);
/// With what it runs; and, if the scheduler has told, with what it waits for.
std::string task_json(const TaskOwner& owner, const scheduler::TaskRecord& task,
                      const message::TaskTold* told = nullptr);
std::uint32_t restarts_of(const message::TaskSummary& actor);
/// `120 answered, 3 wait, runs add, for 2.5 s`; empty where its node has not told.
std::string calls_text(const Boxed<message::CallCounts>& calls);
std::string actor_json(const TaskOwner& owner, const message::TaskSummary& actor,
                       const message::TaskTold* told = nullptr);

Table job_table();
void add_job(Table& table, const message::JobSummary& job);
nlohmann::ordered_json jobs_array(const std::vector<message::JobSummary>& jobs);
/// One line each.
std::string job_json(const message::JobSummary& job);
/// With its tasks.
std::string job_json(const message::JobSummary& job, const std::vector<message::TaskSummary>& tasks,
                     const NodeNames& nodes);

/// `waiting`, `starting`, `running`, or how it ended.
std::string state_of_actor(const message::TaskSummary& actor);

/// One line: everything about a run, with its tasks.
std::string run_json(const RunSummary& run, const std::vector<scheduler::TaskRecord>& tasks, const NodeNames& nodes);
/// One line, without them.
std::string run_json(const RunSummary& run);

/// From the start of the first attempt to the end of the last; of one under way, until now.
std::int64_t wall_ms(const scheduler::TaskProgress& progress);

/// Where the last attempt ran; `-` if there was none.
std::string node_of(const scheduler::TaskProgress& progress, const NodeNames& nodes);

/// Why it is not done: the reason with the last lines of output, if there are any; empty when it is.
std::string cause_of(const scheduler::TaskProgress& progress);

/// The file that takes an attempt's output.
std::string output_file(const TaskSpec& task, AttemptId attempt);

}  // namespace troupe::cli
