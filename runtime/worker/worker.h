// A worker process: runs catalogued functions and hosts an actor, or several that share it, for the agent that started
// it. A throw of the user's code becomes the attempt's result here, and nowhere else.
//
// One thread runs user code, a piece at a time, and talks while it has nothing to run; another talks while user code
// runs, and never runs any. Actors that share have threads of their own.
#pragma once

#include <stop_token>
#include <string>

#include "runtime/api/catalog.h"
#include "runtime/wire/transport.h"
#include "runtime/worker/termination.h"

namespace troupe {

/// Tells a worker's process which file its agent opened for its output.
inline constexpr const char* worker_output_variable = "TROUPE_WORKER_OUTPUT";

/// That file, in a node's folder of logs.
inline std::string worker_output(const std::string& logs, WorkerId worker) {
  return logs + "/worker-" + to_text(worker);
}

struct WorkerOptions {
  WorkerId id;
  ClusterId cluster;
  std::string agent_address;
  std::string own_address;     ///< Where its actor takes calls.
  NodeId node{};               ///< Where it runs.
  Context::Connect connect{};  ///< A session on behalf of an attempt. Throws where the cluster cannot be reached.
  std::string output_file{};   ///< Where the process's stdout and stderr go; empty: it has no file of its own.
  std::shared_ptr<ObjectClient> objects{};  ///< None: all values travel inside messages.
  std::string state_folder{};               ///< For actors whose state survives a restart; empty: they name their own.
  std::string detached_state_folder{};      ///< For those that are detached.
  Termination* termination = nullptr;       ///< Of its process; none: TERM is nothing to it.
};

/// Works until it is asked to stop or, in a process of its own, until the agent kills it.
///
/// Requires: `transport` is new.
void run_worker(const WorkerOptions& options, const Catalog& catalog, Transport& transport,
                const std::stop_token& until = {});

}  // namespace troupe
