#include "scheduler/local/cluster.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/wire/ring_transport.h"
#include "scheduler/local/cluster_choice.h"
#include "scheduler/local/places.h"
#include "scheduler/local/shown_output.h"
#include "scheduler/local/standing.h"
#include "scheduler/local/supervisor_start.h"

namespace troupe {
namespace {

constexpr std::chrono::milliseconds welcome_limit{10'000};

/// In the order of their names.
template <class Named>
Named sorted(Named named) {
  std::sort(named.begin(), named.end());
  return named;
}

/// What makes no sense, as one sentence; empty when all does.
std::string flaw_of_local(const NodeCapacity& capacity) {
  if (auto flaw = flaw_of(capacity); !flaw.empty()) return flaw;
  const std::string* before = nullptr;
  for (const auto& [name, value] : capacity.labels) {
    if (name == node_label) return "the label 'node' is the node's own: choose another name";
    if (before != nullptr && *before == name) return "the label '" + name + "' is there twice";
    before = &name;
  }
  return {};
}

}  // namespace

struct Cluster::State {
  ClusterId id;
  std::string directory;
  scheduler::StartedSupervisor supervisor;
  std::optional<scheduler::ClusterFile> standing;  // Then it is not this driver's.
  std::vector<std::unique_ptr<scheduler::ShownOutput>> outputs;

  ~State() {
    outputs.clear();  // The logs go with the supervisor.
    if (standing) return;
    scheduler::end_supervisor(supervisor);
    if (!directory.empty()) scheduler::remove_traces(directory, id.high);  // Left by a supervisor that was killed.
  }
};

Cluster::Cluster(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cluster::Cluster(Cluster&&) noexcept = default;
Cluster& Cluster::operator=(Cluster&&) noexcept = default;
Cluster::~Cluster() = default;

const std::string& Cluster::directory() const { return state_->directory; }
std::string Cluster::store_socket() const { return scheduler::redis_socket(state_->directory); }
ClusterId Cluster::id() const { return state_->id; }

NodeCapacity local_capacity(const LocalOptions& options) {
  NodeCapacity capacity{.cpus = options.cpus,
                        .memory_bytes = options.memory_bytes,
                        .gpus = options.gpus,
                        .named = sorted(options.named),
                        .labels = sorted(options.labels)};
  if (capacity.cpus == 0) {
    cpu_set_t usable;
    CPU_ZERO(&usable);
    const bool known = ::sched_getaffinity(0, sizeof usable, &usable) == 0;
    capacity.cpus = 1000 * (known ? CPU_COUNT(&usable) : 1);
  }
  if (capacity.memory_bytes == 0)
    capacity.memory_bytes = std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  return capacity;
}

Result<Cluster> Cluster::try_local(const LocalOptions& options) {
  if (!has_played_role())
    return bad_input("no cluster is started: main must begin with troupe::play_role(argc, argv, enroll)");
  NodeCapacity capacity = local_capacity(options);
  if (auto flaw = flaw_of_local(capacity); !flaw.empty()) return bad_input("a local cluster: " + flaw);
  auto state = std::make_unique<State>();
  state->id = {random_id(), random_id()};
  auto directory = scheduler::make_directory(state->id);
  if (!directory) return directory.error();
  state->directory = *directory;
  const std::string store = options.store_directory.empty() ? *directory + "/store" : options.store_directory;
  const std::string logs = store + "/logs";
  std::error_code error;  // Of which the supervisor will tell.
  if (options.show_output && (std::filesystem::create_directories(logs, error), !error))
    state->outputs.push_back(
        scheduler::ShownOutput::start({.logs = logs, .repeats = scheduler::repeats_of(options.fold_output)}));
  auto supervisor = scheduler::start_supervisor({.cluster = state->id,
                                                 .directory = *directory,
                                                 .has_store = true,
                                                 .has_scheduler = true,
                                                 .has_agent = true,
                                                 .store = store,
                                                 .logs = logs,
                                                 .name = "local",
                                                 .agent = *directory + "/agent.sock",
                                                 .capacity = std::move(capacity),
                                                 .object_bytes = options.object_bytes,
                                                 .record = options.record});
  if (!supervisor) return supervisor.error();
  state->supervisor = *supervisor;
  return Cluster(std::move(state));
}

Cluster Cluster::local(const LocalOptions& options) {
  auto cluster = try_local(options);
  if (!cluster) throw ClusterError(cluster.error());
  return std::move(cluster).value();
}

Result<Cluster> Cluster::try_connect(const std::string& address) {
  if (!has_played_role())
    return bad_input("connected to nothing: main must begin with troupe::play_role(argc, argv, enroll)");
  auto file = scheduler::need_cluster(address, "Cluster::connect");
  if (!file) return file.error();
  auto state = std::make_unique<State>();
  state->id = file->cluster;
  state->directory = file->directory();
  state->standing = std::move(*file);
  return Cluster(std::move(state));
}

Cluster Cluster::connect(const std::string& address) {
  auto cluster = try_connect(address);
  if (!cluster) throw ClusterError(cluster.error());
  return std::move(cluster).value();
}

Result<Session> Cluster::try_connect() {
  if (const auto& file = state_->standing) {
    auto session = scheduler::connect(*file);
    if (session)
      state_->outputs.push_back(scheduler::ShownOutput::start({.members = file->folder + "/members",
                                                               .job = session->core().job(),
                                                               .repeats = scheduler::repeats_of(true)}));
    return session;
  }
  const std::string program = scheduler::own_program();
  const SessionOptions options{.scheduler_address = scheduler::scheduler_address(state_->directory),
                               .active_scheduler = {},
                               .cluster = state_->id,
                               .program = program,
                               .name = std::filesystem::path(program).filename().string(),
                               .objects = std::make_shared<ObjectClient>([directory = state_->directory] {
                                 return scheduler::object_store_socket(directory);
                               }),
                               .lifeline = state_->supervisor.control};
  auto core = std::make_shared<SessionCore>(options, make_ring_transport());
  if (auto started = core->start(welcome_limit); !started) return started.error();
  return Session(std::move(core));
}

Session Cluster::connect() {
  auto session = try_connect();
  if (!session) throw ClusterError(session.error());
  return std::move(session).value();
}

}  // namespace troupe
