#include "tools/cli/commands/status.h"

#include <cstdio>

#include "scheduler/local/places.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/cluster_report.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/live_work.h"
#include "tools/cli/output.h"
#include "tools/cli/task_report.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

std::string scheduler_text(const message::SchedulerSummary& scheduler) {
  return std::to_string(scheduler.tasks) + " tasks (at most " + std::to_string(scheduler.most_tasks) + "), " +
         std::to_string(scheduler.jobs) + " jobs, " + std::to_string(scheduler.drivers) + " drivers, " +
         std::to_string(scheduler.claims) + " claims on locks and the like, in " +
         size_text(static_cast<std::int64_t>(scheduler.memory_bytes)) + " of memory";
}

}  // namespace

int status_command(const StatusCommand& command) {
  const auto fail = [](const Error& error) {
    complain("status", error.message);
    return exit_code_of(error);
  };
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  LiveWork live(*cluster);
  const auto status = live.status(true);
  if (!status) return fail(status.error());
  const auto jobs = live.busy_jobs();
  if (!jobs) return fail(jobs.error());
  if (command.json) {
    std::printf("%s\n", status_json(*cluster, *status, *jobs).c_str());
    return exit_done;
  }
  std::printf("cluster %s, epoch %u, commit %llu\nstore   %s\nfolder  %s\n", to_text(cluster->cluster).c_str(),
              status->epoch, static_cast<unsigned long long>(status->commit_seq),
              scheduler::redis_socket(cluster->directory()).c_str(), cluster->folder.c_str());
  std::printf("keeps   %s\n\n", scheduler_text(status->scheduler).c_str());
  Table table = node_table();
  for (const auto& node : status->nodes) add_node(table, node);
  table.print();
  if (!jobs->empty()) {
    std::printf("\n");
    Table busy = job_table();
    for (const auto& job : *jobs) add_job(busy, job);
    busy.print();
  }
  if (status->queue.empty()) return exit_done;
  std::printf("\n");
  queue_table(*status).print();
  return exit_done;
}

}  // namespace troupe::cli
