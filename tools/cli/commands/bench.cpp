#include "tools/cli/commands/bench.h"

#include <algorithm>
#include <cstdio>
#include <exception>

#include "scheduler/local/cluster.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/did_you_mean.h"
#include "tools/cli/exit_codes.h"

namespace troupe::cli {
namespace {

/// In the order in which they run. `sync` first: it forks, which no process may that has a ZeroMQ context.
std::vector<Suite> all_suites() {
  return {sync_suite(),  graph_suite(), calls_suite(), objects_suite(), scheduler_suite(),
          start_suite(), store_suite(), tasks_suite(), train_suite()};
}

bool is_among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<Suite> chosen_suites(const BenchCommand& command) {
  std::vector<Suite> suites = all_suites();
  std::erase_if(suites,
                [&](const Suite& suite) { return !command.suites.empty() && !is_among(command.suites, suite.name); });
  return suites;
}

/// What is to be measured, by name.
struct Choice {
  std::set<std::string> on_cluster;
  std::set<std::string> apart;

  bool has(const std::string& name) const { return on_cluster.contains(name) || apart.contains(name); }
};

Result<Choice> choose(const BenchCommand& command, const std::vector<Suite>& suites) {
  Choice choice;
  std::vector<std::string> known;
  const auto take = [&](const std::vector<std::string>& names, std::set<std::string>& wanted) {
    known.insert(known.end(), names.begin(), names.end());
    for (const auto& name : names)
      if (command.only.empty() || is_among(command.only, name)) wanted.insert(name);
  };
  for (const auto& suite : suites) {
    take(suite.on_cluster, choice.on_cluster);
    take(suite.apart, choice.apart);
  }
  for (const auto& name : command.only)
    if (!choice.has(name))
      return bad_input("--only: found '" + name + "', expected a measurement of these suites" +
                       did_you_mean(name, known) + ": 'troupe bench --list' names them");
  return choice;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Takes what cannot be measured on a cluster that was given out of what was asked for.
///
/// Fails with: bad_input (it was asked for by name).
Result<void> leave_out(const BenchCommand& command, const std::vector<Suite>& suites, Choice& choice) {
  for (const auto& suite : suites) {
    std::vector<std::string> left;
    for (const auto& name : suite.apart)
      if (choice.apart.erase(name) > 0) left.push_back(name);
    if (left.empty()) continue;
    const std::string why = joined(left) + ": measured of what 'bench' starts by itself";
    if (!command.only.empty() || (suite.on_cluster.empty() && is_among(command.suites, suite.name)))
      return bad_input("--cluster: found '" + command.cluster + "', expected none for " + why + ": leave it out");
    std::fprintf(stderr, "%s: without %s, not on a cluster that is given\n", suite.name.c_str(), why.c_str());
  }
  return {};
}

int list(const BenchCommand& command, const std::vector<Suite>& suites, const Choice& choice) {
  for (const auto& suite : suites)
    for (const auto* names : {&suite.on_cluster, &suite.apart})
      for (const auto& name : *names)
        if (choice.has(name))
          std::printf(command.json ? "{\"suite\":\"%s\",\"name\":\"%s\"}\n" : "%-9s %s\n", suite.name.c_str(),
                      name.c_str());
  return exit_done;
}

/// Throws: as the suites do.
void run(Bench& bench, const std::vector<Suite>& suites) {
  const auto wants = [&](const std::string& name) { return bench.wants(name); };
  for (const auto& suite : suites)
    if (std::any_of(suite.on_cluster.begin(), suite.on_cluster.end(), wants) ||
        std::any_of(suite.apart.begin(), suite.apart.end(), wants))
      suite.run(bench);
}

int fail(const Error& error) {
  std::fprintf(stderr, "troupe bench: %s\n", error.message.c_str());
  return exit_code_of(error);
}

}  // namespace

std::vector<std::string> bench_suites() {
  std::vector<std::string> names;
  for (const auto& suite : all_suites()) names.push_back(suite.name);
  std::sort(names.begin(), names.end());
  return names;
}

void enroll_bench(Catalog& catalog) {
  enroll_tasks_bench(catalog);
  enroll_calls_bench(catalog);
  enroll_graph_bench(catalog);
  enroll_objects_bench(catalog);
  enroll_gangs_bench(catalog);
  enroll_start_bench(catalog);
}

int bench_command(const BenchCommand& command) {
  const std::vector<Suite> suites = chosen_suites(command);
  auto choice = choose(command, suites);
  if (!choice) return fail(choice.error());
  if (command.list) return list(command, suites, *choice);
  if (!command.cluster.empty() && command.cluster != "local")
    if (const auto left = leave_out(command, suites, *choice); !left) return fail(left.error());
  std::optional<scheduler::ClusterFile> cluster;
  if (!choice->on_cluster.empty()) {
    auto chosen = choose_cluster(command.cluster);
    if (!chosen) return fail(chosen.error());
    cluster = std::move(*chosen);
  }
  std::set<std::string> wanted = std::move(choice->on_cluster);
  wanted.merge(choice->apart);
  Bench bench(command, std::move(cluster), std::move(wanted));
  try {
    run(bench, suites);
  } catch (const ClusterError& error) {
    return fail(error.error());
  } catch (const BenchRefused& refused) {
    return fail(bad_input(refused.what()));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "troupe bench: %s\n", error.what());
    return exit_work_failed;
  }
  return exit_done;
}

}  // namespace troupe::cli
