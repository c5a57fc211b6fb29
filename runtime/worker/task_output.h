// Gives each attempt that a worker runs and that prints anything a log file of its own.
//
// The process prints into the one file that its agent opened. When an attempt ends that file, if anything is in it,
// takes the attempt's name, and the process goes on in a new one: an attempt that prints nothing costs a system call,
// and whatever way a worker ends, what its last attempt printed lies in a file. One that runs longer than a look of
// look_after has its file named then, an actor when it begins: who follows the folder sees at once what it prints.
// What is printed between attempts is of the next one.
#pragma once

#include <mutex>
#include <string>

#include "runtime/base/orders.h"
#include "runtime/worker/task_log.h"

namespace troupe {

class TaskOutput {
 public:
  /// `file` is where stdout and stderr go, in the folder of logs. Empty: they go elsewhere, and stay there.
  explicit TaskOutput(std::string file);
  TaskOutput(const TaskOutput&) = delete;

  /// Answers with whose log it is. Of actors that share the process it is the first one's, its name ends in `*`.
  const LogOwner& begin(const RunOrder& order);
  void end();
  /// Of what runs: see last_lines in task_log.h, each after a line's end.
  std::string last_lines();
  /// Names the file of what runs, and rotates it. Every second or so.
  ///
  /// Threads: any.
  void look_after();

 private:
  void name_file();
  void go_on_in(int descriptor);

  const std::string file_;
  std::mutex mutex_;
  LogOwner owner_;     // None: nothing runs.
  std::string named_;  // What the file is called by now; empty: as it was opened.
};

}  // namespace troupe
