// What main.cpp and its parts share: the files that know CLI11.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace troupe::cli {

/// Options of every command.
struct Common {
  std::string format = "table";
  bool quiet = false;
  bool verbose = false;
  std::string cluster;

  void add_to(CLI::App& app) {
    app.add_option("--cluster", cluster,
                   "local, or a cluster file; default: TROUPE_ADDRESS, a cluster started here, local");
    app.add_option("--format", format, "table, or json: one object a line")->check(CLI::IsMember({"table", "json"}));
    app.add_flag("--quiet", quiet, "no progress");
    app.add_flag("--verbose", verbose, "more of it");
  }
  bool json() const { return format == "json"; }
  template <class Command>
  void fill(Command& command) const {
    command.json = json();
    command.cluster = cluster;
  }
};

// sync_command_line.cpp
/// `argv` is what stood behind `--`.
void add_lock(CLI::App& app, Common& common, const std::vector<std::string>& argv, bool is_semaphore, int& exit_code);
void add_barrier(CLI::App& app, Common& common, int& exit_code);
void add_queue(CLI::App& app, Common& common, int& exit_code);

}  // namespace troupe::cli
