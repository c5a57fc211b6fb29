// Starts workers by fork: from a process that stands where a worker of their kind would, right before it does anything,
// and has no threads. To start a program anew and to link it takes several times as long.
//
//   agent: a word for each worker  →  fork server: forks; tells which process it is, and later how it ended
//
// A kind is a program with an environment, for libraries read theirs while they are loaded. Who forks is the parent:
// workers die with their fork server, and that with its agent.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

  /// It has come so far that it takes words, and lives. Waits a moment for it, once.
  bool is_ready();
  /// It has died, or did not answer.
  bool is_lost() const { return is_lost_; }
  bool was_ready() const { return is_ready_; }
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
  bool was_waited_for_ = false;
  bool is_lost_ = false;
  std::optional<Process> forked_;
  std::map<pid_t, int> ended_;  // As waitpid() says.
};

/// The fork servers of a node, one for each kind of worker of which a second one was started: the first is started
/// anew.
class ForkServers {
 public:
  /// The command line of a program as a fork server; none: there are none.
  using Arguments = std::function<std::vector<std::string>(const std::string& program)>;
  explicit ForkServers(Arguments arguments) : arguments_(std::move(arguments)) {}

  /// Of the kind that the program and `spec` make, if there is one that is ready. To be asked once for each worker.
  std::shared_ptr<ForkServer> of(const std::string& program, const ProcessSpec& spec);
  /// Drops those that nobody has needed for a while. To be called now and then.
  void look_after();

 private:
  struct Kind {
    std::size_t starts = 0;
    std::shared_ptr<ForkServer> server;
    std::chrono::steady_clock::time_point used{};
  };
  const Arguments arguments_;
  std::map<std::vector<std::string>, Kind> kinds_;
};

/// The fork server's end, with the agent's words on its stdin. Returns in every child that it forks, whose stdin is
/// nothing, and which dies with it; ends with its agent.
///
/// One that has other threads ends at once: they would be missing in the children.
WorkerId serve_forks();

}  // namespace troupe
