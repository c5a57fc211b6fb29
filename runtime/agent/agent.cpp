#include "runtime/agent/agent.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "runtime/agent/agent_messages.h"
#include "runtime/agent/command.h"
#include "runtime/agent/log_capture.h"
#include "runtime/agent/memory_watch.h"
#include "runtime/agent/process.h"
#include "runtime/agent/processors.h"
#include "runtime/agent/recent_attempts.h"
#include "runtime/agent/seen_file.h"
#include "runtime/agent/worker_process.h"
#include "runtime/base/abi.h"
#include "runtime/base/overloaded.h"
#include "runtime/objects/object_store.h"
#include "runtime/objects/stored_object.h"
#include "runtime/ring/ring_link.h"
#include "runtime/wire/outbox.h"
#include "runtime/worker/task_log.h"
#include "runtime/worker/worker.h"

namespace troupe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds longest_sleep{1000};
// Reports of attempts that end within it share a frame, as long as others wait here for their turn.
constexpr std::chrono::microseconds longest_gathering{1000};
constexpr std::chrono::milliseconds between_looks{1000};     // At who the active scheduler is.
constexpr std::chrono::seconds between_prunings{60};         // Of logs.
constexpr std::uint64_t objects_percent = 30;                // Of the node's memory.
constexpr std::uint64_t least_objects = 64u << 20;           // Bytes, unless it was said how much.
constexpr std::uint64_t first_half = 0xffff'ffff'0000'0000;  // Of a worker's id: its node's.

agent::Time since_start(Clock::time_point start) {
  return std::chrono::duration_cast<agent::Time>(Clock::now() - start);
}

class Agent {
 public:
  Agent(const AgentOptions& options, Transport& transport)
      : options_(options),
        transport_(transport),
        start_(Clock::now()),
        self_{options.node, options.incarnation, options.name, options.capacity},
        core_({.capacity = options.capacity, .seen = SeenFile::read(options.seen_file, options.cluster)},
              agent::Time(0)),
        seen_file_(options.seen_file, core_.seen(), [&transport] { transport.wake(); }),
        recent_(options.log_directory, options.node),
        fork_servers_(options.fork_server_arguments),
        processors_(options.capacity.cpus, options.node.value) {}

  ~Agent() {
    for (auto& [number, worker] : workers_) send_signal(worker.process, SIGKILL);
    for (auto& [key, command] : commands_) ::kill(-command.process.pid, SIGKILL);
    for (auto& [number, worker] : workers_) worker.reap();
    for (auto& [key, command] : commands_) reap(command.process);
  }
  Agent(const Agent&) = delete;

  Result<void> start() {
    if (auto listening = transport_.listen(options_.own_address); !listening) return listening;
    if (auto started = start_object_store(); !started) return started;
    connected_to_ = options_.active_scheduler();
    const auto scheduler = transport_.connect(options_.scheduler_address);
    if (!scheduler) return scheduler.error();
    scheduler_ = *scheduler;
    if (options_.stop >= 0) transport_.watch(options_.stop, false);
    const WorkerId some{own_half()};
    remove_sockets_like(options_.worker_address(some), to_text(some));
    step(agent::Tick{});
    to_scheduler_.flush(transport_);
    return {};
  }

  void turn() {
    const auto wait = std::clamp<agent::Time>(wake_at_ - since_start(start_), agent::Time(0), longest_sleep);
    const auto until = std::min({Clock::now() + wait, send_at_.value_or(Deadline::max()), memory_.next_look()});
    for (const auto& delivery : transport_.receive(until)) take(delivery);
    memory_.look(Clock::now());
    take_early_orders();
    take_ends();
    follow_scheduler();
    if (Clock::now() >= prune_at_) {
      prune_logs(options_.log_directory);
      fork_servers_.look_after();
      prune_at_ = Clock::now() + between_prunings;
    }
    if (since_start(start_) >= wake_at_) {
      wake_at_ = since_start(start_) + longest_sleep;
      step(agent::Tick{});
    }
    outbox_.flush(transport_);
    send_what_is_due();
  }

  bool is_told_to_stop() const {
    pollfd stop{options_.stop, POLLIN, 0};
    return ::poll(&stop, 1, 0) > 0;
  }

  /// Nothing is taken or started any more.
  void end_commands() {
    for (auto& [number, worker] : workers_) send_signal(worker.process, SIGKILL);
    for (auto& [key, command] : commands_) signal_command(command, SIGTERM);
    const auto end = Clock::now() + AgentSettings{}.kill_grace;
    while (!commands_.empty()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      if (left.count() <= 0) return;
      std::vector<pollfd> ends;
      for (const auto& [key, command] : commands_) ends.push_back({command.process.descriptor, POLLIN, 0});
      ::poll(ends.data(), ends.size(), static_cast<int>(left.count()));
      for (auto at = commands_.begin(); at != commands_.end();) {
        Process& process = at->second.process;
        const bool is_over = has_ended(process);
        if (is_over) {
          ::kill(-process.pid, SIGKILL);
          reap(process);
          logs_.close(at->second.command.process.output_file);
        }
        at = is_over ? commands_.erase(at) : std::next(at);
      }
    }
  }

  void say_goodbye() {
    post(to_scheduler_, scheduler_, message::AgentBye{options_.node, options_.incarnation});
    to_scheduler_.flush(transport_);
  }

 private:
  using Key = std::pair<TaskId, AttemptId>;

  struct CommandProcess {
    Process process;
    RunOrder order;
    Command command;
    bool was_told = false;  // By a TERM: a second one might cut short what it does to end.
  };

  /// A scheduler that was stopped, or cut from the store, holds its connections while another has taken over.
  void follow_scheduler() {
    const auto now = Clock::now();
    if (now < look_at_) return;
    look_at_ = now + between_looks;
    std::string active = options_.active_scheduler();
    if (active == connected_to_) return;
    const auto scheduler = transport_.connect(options_.scheduler_address);
    if (!scheduler) return;
    transport_.disconnect(scheduler_);
    scheduler_ = *scheduler;
    connected_to_ = std::move(active);
  }

  /// Nobody was active when it connected, so whoever has answered is: within a look of the start no other can have
  /// taken over. To connect anew would lose what is under way.
  void on_first_welcome() {
    if (connected_to_.empty() && Clock::now() < look_at_) connected_to_ = options_.active_scheduler();
    options_.on_welcome();
  }

  void take(const Delivery& delivery) {
    auto letters = decode(delivery.frame);
    if (!letters || letters->envelope.cluster != options_.cluster) return;
    for (auto& message : letters->messages) {
      take(delivery.from, {letters->envelope, std::move(message)});
      if (outbox_.has_many()) outbox_.flush(transport_);
      if (to_scheduler_.has_many()) send_what_is_due();
    }
  }

  void take(PeerId from, Letter&& letter) {
    if (from == scheduler_) {
      const bool is_welcome = std::holds_alternative<message::AgentWelcome>(letter.message);
      if (auto event = event_of(std::move(letter), options_.cluster)) take_from_scheduler(std::move(*event));
      if (is_welcome && !std::exchange(was_welcome_, true)) on_first_welcome();
      return;
    }
    if (const auto* hello = std::get_if<message::WorkerHello>(&letter.message)) {
      const auto number = numbers_.find(hello->worker);
      if (number == numbers_.end()) return;
      if (hello->abi != abi_version)
        return refuse(workers_.at(number->second), abi_mismatch("its program", hello->abi, "its agent"));
      number_of_.erase(std::exchange(workers_.at(number->second).peer, from));
      number_of_[from] = number->second;
      take_calls(workers_.at(number->second), hello->calls);
      return step(agent::WorkerReady{number->second});
    }
    const auto number = number_of_.find(from);
    if (number == number_of_.end()) return;
    if (auto* report = std::get_if<message::Report>(&letter.message)) {
      WorkerProcess& worker = workers_.at(number->second);
      if (++worker.ended == worker.given) processors_.rest(worker.process.pid);
      step(agent::ReportArrived{number->second, std::move(report->report), report->passed});
    }
    if (auto* told = std::get_if<message::TaskWaits>(&letter.message)) take_wait(number->second, std::move(*told));
    if (auto* ready = std::get_if<message::ActorReady>(&letter.message))
      step(agent::ActorUp{number->second, ready->task, ready->attempt, std::move(ready->address)});
  }

  /// Others may have its processors meanwhile.
  void take_wait(agent::WorkerNumber number, message::TaskWaits&& told) {
    WorkerProcess& worker = workers_.at(number);
    worker.given -= told.returned.size();
    if (told.waits) {
      processors_.rest(worker.process.pid);
    } else {
      processors_.take(worker.process.pid, worker.cpus);
    }
    step(agent::TaskWaits{number, told.task, told.attempt, told.waits, std::move(told.returned)});
  }

  /// Nothing is started for a scheduler whose epoch is not on disk here: after a crash of the machine this node must
  /// not obey an older one. That the epoch gets there is seen to by whatever else it says, answers to heartbeats above
  /// all.
  void take_from_scheduler(agent::Event&& event) {
    auto* order = std::get_if<agent::OrderArrived>(&event);
    if (order == nullptr || order->store.epoch <= seen_file_.epoch()) return step(std::move(event));
    const auto is_same = [&](const agent::OrderArrived& other) {
      return other.order.task == order->order.task && other.order.attempt == order->order.attempt;
    };
    if (std::none_of(early_orders_.begin(), early_orders_.end(), is_same)) early_orders_.push_back(std::move(*order));
  }

  void take_early_orders() {
    for (; !early_orders_.empty() && early_orders_.front().store.epoch <= seen_file_.epoch(); early_orders_.pop_front())
      step(std::move(early_orders_.front()));
  }

  void step(agent::Event event) {
    for (auto& effect : core_.step(since_start(start_), std::move(event))) carry_out(effect);
  }

  void carry_out(agent::Effect& effect) {
    if (const auto* told = std::get_if<agent::SendReport>(&effect)) recent_.note(*told);
    if (auto message = message_of(std::move(effect), self_))
      return post(to_scheduler_, scheduler_, with_calls(std::move(*message), workers_));
    std::visit(
        Overloaded{
            [&](agent::StartWorker& each) { start_worker(each); }, [&](agent::GiveOrder& each) { give(each); },
            [&](agent::GiveResult& each) {
              tell(each.worker, message::AwaitedResult{each.task, each.attempt, std::move(each.result)});
            },
            [&](agent::PassResult& each) {
              const auto to = workers_.find(each.to);
              if (to == workers_.end()) return;
              tell(each.worker, message::PassResult{each.task, each.attempt, options_.worker_address(to->second.id)});
            },
            [&](agent::TakeBack& each) {
              tell(each.worker, message::Stop{each.task, each.attempt});
            },
            [&](agent::StartCommand& each) { start_command(each.order); },
            [&](agent::KillWorker& each) {
              const auto worker = workers_.find(each.worker);
              if (worker == workers_.end()) return;
              send_signal(worker->second.process, each.at_once ? SIGKILL : SIGTERM);
              send_signal(worker->second.process, SIGCONT);  // One that is stopped would not hear it.
            },
            [&](agent::KillCommand& each) {
              const auto command = commands_.find({each.task, each.attempt});
              if (command != commands_.end()) signal_command(command->second, each.at_once ? SIGKILL : SIGTERM);
            },
            [&](agent::RememberStore& each) { seen_file_.keep(each.seen); },
            [&](agent::WakeAt& each) { wake_at_ = std::min(wake_at_, each.at); },
            [](auto&) {},  // Was sent, or changes nothing.
        },
        effect);
  }

  void start_worker(const agent::StartWorker& start) {
    WorkerProcess worker;
    worker.id = new_worker_id();
    ProcessSpec spec{.environment = environment_of(start.grant)};
    if (start.environment) {
      spec.working_directory = start.environment->working_directory;
      spec.niceness = start.environment->niceness;
      for (const auto& variable : start.environment->variables) spec.environment.push_back(variable);
    }
    spec.environment.emplace_back("TROUPE_NODE", options_.name);
    auto process = fork(start.program, spec, worker);
    if (!process) {
      worker.id = new_worker_id();  // A fork server that is late may yet make the other.
      spec.argv = options_.worker_arguments(start.program, worker.id);
      spec.output_file = worker_output(options_.log_directory, worker.id);
      spec.environment.emplace_back(worker_output_variable, spec.output_file);
      process = start_process(spec);
    }
    worker.output_file = worker_output(options_.log_directory, worker.id);
    if (!process) {
      failed_starts_.emplace_back(start.worker, process.error().message);
      wake_at_ = agent::Time(0);  // The next turn tells of it.
      return;
    }
    worker.process = *process;
    numbers_[worker.id] = start.worker;
    transport_.watch(worker.process.descriptor, false);
    workers_.emplace(start.worker, std::move(worker));
  }

  Result<Process> fork(const std::string& program, const ProcessSpec& spec, WorkerProcess& worker) {
    worker.forked_by = fork_servers_.of(program, spec);
    if (!worker.forked_by) return Error{Fault::unavailable, {}};
    auto process = worker.forked_by->fork(worker.id);
    if (!process) worker.forked_by = nullptr;
    return process;
  }

  /// Its end is what the core hears of.
  static void refuse(WorkerProcess& worker, std::string why) {
    worker.refusal = std::move(why);
    send_signal(worker.process, SIGKILL);
  }

  void give(agent::GiveOrder& given) {
    const auto* actor = std::get_if<ActorWork>(&given.order.work);
    const bool has_it_alone = actor == nullptr || !actor->shares_worker;
    const auto worker = workers_.find(given.worker);
    if (worker != workers_.end() && has_it_alone) {
      ++worker->second.given;
      worker->second.cpus = given.order.grant.cpus;
      memory_.limit(worker->second.process, given.order.grant.memory_bytes);
      processors_.take(worker->second.process.pid, given.order.grant.cpus);
    }
    tell(given.worker, message::Run{std::move(given.order), given.taken});
  }

  void tell(agent::WorkerNumber number, const message::Message& message) {
    const auto worker = workers_.find(number);
    if (worker != workers_.end()) post(outbox_, worker->second.peer, message);
  }

  void start_command(const RunOrder& order) {
    const Key key{order.task, order.attempt};
    auto command = prepare_command(order, options_.cluster_file);
    if (command) command->process.processors = processors_.choose(order.grant.cpus);
    auto process = command ? start_logged(*command) : Result<Process>(command.error());
    if (!process) {
      failed_commands_.push_back(
          {order.task, order.attempt, AttemptEnd::failed, {}, {127, 0, process.error().message}});
      wake_at_ = agent::Time(0);
      return;
    }
    transport_.watch(process->descriptor, false);
    memory_.limit(*process, order.grant.memory_bytes);
    processors_.hold(process->pid, command->process.processors, order.grant.cpus);
    commands_.emplace(key, CommandProcess{*process, order, std::move(*command)});
  }

  Result<Process> start_logged(Command& command) {
    const auto output = logs_.open(command.process.output_file);
    if (!output) return output.error();
    command.process.output = *output;
    auto process = start_process(command.process);
    ::close(*output);
    if (!process) logs_.close(command.process.output_file);
    return process;
  }

  static void signal_command(CommandProcess& command, int number) {
    if (number == SIGTERM && std::exchange(command.was_told, true)) return;
    ::kill(-command.process.pid, number);
  }

  /// Reaps what has ended. A start that failed is an end too, told here so that no step runs inside another.
  void take_ends() {
    for (auto& [number, why] : std::exchange(failed_starts_, {})) step(agent::WorkerExited{number, {127, 0, why}});
    for (auto& report : std::exchange(failed_commands_, {})) step(agent::CommandExited{std::move(report)});
    std::vector<agent::WorkerNumber> ended_workers;
    for (auto& [number, worker] : workers_)
      if (has_ended(worker.process)) ended_workers.push_back(number);
    for (const auto number : ended_workers) end_worker(number);
    std::vector<Key> ended_commands;
    for (auto& [key, command] : commands_)
      if (has_ended(command.process)) ended_commands.push_back(key);
    for (const auto& key : ended_commands) end_command(key);
  }

  void end_worker(agent::WorkerNumber number) {
    WorkerProcess worker = std::move(workers_.at(number));
    workers_.erase(number);
    numbers_.erase(worker.id);
    number_of_.erase(worker.peer);
    transport_.unwatch(worker.process.descriptor);
    const pid_t pid = worker.process.pid;
    processors_.forget(pid);
    const ProcessEnd end = worker.reap();
    Begun begun = BegunFile::take(options_.worker_address(worker.id));
    const std::string log = log_of(worker, begun, options_.log_directory);
    const std::string lines = last_lines(log);
    const std::string why = memory_.take_cause(pid, end.signal) + "its worker ended: " + describe(end);
    const Cause cause{end.exit_code, end.signal, lines.empty() ? why : why + "\n" + lines};
    step(agent::WorkerExited{number, worker.refusal.empty() ? cause : Cause{.message = worker.refusal}, begun.orders,
                             std::move(begun.blamed)});
    remove_output(worker, log);
    remove_sockets(options_.worker_address(worker.id));
  }

  void end_command(const Key& key) {
    CommandProcess command = std::move(commands_.at(key));
    commands_.erase(key);
    transport_.unwatch(command.process.descriptor);
    const pid_t pid = command.process.pid;
    processors_.forget(pid);
    ::kill(-pid, SIGKILL);  // Children that it left in its group.
    const ProcessEnd end = reap(command.process);
    logs_.close(command.command.process.output_file);
    AttemptReport report = report_of(command.order, command.command, end);
    report.cause.message.insert(0, memory_.take_cause(pid, end.signal));
    step(agent::CommandExited{std::move(report)});
  }

  Result<void> start_object_store() {
    const std::string socket = object_socket_of(options_.own_address);
    if (socket.empty()) return {};
    const auto memory = static_cast<std::uint64_t>(options_.capacity.memory_bytes);
    const std::uint64_t limit =
        options_.object_bytes > 0 ? options_.object_bytes : std::max(memory * objects_percent / 100, least_objects);
    auto store = ObjectStore::start({.socket = socket,
                                     .limit_bytes = limit,
                                     .spill_folder = options_.log_directory + "/objects-" + to_text(options_.node)});
    if (!store) return store.error();
    objects_.emplace(std::move(*store));
    return {};
  }

  WorkerId new_worker_id() const { return WorkerId{own_half() | (random_id() & ~first_half)}; }

  std::uint64_t own_half() const { return options_.node.value & first_half; }

  /// As long as others wait here the scheduler is in no hurry to know what has ended.
  void send_what_is_due() {
    if (to_scheduler_.is_empty()) return;
    const auto now = Clock::now();
    if (core_.has_work_in_line() && !to_scheduler_.has_many()) {
      if (!send_at_) send_at_ = now + longest_gathering;
      if (now < *send_at_) return;
    }
    send_at_.reset();
    to_scheduler_.flush(transport_);
  }

  void post(Outbox& outbox, PeerId to, const message::Message& message) {
    outbox.post(to, {options_.cluster, core_.seen().epoch, options_.incarnation, core_.seen().commit_seq}, message);
  }

  const AgentOptions& options_;
  Transport& transport_;
  std::optional<ObjectStore> objects_;
  Outbox outbox_;        // To the workers.
  Outbox to_scheduler_;  // Reports above all.
  std::optional<Clock::time_point> send_at_;
  const Clock::time_point start_;
  const AgentIdentity self_;
  AgentCore core_;
  SeenFile seen_file_;
  std::deque<agent::OrderArrived> early_orders_;  // Of an epoch that is not on disk yet.
  PeerId scheduler_;
  std::string connected_to_;                            // What active_scheduler said then.
  Clock::time_point look_at_ = start_ + between_looks;  // Whether that has changed.
  bool was_welcome_ = false;
  agent::Time wake_at_{};
  RecentAttempts recent_;
  ForkServers fork_servers_;
  WorkerProcesses workers_;
  std::map<WorkerId, agent::WorkerNumber> numbers_;
  std::map<PeerId, agent::WorkerNumber> number_of_;
  std::map<Key, CommandProcess> commands_;
  LogCapture logs_;  // Of the commands.
  MemoryWatch memory_;
  Processors processors_;
  Clock::time_point prune_at_ = start_;
  std::vector<std::pair<agent::WorkerNumber, std::string>> failed_starts_;
  std::vector<AttemptReport> failed_commands_;
};

}  // namespace

Result<void> run_agent(const AgentOptions& options, Transport& transport) {
  Agent agent(options, transport);
  if (auto started = agent.start(); !started) return started;
  while (!agent.is_told_to_stop()) agent.turn();
  agent.end_commands();
  agent.say_goodbye();
  return {};
}

}  // namespace troupe
