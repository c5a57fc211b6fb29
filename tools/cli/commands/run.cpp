#include "tools/cli/commands/run.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "scheduler/local/cluster.h"
#include "scheduler/local/places.h"
#include "scheduler/local/shown_output.h"
#include "scheduler/local/standing.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/connection.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/graph_file.h"
#include "tools/cli/graph_run.h"
#include "tools/cli/graph_text.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/into_graph.h"
#include "tools/cli/log_file.h"
#include "tools/cli/output.h"
#include "tools/cli/output_feed.h"
#include "tools/cli/output_follower.h"
#include "tools/cli/progress_line.h"
#include "tools/cli/task_report.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

constexpr std::size_t most_rows = 100;

const char* name_of(const RunCommand& command) { return command.way == RunCommand::Way::run ? "run" : "submit"; }

/// What is to be run: its tasks, once the run has a folder.
struct Work {
  std::string name;
  std::size_t size = 0;
  std::function<std::vector<TaskSpec>(JobId, const std::string& folder)> tasks;
};

// --- one command -----------------------------------------------------------------------------------------------------

/// A task's name from a program's: `./bin/train.sh` is `train_sh`.
std::string name_of_program(const std::string& program) {
  std::string name = std::filesystem::path(program).filename().string().substr(0, 60);
  for (char& c : name)
    if (!is_identifier("_" + std::string(1, c))) c = '_';
  return is_identifier(name) ? name : "command";
}

/// `capacity`: of the node that it must fit, where that is known.
Result<Resources> needs_of(const RunCommand& command, const NodeCapacity* capacity) {
  Resources needs;
  const auto expected = [](const char* option, const std::string& found, const char* what) {
    return bad_input(std::string(option) + ": found '" + found + "', expected " + what);
  };
  if (!command.cpus.empty()) {
    const auto cpus = parse_milli(command.cpus);
    if (!cpus) return expected("--cpus", command.cpus, expected_milli);
    needs.cpus = *cpus;
  }
  if (!command.gpus.empty()) {
    const auto gpus = parse_milli(command.gpus);
    if (!gpus) return expected("--gpus", command.gpus, expected_milli);
    needs.gpus = *gpus;
  }
  if (!command.memory.empty()) {
    const auto memory = parse_size(command.memory);
    if (!memory) return expected("--memory", command.memory, expected_size);
    needs.memory_bytes = *memory;
  }
  if (const std::string flaw = flaw_of(needs); !flaw.empty()) return bad_input(flaw);
  if (capacity == nullptr) return needs;
  if (const std::string why = beyond_capacity(needs, *capacity); !why.empty()) return bad_input("it " + why);
  return needs;
}

Result<Work> work_of_command(const RunCommand& command, const NodeCapacity* capacity) {
  if (command.argv.front().empty()) return bad_input("found an empty word, expected the name of a program");
  const auto needs = needs_of(command, capacity);
  if (!needs) return needs.error();
  const std::string name = name_of_program(command.argv.front());
  const std::string here = std::filesystem::current_path().string();
  return Work{name, 1, [=, argv = command.argv](JobId job, const std::string& folder) {
                const CommandWork work{.argv = argv,
                                       .environment = {{"TROUPE_GRAPH", name}, {"TROUPE_TASK", name}},
                                       .working_directory = here,
                                       .task_directory = task_directory(folder, name),
                                       .results = {}};
                return std::vector<TaskSpec>{{.id = {job, 1}, .name = name, .work = work, .needs = *needs}};
              }};
}

// --- a graph file ----------------------------------------------------------------------------------------------------

std::optional<Work> work_of_file(const RunCommand& command, const NodeCapacity* capacity) {
  auto read = read_graph_file(command.graph_file, capacity);
  for (const auto& error : read.errors) std::fprintf(stderr, "%s\n", error.c_str());
  if (!read.errors.empty()) return std::nullopt;
  const std::string name = read.graph.name;
  const std::size_t size = read.graph.size();
  return Work{name, size, [graph = std::move(read.graph)](JobId job, const std::string& folder) {
                return compile(graph, job, folder);
              }};
}

// --- what is shown ---------------------------------------------------------------------------------------------------

void print_table(const std::vector<TaskSpec>& tasks, const RunEnd& end, const NodeNames& nodes) {
  Table table({{"task"}, {"state"}, {"attempts", true}, {"node"}, {"wall", true}, {"cause"}});
  // All of a small graph; of a large one first what is not done.
  std::vector<std::size_t> places;
  for (const bool done : {false, true})
    for (std::size_t i = 0; i < tasks.size(); ++i)
      if ((end.progress[i].state == TaskState::done) == done && places.size() < most_rows) places.push_back(i);
  std::sort(places.begin(), places.end());
  for (const std::size_t i : places) {
    const auto& progress = end.progress[i];
    table.add({tasks[i].name, state_cell(to_text(progress.state)), std::to_string(progress.attempts.size()),
               node_of(progress, nodes), duration_text(std::chrono::milliseconds(wall_ms(progress))),
               first_line(cause_of(progress))});
  }
  table.print();
  if (places.size() < tasks.size())
    std::printf("... and %zu more (troupe list tasks shows all)\n", tasks.size() - places.size());
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Shows one run as it goes, and tells how it ended.
class Show {
 public:
  Show(const RunCommand& command, const RunSummary& run, NodeNames nodes)
      : command_(command),
        run_(run),
        nodes_(std::move(nodes)),
        is_one_command_(!command.argv.empty()),
        line_(run.name, command.quiet || is_one_command_),
        follower_(task_directory(run.folder, run.name), scheduler::LogReader::Behind::holds_up,
                  [to = command.json ? STDERR_FILENO : STDOUT_FILENO](auto bytes) { write_all(to, bytes); }) {}

  void runs(const std::string& task) {
    if (has_feed()) feed_.follow(task, task_directory(run_.folder, task));
  }

  void ended(const TaskSpec& task, const scheduler::TaskProgress& progress) {
    if (is_one_command_) follower_.pass_on();
    if (has_feed() && !progress.attempts.empty()) feed_.end(task.name, task_directory(run_.folder, task.name));
    if (command_.json) {
      line_.clear();
      std::printf("%s\n", task_json({run_.id, run_.name, nodes_}, task.id, task.name, progress).c_str());
      std::fflush(stdout);
    }
    if (progress.state == TaskState::failed) {
      tell_failure(task, progress);
    } else if (command_.verbose) {
      line_.clear();
      const std::string cause = first_line(cause_of(progress));
      std::fprintf(stderr, "task '%s' %s%s%s\n", task.name.c_str(), to_text(progress.state), cause.empty() ? "" : ": ",
                   cause.c_str());
    }
  }

  void tick(const WorkProgress& progress) {
    if (is_one_command_) follower_.pass_on();
    if (has_feed()) feed_.pass_on();
    if (line_.is_due()) line_.show(progress.share(), describe(progress));
  }

  void cancelling() {
    line_.clear();
    complain(name_of(command_), "cancelling; ^C again ends at once");
  }

  int end(const GraphRun& graph, const RunEnd& end, const TaskCounts& counts) {
    feed_.finish();
    line_.clear();
    if (is_one_command_) {
      follower_.pass_on();
    } else if (!command_.json && end.how != RunEnd::How::cluster_lost) {
      print_table(graph.tasks(), end, nodes_);
      std::printf("%s\ngraph %s (%s) %s after %s\n", describe(counts).c_str(), run_.name.c_str(),
                  troupe::to_text(run_.id).c_str(), to_text(run_.state),
                  duration_text(std::chrono::milliseconds(run_.wall_ms())).c_str());
    }
    std::fflush(stdout);
    if (end.how == RunEnd::How::interrupted) return exit_interrupted;
    if (end.how == RunEnd::How::cluster_lost) {
      complain(name_of(command_), "the cluster is gone: " + end.cause + "; the run's folder is " + run_.folder);
      return exit_no_cluster;
    }
    return run_.state == RunState::done ? exit_done : exit_work_failed;
  }

 private:
  bool has_feed() const { return !is_one_command_ && !command_.quiet; }

  void tell_failure(const TaskSpec& task, const scheduler::TaskProgress& progress) {
    line_.clear();
    std::string cause = cause_of(progress);
    if (is_one_command_)
      return complain(name_of(command_), "'" + command_.argv.front() + "' failed: " + first_line(cause));
    const std::size_t attempts = progress.attempts.size();
    std::fprintf(stderr, "task '%s' failed%s: ", task.name.c_str(),
                 attempts > 1 ? (" (attempt " + std::to_string(attempts) + ')').c_str() : "");
    for (std::size_t at = 0; (at = cause.find('\n', at)) != cause.npos; at += 3) cause.replace(at, 1, "\n  ");
    std::fprintf(stderr, "%s\n", cause.c_str());
  }

  const RunCommand& command_;
  const RunSummary& run_;
  const NodeNames nodes_;
  const bool is_one_command_;
  ProgressLine line_;
  OutputFollower follower_;
  OutputFeed feed_{scheduler::repeats_of(command_.folds), [this](const std::string& line) {
                     line_.clear();
                     std::fprintf(stderr, "%s\n", line.c_str());
                   }};
};

int no_cluster(const RunCommand& command, const Error& error) {
  complain(name_of(command), error.message);
  return exit_no_cluster;
}

GraphRun::Listener listener_of(Show& show) {
  return {.on_ended = [&](const auto& task, const auto& progress) { show.ended(task, progress); },
          .on_tick = [&](const WorkProgress& progress) { show.tick(progress); },
          .on_running = [&](const std::string& task) { show.runs(task); },
          .on_cancel = [&] { show.cancelling(); }};
}

/// How a run that has ended stands.
RunState state_of(const RunEnd& end, const TaskCounts& counts) {
  if (end.how == RunEnd::How::interrupted) return RunState::cancelled;
  return end.how == RunEnd::How::cluster_lost ? RunState::interrupted : run_state_of(counts);
}

// --- on a private cluster --------------------------------------------------------------------------------------------

int carry_out(const RunCommand& command, const Work& work) {
  count_interrupts();
  auto run = RunInUse::begin(JobId{random_id()}, work.name, work.size);
  if (!run) return no_cluster(command, run.error());
  const auto fail = [&](const Error& error) {
    TaskCounts counts;
    counts[TaskState::cancelled] = work.size;
    run->end(interrupts() > 0 ? RunState::cancelled : RunState::failed, counts);
    if (interrupts() > 0) return exit_interrupted;
    return no_cluster(command, error);
  };
  auto cluster = Cluster::try_local({.store_directory = run->store_folder(),
                                     .record = *log_file(command.record),
                                     .show_output = false});  // Its tasks are commands, and shown by their own feed.
  if (!cluster) return fail(cluster.error());
  auto session = cluster->try_connect();
  if (!session) return fail(session.error());
  if (interrupts() > 0) return fail({});
  const std::string socket = cluster->store_socket();
  auto store = LiveStore::connect(socket);
  if (!store) return fail(store.error());
  run->set_socket(socket);

  const JobInfo job{.id = run->summary().id, .name = work.name, .durable = true};
  GraphRun graph(*session, std::move(*store), work.tasks(job.id, run->folder()));
  if (auto submitted = graph.submit(job); !submitted) return fail(submitted.error());
  Show show(command, run->summary(), {});
  const RunEnd end = graph.wait(listener_of(show));
  const TaskCounts counts = end.counts();
  run->end(state_of(end, counts), counts);
  const int code = show.end(graph, end, counts);
  count_interrupts(2);  // The second one does not wait for the tasks' grace.
  return code;
}

// --- on a cluster that stands ----------------------------------------------------------------------------------------

NodeNames names_of(Session& session) {
  std::map<NodeId, std::string> names;
  if (const auto status = session.core().ask_status(std::chrono::seconds(5)))
    for (const auto& node : status->nodes) names.emplace(node.node, node.name);
  return NodeNames(std::move(names));
}

int carry_out_on(const scheduler::ClusterFile& cluster, const RunCommand& command, const Work& work) {
  count_interrupts();
  auto session = scheduler::connect(cluster);
  if (!session) return no_cluster(command, session.error());
  auto store = LiveStore::connect(scheduler::redis_socket(cluster.directory()));
  if (!store) return no_cluster(command, store.error());
  const JobInfo job{.id = JobId{random_id()}, .name = work.name, .durable = true};
  RunSummary run{.id = job.id, .name = work.name, .folder = graph_folder(cluster, job.id), .started_ms = now_ms()};
  std::error_code error;
  std::filesystem::create_directories(run.folder, error);
  if (error)
    return no_cluster(command, {Fault::unavailable, "cannot make the folder " + run.folder + ": " + error.message()});
  GraphRun graph(*session, std::move(*store), work.tasks(job.id, run.folder));
  if (auto submitted = graph.submit(job); !submitted) return no_cluster(command, submitted.error());
  if (command.way != RunCommand::Way::run) {
    const std::string id = troupe::to_text(job.id);
    command.json ? std::printf("{\"graph\":\"%s\",\"graph_id\":\"%s\",\"tasks\":%zu}\n", work.name.c_str(), id.c_str(),
                               graph.tasks().size())
                 : std::printf("%s\n", id.c_str());
    std::fflush(stdout);
    if (command.way == RunCommand::Way::submit) return exit_done;
  }
  Show show(command, run, names_of(*session));
  const RunEnd end = graph.wait(listener_of(show), command.way == RunCommand::Way::run ? GraphRun::OnInterrupt::cancel
                                                                                       : GraphRun::OnInterrupt::leave);
  run.tasks = end.counts();
  run.state = state_of(end, run.tasks);
  run.ended_ms = now_ms();
  if (end.how == RunEnd::How::interrupted && command.way == RunCommand::Way::submit_and_wait) {
    complain("submit", "graph " + troupe::to_text(job.id) + " goes on (troupe get shows it, troupe cancel ends it)");
    return exit_interrupted;
  }
  return show.end(graph, end, run.tasks);
}

/// Adds the work to the graph whose task this process is.
int carry_out_inside(const RunCommand& command, const Work& work) {
  const auto fail = [](const Error& error) {
    complain("submit", error.message);
    return error.fault == Fault::refused ? exit_bad_input : exit_code_of(error);
  };
  const auto own = own_task();
  if (!own) return fail(own.error());
  auto session = connect_to_cluster(command.cluster);
  if (!session) return fail(session.error());
  const auto added = add_to_graph(*session, *own, work.tasks);
  if (!added) return fail(added.error());
  const std::string id = troupe::to_text(own->task.job);
  command.json
      ? std::printf("{\"graph\":\"%s\",\"graph_id\":\"%s\",\"tasks\":%zu}\n", own->graph.c_str(), id.c_str(), *added)
      : std::printf("%s\n", id.c_str());
  return exit_done;
}

int check(const RunCommand& command, const Work& work) {
  const auto tasks = work.tasks(JobId{1}, "/");
  std::size_t edges = 0;
  for (const auto& task : tasks) edges += task.after.size();
  if (command.json) {
    std::printf("{\"graph\":\"%s\",\"tasks\":%zu,\"edges\":%zu,\"ok\":true}\n", work.name.c_str(), work.size, edges);
  } else if (!command.quiet) {
    std::printf("%s: graph %s is well formed: %zu tasks, %zu edges\n", command.graph_file.c_str(), work.name.c_str(),
                work.size, edges);
  }
  return exit_done;
}

}  // namespace

int run_command(const RunCommand& command) {
  const auto refuse = [&](const std::string& message) {
    complain(name_of(command), message);
    return exit_bad_input;
  };
  if (command.graph_file.empty() == command.argv.empty())
    return refuse(command.argv.empty() ? "expected a graph file, or -- and a command"
                                       : "found a graph file and a command, expected one of them");
  const bool is_command = !command.argv.empty();
  if (command.into_graph && command.way == RunCommand::Way::submit_and_wait)
    return refuse(
        "found --into-graph and --wait, expected one of them: a task that waits for what it adds keeps its place");
  if (is_command && command.check) return refuse("--check is for graph files");
  if (!is_command && !(command.cpus.empty() && command.gpus.empty() && command.memory.empty()))
    return refuse("--cpus, --gpus and --memory are for a command; a graph file has 'needs'");

  std::optional<scheduler::ClusterFile> cluster;
  if (!command.check) {
    auto chosen = choose_cluster(command.cluster);
    if (chosen && !*chosen && command.way != RunCommand::Way::run) chosen = need_cluster(command.cluster).error();
    if (!chosen) {
      complain(name_of(command), chosen.error().message);
      return exit_code_of(chosen.error());
    }
    cluster = std::move(*chosen);
  }
  if (const auto record = log_file(command.record); !record) return refuse(record.error().message);
  if (!command.record.empty() && (cluster || command.check))
    return refuse(
        "--record records a private cluster: --cluster local makes one; 'troupe start --record' records others");
  NodeCapacity local = local_capacity({});
  local.labels.emplace_back(node_label, "local");
  const NodeCapacity* capacity = cluster ? nullptr : &local;
  std::optional<Work> work;
  if (is_command) {
    auto made = work_of_command(command, capacity);
    if (!made) return refuse(made.error().message);
    work = std::move(*made);
  } else {
    work = work_of_file(command, capacity);
    if (!work) return exit_bad_input;
  }
  if (command.check) return check(command, *work);
  if (command.into_graph) return carry_out_inside(command, *work);
  return cluster ? carry_out_on(*cluster, command, *work) : carry_out(command, *work);
}

}  // namespace troupe::cli
