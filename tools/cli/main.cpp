// The `troupe` binary: reads the command line and hands over to one function a command.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/parallel/training_actors.h"
#include "scheduler/local/roles.h"
#include "tools/cli/command_line.h"
#include "tools/cli/commands/bench.h"
#include "tools/cli/commands/cancel.h"
#include "tools/cli/commands/doctor.h"
#include "tools/cli/commands/drain.h"
#include "tools/cli/commands/get.h"
#include "tools/cli/commands/list.h"
#include "tools/cli/commands/logs.h"
#include "tools/cli/commands/replay.h"
#include "tools/cli/commands/run.h"
#include "tools/cli/commands/sim.h"
#include "tools/cli/commands/start.h"
#include "tools/cli/commands/status.h"
#include "tools/cli/commands/timeline.h"
#include "tools/cli/commands/top.h"
#include "tools/cli/commands/train.h"
#include "tools/cli/did_you_mean.h"
#include "tools/cli/exit_codes.h"

namespace {

using namespace troupe;
using namespace troupe::cli;

void enroll(Catalog& catalog) {
  nn::enroll_training(catalog);
  enroll_bench(catalog);
}

/// `argv` is what stood behind `--`.
void add_run(CLI::App& app, Common& common, std::vector<std::string> argv, int& exit_code) {
  auto* run =
      app.add_subcommand("run", "runs a graph file, or a command: run GRAPH.yaml, run [--cpus N] -- CMD ARG...");
  auto command = std::make_shared<RunCommand>();
  command->argv = std::move(argv);
  common.add_to(*run);
  run->add_option("graph", command->graph_file, "a graph file, YAML or JSON");
  run->add_option("--record", command->record, "a new file for the scheduler's event log, which troupe replay reads");
  run->add_flag("--check", command->check, "only checks the graph file");
  run->add_option("--cpus", command->cpus, "that the command needs; default: 1");
  run->add_option("--gpus", command->gpus, "that the command needs; default: none");
  run->add_option("--memory", command->memory, "that the command needs, as in 2GiB");
  run->add_flag("!--no-fold", command->folds, "shows each line that tasks print, repeats too");
  run->callback([command, &common, &exit_code] {
    command->json = common.json();
    command->quiet = common.quiet;
    command->verbose = common.verbose;
    command->cluster = common.cluster;
    exit_code = run_command(*command);
  });
}

void add_submit(CLI::App& app, Common& common, std::vector<std::string> argv, int& exit_code) {
  auto* submit = app.add_subcommand("submit", "hands a graph file, or a command, over to a cluster, and goes");
  auto command = std::make_shared<RunCommand>();
  auto waits = std::make_shared<bool>(false);
  command->argv = std::move(argv);
  common.add_to(*submit);
  submit->add_option("graph", command->graph_file, "a graph file, YAML or JSON");
  submit->add_flag("--wait", *waits, "waits for it; ^C leaves it running");
  submit->add_flag("--into-graph", command->into_graph, "inside a task: adds the tasks to the task's own graph");
  submit->add_option("--cpus", command->cpus, "that the command needs; default: 1");
  submit->add_option("--gpus", command->gpus, "that the command needs; default: none");
  submit->add_option("--memory", command->memory, "that the command needs, as in 2GiB");
  submit->add_flag("!--no-fold", command->folds, "shows each line that tasks print, repeats too");
  submit->callback([command, waits, &common, &exit_code] {
    command->way = *waits ? RunCommand::Way::submit_and_wait : RunCommand::Way::submit;
    common.fill(*command);
    command->quiet = common.quiet;
    command->verbose = common.verbose;
    exit_code = run_command(*command);
  });
}

void add_start(CLI::App& app, Common& common, int& exit_code) {
  auto* start = app.add_subcommand("start", "starts a cluster on this machine that stands until troupe stop");
  auto command = std::make_shared<StartCommand>();
  common.add_to(*start);
  start->add_option("--name", command->name, "of the cluster, default: default; with --join of the node");
  start->add_option("--join", command->join, "a cluster file: starts one more agent of that cluster");
  auto* standby = start->add_option("--standby", command->standby_cluster,
                                    "a scheduler that waits to take over; of a cluster file, or of the one here");
  standby->expected(0, 1);
  start->add_option("--cpus", command->cpus, "of the node; default: what this process may use");
  start->add_option("--gpus", command->gpus, "devices of the node; default: none");
  start->add_option("--memory", command->memory, "of the node, as in 2GiB; default: the machine's");
  start->add_option("--object-memory", command->object_memory,
                    "that objects may take of it before they go to disk, as in 1GiB; default: 30 %");
  start->add_option("--resource", command->resources, "NAME=N; again for each");
  start->add_option("--label", command->labels, "KEY=VALUE; again for each");
  start->add_option(
      "--record", command->record,
      "a new file for the scheduler's event log, up to 1 GiB, which troupe replay reads; FILE.2 and so on "
      "if it starts again");
  start->add_flag("--foreground", command->foreground, "stays, and ends with this process");
  start->add_option("--most-restarts", command->most_restarts, "of its processes in a minute, before it gives up")
      ->capture_default_str();
  start
      ->add_option("--most-tasks", command->most_tasks,
                   "that its scheduler takes, those that ended within a week included; some 2 KB of memory each, "
                   "Redis' included")
      ->capture_default_str();
  start->callback([command, standby, &common, &exit_code] {
    command->standby = standby->count() > 0;
    if (command->standby_cluster.empty()) command->standby_cluster = common.cluster;
    command->json = common.json();
    exit_code = start_command(*command);
  });
}

void add_stop(CLI::App& app, Common& common, int& exit_code) {
  auto* stop = app.add_subcommand("stop", "ends what troupe start began here; durable work goes on at the next start");
  auto command = std::make_shared<StopCommand>();
  common.add_to(*stop);
  stop->add_flag("--all", command->all, "every cluster that was started here");
  stop->callback([command, &common, &exit_code] {
    common.fill(*command);
    exit_code = stop_command(*command);
  });
}

void add_status(CLI::App& app, Common& common, int& exit_code) {
  auto* status = app.add_subcommand("status", "a cluster's nodes, its epoch and its store, its jobs and what waits");
  common.add_to(*status);
  status->callback(
      [&common, &exit_code] { exit_code = status_command({.cluster = common.cluster, .json = common.json()}); });
}

void add_cancel(CLI::App& app, Common& common, int& exit_code) {
  auto* cancel = app.add_subcommand("cancel", "ends tasks and actors, or all of a graph or a driver");
  auto command = std::make_shared<CancelCommand>();
  common.add_to(*cancel);
  cancel->add_option("id", command->ids, "of graphs, jobs (or their names), of tasks, actors, or GRAPH/TASK")
      ->required();
  cancel->callback([command, &common, &exit_code] {
    common.fill(*command);
    exit_code = cancel_command(*command);
  });
}

void add_drain(CLI::App& app, Common& common, int& exit_code) {
  auto* drain = app.add_subcommand("drain", "a node takes no new work; ends when it runs nothing any more");
  auto command = std::make_shared<DrainCommand>();
  common.add_to(*drain);
  drain->add_option("node", command->node, "its name or its id, as troupe list nodes shows them")->required();
  auto* undo = drain->add_flag("--undo", command->undo, "it takes work again");
  drain->add_flag("--no-wait", command->no_wait, "ends at once; ^C does the same later")->excludes(undo);
  drain->callback([command, &common, &exit_code] {
    common.fill(*command);
    command->quiet = common.quiet;
    exit_code = drain_command(*command);
  });
}

void add_list(CLI::App& app, Common& common, int& exit_code) {
  auto* list = app.add_subcommand("list", "lists graphs, tasks, actors, jobs, nodes, objects, locks or queues");
  auto command = std::make_shared<ListCommand>();
  common.add_to(*list);
  list->add_option("kind", command->kind,
                   "graphs, tasks, actors, jobs, nodes, objects, locks (and semaphores) or queues")
      ->required();
  list->add_option("--filter", command->filters,
                   "KEY=VALUE; keys: graph or job (its name, NAME*, its id), state, task, actor, class, node, lock, "
                   "kind, queue");
  list->add_option("--limit", command->limit, "rows")->capture_default_str();
  list->callback([command, &common, &exit_code] {
    common.fill(*command);
    exit_code = list_command(*command);
  });
}

void add_get(CLI::App& app, Common& common, int& exit_code) {
  auto* get =
      app.add_subcommand("get", "everything about one graph, job, task, actor, node or object; of what waits, why");
  auto command = std::make_shared<GetCommand>();
  common.add_to(*get);
  get->add_option("id", command->id, "an id, or the name of a graph, job, actor or node, or GRAPH/TASK, JOB/TASK")
      ->required();
  get->callback([command, &common, &exit_code] {
    common.fill(*command);
    exit_code = get_command(*command);
  });
}

void add_logs(CLI::App& app, Common& common, int& exit_code) {
  auto* logs = app.add_subcommand("logs", "what a task or an actor printed, or all of a graph");
  auto command = std::make_shared<LogsCommand>();
  common.add_to(*logs);
  logs->add_option("id", command->id, "of a graph (or its name), of a task or an actor, or GRAPH/TASK")->required();
  logs->add_flag("--follow", command->follow, "goes on until it has ended, or until ^C");
  logs->add_option("--tail", command->tail, "only the last lines of what is there, so many");
  logs->callback([command, &common, &exit_code] {
    common.fill(*command);
    exit_code = logs_command(*command);
  });
}

void add_timeline(CLI::App& app, Common& common, int& exit_code) {
  auto* timeline = app.add_subcommand("timeline", "when each attempt ran, and where, as a Chrome trace (Perfetto)");
  auto command = std::make_shared<TimelineCommand>();
  common.add_to(*timeline);
  timeline->add_option(
      "id", command->id,
      "of a graph or a job (or its name), of a task, or GRAPH/TASK; default: all of the cluster, of late");
  timeline->add_option("-o,--output", command->file, "a file for it; default: stdout");
  timeline->callback([command, &common, &exit_code] {
    common.fill(*command);
    command->quiet = common.quiet;
    exit_code = timeline_command(*command);
  });
}

void add_top(CLI::App& app, Common& common, int& exit_code) {
  auto* top = app.add_subcommand("top", "a cluster at work: in place on a terminal, else one line per interval");
  auto command = std::make_shared<TopCommand>();
  common.add_to(*top);
  top->add_option("--interval", command->interval, "between two looks, as in 2s; default: 1s");
  top->add_option("--count", command->count, "looks; default: until ^C");
  top->callback([command, &common, &exit_code] {
    common.fill(*command);
    exit_code = top_command(*command);
  });
}

void add_doctor(CLI::App& app, Common& common, int& exit_code) {
  auto* doctor = app.add_subcommand("doctor", "checks this machine; one line a check, with what to do");
  common.add_to(*doctor);
  doctor->callback([&common, &exit_code] { exit_code = doctor_command({.json = common.json()}); });
}

void add_train(CLI::App& app, Common& common, int& exit_code) {
  auto* train = app.add_subcommand("train", "trains a model");
  auto command = std::make_shared<TrainCommand>();
  auto strategy = std::make_shared<std::string>("single");
  auto optimizer = std::make_shared<std::string>("sgd");
  auto schedule = std::make_shared<std::string>("gpipe");
  auto& options = command->options;
  common.add_to(*train);
  train->add_option("model", options.model, "lenet")->required();
  train->add_option("--data", options.data, "fashion-mnist, cifar10:DIR, idx:DIR or synthetic")->required();
  auto* one = train->add_option("--strategy", *strategy, "single, data:W, model:P, mesh:WxP or task:K");
  train->add_option("--compare", command->strategies, "trains once by each of these and compares them")
      ->delimiter(',')
      ->excludes(one);
  train->add_option("--schedule", *schedule, "of a pipeline: gpipe")->check(CLI::IsMember({"gpipe"}));
  train->add_option("--optimizer", *optimizer, "sgd")->check(CLI::IsMember({"sgd"}));
  train->add_option("--batch", options.batch, "samples in a global batch")->capture_default_str();
  train->add_option("--epochs", options.epochs, "times over the training set")->capture_default_str();
  train->add_option("--steps", options.steps, "this many, whatever --epochs says");
  train->add_option("--lr", options.sgd.learning_rate, "learning rate")->capture_default_str();
  train->add_option("--momentum", options.sgd.momentum, "of sgd")->capture_default_str();
  train->add_option("--seed", options.seed, "of parameters and order")->capture_default_str();
  train->add_option("--slots", options.slots,
                    "shares of the batch, each computed as one piece; another number gives other bits");
  train->add_option("--join-every", options.join_every, "task: steps between joins; default: an epoch");
  train->add_option("--backend", options.backend, "reference or cpu")->capture_default_str();
  train->add_option("--report", command->report_file, "writes the report as JSON");
  train->callback([command, strategy, &common, &exit_code] {
    if (command->strategies.empty()) command->strategies = {*strategy};
    command->json = common.json();
    command->quiet = common.quiet;
    exit_code = train_command(*command);
  });
}

void add_bench(CLI::App& app, Common& common, int& exit_code) {
  auto* bench = app.add_subcommand("bench", "measures this build on this machine");
  auto command = std::make_shared<BenchCommand>();
  common.add_to(*bench);
  bench->add_option("suites", command->suites, "default: all")->check(CLI::IsMember(bench_suites()));
  bench->add_option("--callers", command->callers, "that call or submit; default 2, of multi_client_tasks_async 4")
      ->check(CLI::Range(1, 64));
  bench->add_option("--actors", command->actors, "actors that they call; default 2")->check(CLI::Range(1, 64));
  bench->add_option("--only", command->only, "only the measurements with these names")->delimiter(',');
  bench->add_flag("--list", command->list, "names the measurements and makes none");
  bench->add_option("--window-ms", command->window_ms, "of each window of a rate; default 2000, sync 1000")
      ->check(CLI::Range(1, 600'000));
  bench->add_option("--runs", command->runs, "of what is measured as a whole; default: as each suite says")
      ->check(CLI::Range(1, 1000));
  bench->callback([command, &common, &exit_code] {
    common.fill(*command);
    exit_code = bench_command(*command);
  });
}

void add_sim(CLI::App& app, Common& common, int& exit_code) {
  auto* sim = app.add_subcommand("sim", "runs the whole control plane in one thread, with faults, from seeds");
  auto command = std::make_shared<SimCommand>();
  common.add_to(*sim);
  sim->add_option("--seeds", command->seeds, "A..B; of a hunt the first")->default_str("1..1000");
  sim->add_option("--planted", command->planted, "a bug to plant and find, or all");
  sim->add_option("--nodes", command->nodes, "in every world; default: drawn, mostly 3 to 5");
  sim->add_option("--schedule", command->schedule, "runs what a file says, as --shrink writes it")->excludes("--seeds");
  sim->add_flag("--shrink", command->shrink, "makes a failure small, and writes it to sim-SEED.schedule");
  sim->add_flag("--trace", command->trace, "prints each event and what follows from it");
  sim->callback([command, &common, &exit_code] {
    command->json = common.json();
    exit_code = sim_command(*command);
  });
}

void add_replay(CLI::App& app, Common& common, int& exit_code) {
  auto* replay =
      app.add_subcommand("replay", "runs an event log through the scheduler's core and compares the effects");
  auto command = std::make_shared<ReplayCommand>();
  common.add_to(*replay);
  replay->add_option("file", command->file, "that --record of troupe start or troupe run wrote")->required();
  replay->add_flag("--print", command->print, "each event and its effects");
  replay->callback([command, &common, &exit_code] {
    command->json = common.json();
    exit_code = replay_command(*command);
  });
}

/// Takes `-- CMD ARG...` off the command line: those words belong to the command, whatever they look like.
std::vector<std::string> take_command(int& argc, char** argv) {
  const auto dashes = std::find_if(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--"; });
  if (dashes == argv + argc) return {};
  std::vector<std::string> command(dashes + 1, argv + argc);
  argc = static_cast<int>(dashes - argv);
  return command;
}

// Commands that have their name and their contract, and are to come.
constexpr std::string_view to_come[] = {"sweep", "plan", "launch", "retry", "graph", "predict", "dashboard", "keys"};

/// One line: what was found, and where to look.
std::string one_line(const CLI::App* app, const CLI::Error& error) {
  std::string what = error.what();
  std::replace(what.begin(), what.end(), '\n', ' ');
  const auto given = app->get_subcommands();
  const std::string command = given.empty() ? "troupe" : "troupe " + given.front()->get_name();
  return command + ": " + what + ": see '" + command + " --help'" +
         (command == "troupe run" ? "; a command goes behind --\n" : "\n");
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* each : app.get_subcommands({})) names.push_back(each->get_name());
  return names;
}

bool has_command(const CLI::App& app, const std::string& command) {
  const auto names = commands_of(app);
  return std::find(names.begin(), names.end(), command) != names.end();
}

int unknown(const CLI::App& app, const std::string& command) {
  const auto names = commands_of(app);
  const bool is_to_come = std::find(std::begin(to_come), std::end(to_come), command) != std::end(to_come);
  std::fprintf(stderr, "troupe: %s: see 'troupe --help'\n",
               is_to_come ? ("'" + command + "' is not in this version").c_str()
                          : ("there is no command '" + command + "'" + did_you_mean(command, names)).c_str());
  return exit_bad_input;
}

}  // namespace

int main(int argc, char** argv) {
  play_role(argc, argv, enroll);  // Supervisor, scheduler, agent and workers of a local cluster never get past it.

  CLI::App app("Troupe: an actor runtime and task scheduler that trains neural networks in parallel.", "troupe");
  app.set_version_flag("--version", "troupe " TROUPE_VERSION);
  app.require_subcommand(1);
  app.failure_message(one_line);
  app.fallthrough(false);
  Common common;
  int exit_code = exit_done;
  const auto behind_dashes = take_command(argc, argv);
  add_run(app, common, behind_dashes, exit_code);
  add_submit(app, common, behind_dashes, exit_code);
  add_start(app, common, exit_code);
  add_stop(app, common, exit_code);
  add_status(app, common, exit_code);
  add_cancel(app, common, exit_code);
  add_drain(app, common, exit_code);
  add_list(app, common, exit_code);
  add_get(app, common, exit_code);
  add_logs(app, common, exit_code);
  add_timeline(app, common, exit_code);
  add_top(app, common, exit_code);
  add_doctor(app, common, exit_code);
  add_train(app, common, exit_code);
  add_bench(app, common, exit_code);
  add_lock(app, common, behind_dashes, false, exit_code);
  add_lock(app, common, behind_dashes, true, exit_code);
  add_barrier(app, common, exit_code);
  add_queue(app, common, exit_code);
  add_sim(app, common, exit_code);
  add_replay(app, common, exit_code);
  if (argc > 1 && argv[1][0] != '-' && !has_command(app, argv[1])) return unknown(app, argv[1]);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_done : exit_bad_input;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "troupe: internal error: %s\n", error.what());
    return exit_internal;
  }
  return exit_code;
}
