#include "scheduler/local/standing.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <tuple>
#include <utility>

#include "runtime/wire/ring_transport.h"
#include "scheduler/local/member.h"
#include "scheduler/local/places.h"
#include "scheduler/local/roles.h"
#include "scheduler/local/supervisor.h"

namespace troupe::scheduler {
namespace {

constexpr std::chrono::milliseconds end_limit{20'000};
constexpr std::chrono::milliseconds lost_after{60'000};  // A scheduler may be started anew by hand.

Result<Standing> start(const ClusterFile& file, const StartOptions& options, SupervisorPlan plan) {
  if (!has_played_role())
    return bad_input("nothing is started: main must begin with troupe::play_role(argc, argv, enroll)");
  plan.cluster = file.cluster;
  plan.directory = file.directory();
  plan.outlives_starter = options.outlives_starter;
  plan.logs = plan.member + "/logs";
  plan.name = options.node;
  plan.agent = plan.directory + "/a-" + to_text(random_id()) + ".sock";
  plan.capacity = options.capacity;
  plan.object_bytes = options.object_bytes;
  plan.record = options.record;
  plan.most_restarts = options.most_restarts;
  plan.most_tasks = options.most_tasks;
  std::error_code error;
  std::filesystem::create_directories(plan.member, error);
  if (error)
    return Error{Fault::unavailable, "cannot make the folder " + plan.member + ": " + error.message() +
                                         ": choose another place by XDG_STATE_HOME"};
  auto supervisor = start_supervisor(plan, plan.member + "/log");
  if (!supervisor) return supervisor.error();
  if (options.outlives_starter) ::close(std::exchange(supervisor->control, -1));
  return Standing{file, *supervisor};
}

}  // namespace

Result<Standing> start_cluster(const std::string& folder, const StartOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  // Results and output may be secret.
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error)
    return Error{Fault::unavailable, "cannot make the folder " + folder + ": " + error.message() +
                                         ": choose another place by XDG_STATE_HOME"};
  // Of two that start it at once the second finds what the first has made.
  const FolderLock one_at_a_time(folder, FolderLock::Waits::yes);
  if (const auto head = running_member(folder, head_member))
    return Error{Fault::unavailable, "the cluster runs already, as process " + std::to_string(head->pid) +
                                         " (troupe status shows it, troupe stop ends it)"};
  auto file = read_cluster_file(cluster_file_in(folder));
  if (!file && file.error().fault != Fault::not_found) return file.error();
  const ClusterFile found = file ? *file : ClusterFile{.cluster = {random_id(), random_id()}};
  const auto directory = make_directory(found.cluster);
  if (!directory) return directory.error();
  if (auto kept = keep_detached(*directory, folder + "/actors"); !kept) return kept.error();
  file = ClusterFile{found.cluster, scheduler_address(*directory), folder};
  if (*file != found)
    if (auto written = write_cluster_file(cluster_file_in(folder), *file); !written) return written.error();
  return start(*file, options,
               {.member = member_folder(folder, head_member),
                .has_store = true,
                .has_scheduler = true,
                .has_agent = true,
                .store = folder + "/store"});
}

Result<Standing> join_cluster(const ClusterFile& file, const StartOptions& options) {
  return start(file, options, {.member = member_folder(file.folder, options.node), .has_agent = true});
}

Result<Standing> start_standby(const ClusterFile& file, const StartOptions& options) {
  return start(file, options, {.member = member_folder(file.folder, options.node), .has_scheduler = true});
}

/// The schedulers end first: what the agents then end is no news to anybody, and runs again at the next start.
Result<void> stop_cluster(const std::string& folder) {
  const auto members = running_members(folder);
  if (members.empty())
    return Error{Fault::not_found, "no cluster of " + folder + " runs here (troupe start starts one)"};
  const auto rank = [](const Member& member) {
    return member.name.starts_with(standby_prefix) ? 0 : member.name == head_member ? 1 : 2;
  };
  for (const int next : {0, 1, 2}) {
    std::vector<Member> some;
    std::copy_if(members.begin(), members.end(), std::back_inserter(some),
                 [&](const Member& member) { return rank(member) == next; });
    if (auto ended = end_members(some, end_limit); !ended) return ended;
  }
  // Of several that ended at once none was the last.
  const FolderLock lock(folder, FolderLock::Waits::yes);
  const auto file = read_cluster_file(cluster_file_in(folder));
  if (file && running_members(folder).empty()) remove_traces(file->directory(), file->cluster.high);
  return {};
}

bool is_up(const std::string& folder) { return running_member(folder, head_member).has_value(); }

Result<Session> connect(const ClusterFile& file, const std::optional<std::pair<TaskId, AttemptId>>& attempt,
                        std::shared_ptr<ObjectClient> objects, std::chrono::milliseconds limit) {
  const std::string program = own_program();
  SessionOptions options{.scheduler_address = file.scheduler,
                         .active_scheduler = [directory = file.directory()] { return active_scheduler(directory); },
                         .cluster = file.cluster,
                         .program = program,
                         .name = std::filesystem::path(program).filename().string(),
                         .objects = std::move(objects),
                         .lost_after = lost_after};
  if (!options.objects)
    options.objects =
        std::make_shared<ObjectClient>([directory = file.directory()] { return object_store_socket(directory); });
  if (attempt) std::tie(options.task, options.attempt) = *attempt;
  auto core = std::make_shared<SessionCore>(options, make_ring_transport());
  if (auto started = core->start(limit); !started) return started.error();
  return Session(std::move(core));
}

}  // namespace troupe::scheduler
