// Child processes that cannot outlive their parent.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.h"

namespace troupe {

struct ProcessSpec {
  std::vector<std::string> argv;  ///< argv[0] is looked up in PATH, unless `executable` is given.
  std::string executable;
  std::vector<std::pair<std::string, std::string>> environment;  ///< On top of this process's own.
  std::string working_directory;                                 ///< Empty: this process's.
  std::string output_file;                                       ///< Takes stdout and stderr; empty: this process's.
  int input = -1;                                                ///< A descriptor that is its stdin; -1: nothing.
  int output = -1;                 ///< A descriptor that takes them instead, if there is one.
  int niceness = 0;                ///< On top of this process's; 0 to 19.
  std::vector<int> processors;     ///< To which it is bound; empty: as this process.
  bool own_process_group = false;  ///< So that it can be signalled together with its children.
};

/// A child that was started. `descriptor` becomes readable when it ends.
struct Process {
  pid_t pid = -1;
  int descriptor = -1;
};

/// Of a process whose end somebody else took.
inline constexpr int unknown_exit_code = -1;

struct ProcessEnd {
  int exit_code = 0;
  int signal = 0;  ///< Not 0: killed by it.
};

/// From what waitpid() tells.
ProcessEnd end_of(int status);

/// Starts a program; it is killed when the calling thread ends.
///
/// Fails with: bad_input, naming the program and why it cannot be started.
Result<Process> start_process(const ProcessSpec& spec);

/// Lets this process have as many descriptors as it may: it holds some for every peer. What start_process starts has
/// the limit that there was before: programs that use select() rely on it.
void raise_descriptor_limit();

/// In a child after fork: every signal's disposition as in a new session, none blocked. Dispositions that are ignored
/// go through exec, and an ignored SIGCHLD hides the end of children.
void reset_signals();

/// Of any process, not only a child; one that has ended gets none.
void send_signal(const Process& process, int number);

/// Whether it has ended; its end is then to be taken. Of any process, not only a child.
bool has_ended(const Process& process);

/// Waits for the end of a process, takes it and closes the descriptor.
ProcessEnd reap(Process& process);

/// `exit code 3`, `signal 9 (Killed)`
std::string describe(const ProcessEnd& end);

}  // namespace troupe
