#include "tools/cli/commands/start.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "scheduler/local/cluster.h"
#include "scheduler/local/member.h"
#include "scheduler/local/standing.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/log_file.h"
#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using scheduler::ClusterFile;
using scheduler::Standing;

constexpr std::size_t longest_name = 64;

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= longest_name && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_'; });
}

std::string host_name() {
  char text[longest_name + 1] = {};
  if (::gethostname(text, longest_name) != 0 || !is_name(text)) return "node";
  return text;
}

/// `before`, with the first number from `number` that no member has.
std::string free_name(const ClusterFile& file, const std::string& before, int number) {
  for (;; ++number) {
    std::string name = before + std::to_string(number);
    if (!scheduler::running_member(file.folder, name)) return name;
  }
}

/// Cuts `KEY=VALUE`, sorts them, and refuses a key that is there twice.
Result<std::vector<std::pair<std::string, std::string>>> pairs_of(const char* option,
                                                                  const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos || equals == 0)
      return bad_input(std::string(option) + ": found '" + text + "', expected NAME=VALUE");
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::sort(pairs.begin(), pairs.end());
  for (std::size_t i = 1; i < pairs.size(); ++i)
    if (pairs[i].first == pairs[i - 1].first)
      return bad_input(std::string(option) + ": '" + pairs[i].first + "' is there twice");
  return pairs;
}

Result<NodeCapacity> capacity_of(const StartCommand& command) {
  NodeCapacity capacity = local_capacity({});
  const auto expected = [](const char* option, const std::string& found, const char* what) {
    return bad_input(std::string(option) + ": found '" + found + "', expected " + what);
  };
  if (!command.cpus.empty()) {
    const auto cpus = parse_milli(command.cpus);
    if (!cpus) return expected("--cpus", command.cpus, expected_milli);
    capacity.cpus = *cpus;
  }
  if (!command.memory.empty()) {
    const auto memory = parse_size(command.memory);
    if (!memory) return expected("--memory", command.memory, expected_size);
    capacity.memory_bytes = *memory;
  }
  if (!command.gpus.empty()) {
    const auto gpus = parse_count(command.gpus);
    if (!gpus || *gpus > 64) return expected("--gpus", command.gpus, "a number of devices up to 64");
    for (std::uint32_t index = 0; index < static_cast<std::uint32_t>(*gpus); ++index)
      capacity.gpus.push_back({.index = index});
  }
  const auto resources = pairs_of("--resource", command.resources);
  if (!resources) return resources.error();
  for (const auto& [name, text] : *resources) {
    const auto amount = parse_milli(text);
    if (!amount) return expected("--resource", name + '=' + text, "NAME=N, where N is a number such as 2 or 0.25");
    capacity.named.emplace_back(name, *amount);
  }
  auto labels = pairs_of("--label", command.labels);
  if (!labels) return labels.error();
  for (const auto& [name, value] : *labels)
    if (name == node_label) return expected("--label", name + '=' + value, "another name: 'node' is the node's own");
  capacity.labels = std::move(*labels);
  return capacity;
}

/// Until it is interrupted, or ends by itself.
int stay(Standing& standing) {
  for (;;) {
    pollfd line{standing.supervisor.control, POLLIN, 0};
    const int ready = ::poll(&line, 1, 200);
    if (interrupts() > 0) break;
    if (ready <= 0) continue;
    char text[512];
    const auto size = ::read(standing.supervisor.control, text, sizeof text);
    if (size < 0 && errno == EINTR) continue;
    if (size > 0) complain("start", std::string(text, static_cast<std::size_t>(size) - 1));
    scheduler::end_supervisor(standing.supervisor);
    return exit_no_cluster;
  }
  scheduler::end_supervisor(standing.supervisor);
  return exit_interrupted;
}

int fail(const char* command, const Error& error) {
  complain(command, error.message);
  return exit_code_of(error);
}

}  // namespace

int start_command(const StartCommand& command) {
  if (command.standby && !(command.join.empty() && command.name.empty()))
    return fail("start", bad_input("--standby starts a scheduler alone: found it with --join or --name"));
  if (command.name == scheduler::head_member || command.name.starts_with(scheduler::standby_prefix))
    return fail("start", bad_input("--name: '" + command.name + "' is taken, choose another"));
  if (!command.name.empty() && !is_name(command.name))
    return fail("start",
                bad_input("--name: found '" + command.name + "', expected up to 64 letters, digits, '.', '-' and '_'"));
  const auto capacity = capacity_of(command);
  if (!capacity) return fail("start", capacity.error());
  if (!command.record.empty() && !command.join.empty())
    return fail("start",
                bad_input("--record records a scheduler, and --join starts none: found both, give one of them"));
  std::int64_t object_bytes = 0;
  if (!command.object_memory.empty()) {
    const auto size = parse_size(command.object_memory);
    if (!size)
      return fail("start",
                  bad_input("--object-memory: found '" + command.object_memory + "', expected " + expected_size));
    object_bytes = *size;
  }
  const auto record = log_file(command.record);
  if (!record) return fail("start", record.error());
  scheduler::StartOptions options{.node = host_name(),
                                  .capacity = *capacity,
                                  .outlives_starter = !command.foreground,
                                  .object_bytes = object_bytes,
                                  .record = *record,
                                  .most_restarts = command.most_restarts,
                                  .most_tasks = command.most_tasks};
  if (command.foreground) count_interrupts();
  Result<Standing> standing = Error{};
  if (command.standby) {
    const auto file = need_cluster(command.standby_cluster);
    if (!file) return fail("start", file.error());
    options.node = free_name(*file, scheduler::standby_prefix, 1);
    standing = scheduler::start_standby(*file, options);
  } else if (command.join.empty()) {
    standing = scheduler::start_cluster(cluster_folder(command.name.empty() ? "default" : command.name), options);
  } else {
    const auto file = need_cluster(command.join);
    if (!file) return fail("start", file.error());
    options.node = command.name.empty() ? free_name(*file, host_name() + '-', 2) : command.name;
    standing = scheduler::join_cluster(*file, options);
  }
  if (!standing) return fail("start", standing.error());
  const std::string path = scheduler::cluster_file_in(standing->file.folder);
  if (command.json) {
    std::printf("{\"cluster_id\":\"%s\",\"cluster_file\":\"%s\",\"node\":\"%s\",\"process\":%d}\n",
                to_text(standing->file.cluster).c_str(), path.c_str(), options.node.c_str(), standing->supervisor.pid);
  } else if (command.standby) {
    std::printf("%s stands by in cluster %s\n", options.node.c_str(), to_text(standing->file.cluster).c_str());
  } else {
    std::printf("cluster %s is up, node %s with %s\nits file is %s\n", to_text(standing->file.cluster).c_str(),
                options.node.c_str(), describe(options.capacity).c_str(), path.c_str());
  }
  std::fflush(stdout);
  return command.foreground ? stay(*standing) : exit_done;
}

int stop_command(const StopCommand& command) {
  if (command.all) {
    for (const auto& folder : cluster_folders()) {
      const auto stopped = scheduler::stop_cluster(folder);
      if (!stopped && stopped.error().fault != Fault::not_found) return fail("stop", stopped.error());
      if (stopped && !command.json) std::printf("stopped the cluster of %s\n", folder.c_str());
    }
    return exit_done;
  }
  // Also where only an agent is left, or a head that is not up yet.
  const auto chosen = need_cluster(command.cluster);
  std::string folder = chosen ? chosen->folder : cluster_folder("default");
  if (!chosen && !command.cluster.empty()) {
    const auto file = scheduler::read_cluster_file(command.cluster);
    if (!file) return fail("stop", chosen.error());
    folder = file->folder;
  } else if (!chosen && chosen.error().fault != Fault::unavailable) {
    return fail("stop", chosen.error());
  }
  if (const auto stopped = scheduler::stop_cluster(folder); !stopped) {
    complain("stop", stopped.error().message);
    return exit_no_cluster;
  }
  if (!command.json) std::printf("stopped the cluster of %s\n", folder.c_str());
  return exit_done;
}

}  // namespace troupe::cli
