// One message of each kind, for what must know them all.
#pragma once

#include <vector>

#include "runtime/wire/message_codec.h"

namespace troupe::test {

inline TaskSpec some_task() {
  TaskSpec spec{.id = {JobId{7}, 1}, .name = "train[0]", .after = {{JobId{7}, 2}}, .inputs = {{JobId{7}, 2}}};
  spec.work = CommandWork{.argv = {"./train", "{dir}"}, .environment = {{"SEED", "1"}}, .results = {{"prepare", 0}}};
  spec.gang = GangHint{3, 2, 1, GangPolicy::model, 1000};
  spec.locks = {"database"};
  spec.semaphores = {{"licence", 2}};
  return spec;
}

/// One of each kind with something in it, by its place in the list of messages.
inline std::vector<message::Message> every_message() {
  using namespace message;
  const TaskId task{JobId{7}, 9};
  const AttemptId attempt{2, 5};
  const Grant grant{1000, 1 << 20, {{0, 500, 10}}, {{"disk", 1}}};
  const JobInfo job{JobId{7}, "nightly", "/bin/troupe", true};
  const TaskSummary summary{.task = task,
                            .name = "count",
                            .state = TaskState::running,
                            .attempts = 2,
                            .node = NodeId{1},
                            .kind = WorkKind::actor,
                            .work = "Counter",
                            .is_up = true,
                            .max_attempts = 3,
                            .gang = GangHint{3, 2, 1},
                            .records = {{attempt, NodeId{1}, 5, 6, AttemptEnd::failed, {3, 0, "x"}}}};
  const ClaimSummary holder{9, DriverId{2}, task, attempt, 2, 70, "driver"};
  const RunOrder order{
      task, attempt, "count", "/bin/pi", FunctionWork{"count", {Bytes("\x01\xff", 2), InputRef{0}}}, {Bytes("a\0b", 3)},
      grant};
  return {
      DriverHello{DriverId{5}, job, 17, {3, 16}},
      DriverBye{},
      Submit{11, job, {some_task(), some_task()}},
      Cancel{12, task},
      Release{{task}},
      AskTasks{13, JobId{7}, 9, true, true, NodeId{1}},
      DriverWelcome{17},
      Answer{11, "no"},
      TaskEnded{
          task, TaskState::failed, "", "exit code 3", {{attempt, NodeId{1}, 5, 6, AttemptEnd::failed, {3, 0, "x"}}}},
      ActorUp{task, attempt, "ipc:///tmp/a"},
      ActorDown{task, attempt, {0, 9, "killed"}},
      TaskList{13, {summary}, true, 10},
      AgentJoin{NodeId{1}, 2, "a", {.cpus = 2000, .gpus = {{0, "uuid", 100}}}, {{task, attempt, grant, ""}}},
      AgentHeartbeat{NodeId{1},
                     2,
                     {{task, attempt, grant, "ipc:///tmp/a", true, GrantedCpus::owed}},
                     true,
                     {{task, attempt, {5, 4, 3, "add", 2}}}},
      AgentBye{NodeId{1}, 2},
      ActorReady{NodeId{1}, 2, task, attempt, "ipc:///tmp/a"},
      Report{NodeId{1}, 2, {task, attempt, AttemptEnd::done, Bytes("\0\xff", 2), {}}},
      AgentWelcome{},
      PleaseJoin{},
      Run{order},
      Stop{task, attempt},
      ReportTaken{task, attempt},
      WorkerHello{WorkerId{4}, 7, {{task, attempt, {5, 4, 3, "add", 2}}}},
      Call{task, attempt, 5, 6, "add", {Bytes("\0", 1), ""}, 3},
      CallAnswer{task, 6, true, Bytes("\0\xff", 2), "", attempt, true, true},
      AskStatus{14, true},
      ClusterStatus{14,
                    3,
                    90,
                    {{NodeId{1}, "a", {.cpus = 2000, .labels = {{"disk", "nvme"}}}, 500, true, 2, true, 250, 9}},
                    {{{.cpus = 500}, 2, 3, task, "t", "no room"}},
                    {1 << 20, 5, 10, 3, 2, 1}},
      HeartbeatTaken{},
      Synchronise{task,
                  attempt,
                  3,
                  {{4, sync::Acquire{.kind = sync::Kind::semaphore, .name = "s", .permits = 2, .capacity = 3}},
                   {5, sync::Release{6}},
                   {6, sync::Renew{{7, 8}}},
                   {7, sync::Arrive{.name = "b", .parties = 2, .passed = 1, .round = 2}},
                   {8, sync::OpenQueue{"q", {.capacity = 3, .durable = true}}},
                   {9, sync::Send{"q", Bytes("\0\xff", 2), true}},
                   {10, sync::Receive{.queue = "q", .outlives_client = true, .held = 4, .message = 2}},
                   {11, sync::Acknowledge{"q", 5}},
                   {12, sync::GiveUp{4}},
                   {13, sync::Recall{"b", 2}}}},
      Synchronised{{{4, sync::Outcome::granted, 9, 1, 2, Bytes("\0\xff", 2), "", {}},
                    {5, sync::Outcome::refused, 0, 0, 0, "", "no", {1, 2}}}},
      Drain{14, NodeId{1}, true},
      AskSync{15},
      SyncStatus{15,
                 {{sync::Kind::semaphore, "s", 3, 1, 1, 2, {holder}}},
                 {{"q", {.capacity = 3, .durable = true}, 1, 2, 3, 4}}},
      AskActor{task},
      AwaitedResult{task, attempt, Bytes("\0r", 2)},
      PassResult{task, attempt, "ipc:///w"},
      CancelCall{task, attempt, 5, 6},
      FindActor{15, "a"},
      NamedActor{15, task, RestartMode::logged, false},
      TaskWaits{task, attempt, true, {{task, attempt}}},
      AskTask{16, task},
      TaskTold{16,
               true,
               job,
               some_task(),
               summary,
               1,
               2,
               true,
               "no",
               {WaitsFor::lock, "held", task, 1, "x", 7},
               {holder},
               {summary}},
      AskJobs{17, JobId{7}},
      JobList{17, {{job, 5, 1, {1, 2, 3, 4, 5, 6, 7}, 8}}, true}};
}

}  // namespace troupe::test
