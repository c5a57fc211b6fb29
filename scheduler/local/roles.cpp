#include "scheduler/local/roles.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "runtime/agent/fork_server.h"
#include "runtime/wire/ring_transport.h"
#include "runtime/worker/worker.h"
#include "scheduler/local/places.h"
#include "scheduler/local/role_arguments.h"
#include "scheduler/local/standing.h"
#include "scheduler/local/supervisor.h"

namespace troupe {
namespace {

bool played = false;  // Set before any thread is started.

/// Otherwise the next file or socket that is opened would take the place of stdin, stdout or stderr, and what is
/// printed.
void open_what_is_closed() {
  int descriptor = -1;
  do descriptor = ::open("/dev/null", O_RDWR);
  while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor >= 0) ::close(descriptor);
}

/// Returns in each worker that is forked, as if it had been started so.
scheduler::RoleArguments worker_from_here(int argc, char** argv, scheduler::RoleArguments arguments) {
  const WorkerId worker = serve_forks();
  const std::string output = worker_output(arguments.at("logs"), worker);
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0 || ::dup2(file, STDOUT_FILENO) < 0 || ::dup2(file, STDERR_FILENO) < 0) ::_exit(127);
  ::close(file);
  ::setenv(worker_output_variable, output.c_str(), 1);
  arguments.role = "worker";
  arguments.values["id"] = to_text(worker);
  arguments.values["address"] = scheduler::worker_address(arguments.at("directory"), to_text(worker));
  scheduler::show_as_worker(argc, argv, to_text(worker));
  return arguments;
}

}  // namespace

bool has_played_role() { return played; }

void play_role(int argc, char** argv, const std::function<void(Catalog&)>& enroll, std::uint32_t compiled_for) {
  played = true;
  open_what_is_closed();
  if (compiled_for != abi_version) {
    std::fprintf(stderr, "%s\n", abi_mismatch("this program", compiled_for, "its library").c_str());
    std::exit(1);
  }
  auto arguments = scheduler::role_arguments_from(argc, argv);
  if (!arguments) return;
  if (arguments->role == "supervisor") std::exit(scheduler::run_supervisor(*arguments));
  if (arguments->role == "forker") *arguments = worker_from_here(argc, argv, std::move(*arguments));
  TROUPE_CHECK(arguments->role == "worker", "a role is supervisor, worker or forker");
  Catalog catalog;
  enroll(catalog);
  const auto transport = make_ring_transport();
  const auto objects =
      std::make_shared<ObjectClient>([socket = object_socket_of(arguments->at("agent"))] { return socket; });
  const auto connect = [&](TaskId task, AttemptId attempt) {
    const scheduler::ClusterFile cluster{arguments->cluster(), arguments->at("scheduler"), {}};
    auto session = scheduler::connect(cluster, std::pair(task, attempt), objects);
    if (!session) throw std::runtime_error(session.error().message);
    return std::move(session).value();
  };
  const char* output = std::getenv(worker_output_variable);
  Termination termination;
  run_worker({.id = WorkerId{arguments->id_at("id")},
              .cluster = arguments->cluster(),
              .agent_address = arguments->at("agent"),
              .own_address = arguments->at("address"),
              // An agent of an earlier version does not say it, and sends this worker away with both versions named.
              .node = arguments->values.contains("node") ? NodeId{arguments->id_at("node")} : NodeId{},
              .connect = connect,
              .output_file = output == nullptr ? "" : output,
              .objects = objects,
              .state_folder = scheduler::state_folder(arguments->at("address")),
              .detached_state_folder = scheduler::detached_state_folder(arguments->at("address")),
              .termination = &termination},
             catalog, *transport);
}

}  // namespace troupe
