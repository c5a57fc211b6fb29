// Starts workers by fork: from a process that stands where a worker of their kind would, right before it does anything,
// and has no threads. To start a program anew and to link it takes several times as long.
//
//   agent: a word for each worker  →  fork server: forks; tells which process it is, and later how it ended
//
// A kind is a program with an environment, for libraries read theirs while they are loaded. Who forks is the parent:
// workers die with their fork server, and that with its agent.
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "runtime/agent/process.h"
#include "runtime/base/ids.h"
#include "runtime/ring/descriptor.h"

namespace troupe {

/// The agent's end.
class ForkServer {
 public:
  /// Starts one: a program that calls serve_forks() early. Does not wait for it.
  static Result<ForkServer> start(ProcessSpec spec);
  ~ForkServer();
  ForkServer(ForkServer&& other) noexcept;

  /// It has come so far that it takes words, and lives.
  bool is_ready();
  /// Requires: is_ready(). Fails with: peer_lost, timed_out (it is stopped); it is of no use then.
  Result<Process> fork(WorkerId worker);

  /// Of one that it forked and whose descriptor has a sign: takes it and closes the descriptor.
  ProcessEnd reap(Process& process);

 private:
  ForkServer(Process process, Descriptor socket) : process_(process), socket_(std::move(socket)) {}
  /// Takes what it has said; waits until `deadline` for what `is_there` looks for. False: it is not there.
  template <class IsThere>
  bool hear(std::chrono::steady_clock::time_point deadline, IsThere is_there);

  Process process_;
  Descriptor socket_;
  bool is_ready_ = false;
  bool is_lost_ = false;
  std::optional<Process> forked_;
  std::map<pid_t, int> ended_;  // As waitpid() says.
};

/// The fork server's end, with the agent's words on its stdin. Returns in every child that it forks, whose stdin is
/// nothing, and which dies with it; ends with its agent.
///
/// Requires: the process has no other threads.
WorkerId serve_forks();

}  // namespace troupe
