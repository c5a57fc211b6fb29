// A worker's process as its agent holds it, and what it leaves behind: its output, its sockets.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/agent/agent_core.h"
#include "runtime/agent/fork_server.h"
#include "runtime/agent/process.h"
#include "runtime/base/ids.h"
#include "runtime/base/resources.h"
#include "runtime/wire/messages.h"
#include "runtime/wire/transport.h"
#include "runtime/worker/begun_file.h"

namespace troupe {

struct WorkerProcess {
  Process process;
  WorkerId id;
  PeerId peer;
  std::string output_file;
  std::string refusal;                    // Why it was not let in.
  Milli cpus = 0;                         // That it was granted last.
  std::uint64_t given = 0;                // Orders, but for those that it returned.
  std::uint64_t ended = 0;                // As it says.
  std::shared_ptr<ForkServer> forked_by;  // None: it was started anew.
  /// Of its actors, as it told last.
  std::map<std::pair<TaskId, AttemptId>, message::CallCounts> calls;

  ProcessEnd reap() { return forked_by ? forked_by->reap(process) : troupe::reap(process); }
};

using WorkerProcesses = std::map<agent::WorkerNumber, WorkerProcess>;

void take_calls(WorkerProcess& worker, const std::vector<message::ActorCalls>& told);
/// A heartbeat goes with what is known of the calls of all that runs; what was told of others is forgotten.
message::Message with_calls(message::Message message, WorkerProcesses& workers);

/// The file of what a worker that has ended printed last, which now has the name of the attempt that it died under.
std::string log_of(const WorkerProcess& worker, const Begun& begun, const std::string& logs);
/// Unless something was printed. `log`: what log_of said.
void remove_output(const WorkerProcess& worker, const std::string& log);

/// Of one worker, which is gone.
void remove_sockets(const std::string& address);
/// Of all whose address begins as this one does, up to half of the id in it: what an earlier agent's workers left,
/// which died with it.
void remove_sockets_like(const std::string& address, const std::string& id);

}  // namespace troupe
