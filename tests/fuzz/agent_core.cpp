// What an agent decides, whatever its workers say: reports of what they were never given, waits and starts of anybody,
// doubled, too early, too late. The scheduler's orders keep to the rules but not to the node's room. Nothing runs
// twice, all that is ordered is reported, and the node's memory is never granted twice.
// Covers: runtime/agent/agent_core.cpp runtime/agent/agent_core_workers.cpp runtime/agent/awaited.cpp
// runtime/agent/lending.cpp
#include "runtime/agent/agent_core.h"

#include <set>

#include "runtime/base/check.h"
#include "runtime/base/overloaded.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

using namespace agent;

using Key = std::pair<TaskId, AttemptId>;

constexpr ClusterId cluster{1, 2};
constexpr std::int64_t memory = 1000;

class Node {
 public:
  explicit Node(std::string_view bytes) : tape_(bytes), core_(settings(), now_) {}

  void play() {
    for (int steps = 0; steps < 400 && !tape_.is_over(); ++steps) play_one(tape_.byte());
    end_all();
  }

 private:
  static AgentSettings settings() {
    return {.capacity = {.cpus = 2000, .memory_bytes = memory},
            .seen = {.cluster = cluster},
            .heartbeat_interval = Time{50},
            .idle_timeout = Time{1'000},
            .most_idle_workers = 1,
            .most_given_to_worker = 3,
            .shared_workers = 1,
            .most_sharing_a_worker = 2,
            .awaiting_patience = Time{200},
            .most_input_bytes = 100,
            .kill_grace = Time{300},
            .start_timeout = Time{2'000},
            .worker_timeout = Time{1'000},
            .most_lending = 1,
            .lending_patience = Time{400},
            .most_ended_attempts = 3};
  }

  void play_one(std::uint8_t what) {
    switch (what % 13) {
      case 0: return order(tape_.byte());
      case 1: return step(StopArrived{age_, some_task(), first_});
      case 2: return step(ReportAcknowledged{age_, some_task(), first_});
      case 3: return step(Welcomed{age_});
      case 4: return step(AskedToJoin{age_});
      case 5: return pass(tape_.byte());
      case 6: return step(WorkerReady{some_worker()});
      case 7: return exit_worker(some_worker());
      case 8: return report();
      case 9: return wait();
      case 10: {
        const WorkerNumber worker = some_worker();
        return step(ActorUp{worker, task_of(worker), first_, "a"});
      }
      case 11: return exit_command({some_task(), first_}, static_cast<AttemptEnd>(tape_.byte() % 4));
      case 12: return age();
    }
  }

  /// Mostly one that lives.
  WorkerNumber some_worker() {
    const std::uint8_t which = tape_.byte();
    if (which >= 224 || workers_.empty()) return which % 16u;
    return *std::next(workers_.begin(), which % static_cast<std::ptrdiff_t>(workers_.size()));
  }
  /// Mostly one that the worker was given.
  TaskId task_of(WorkerNumber worker) {
    const auto& given = given_[worker];
    if (given.empty()) return some_task();
    const std::uint8_t which = tape_.byte();
    return which >= 224 ? some_task() : given[given.size() - 1 - which % given.size()].first;
  }
  TaskId some_task() { return {JobId{7}, 1 + tape_.byte() % std::max(ordered_ + 1, 1u)}; }

  /// One long turn, or many short ones.
  void pass(std::uint8_t how) {
    for (int turns = how < 128 ? how % 32 : 1; turns > 0; --turns) {
      now_ += Time{how < 128 ? 40 : 10 * (how - 128)};
      step(Tick{});
    }
  }

  /// Of a task that it has not had yet; kind and needs in one byte.
  void order(std::uint8_t kind) {
    const TaskId task{JobId{7}, ++ordered_};
    RunOrder order{.task = task, .attempt = first_, .name = "t", .program = "/p", .grant = {.cpus = 1000 * (kind % 3)}};
    order.grant.memory_bytes = (kind & 64) != 0 ? memory / 2 : 0;
    order.ahead = (kind & 128) != 0;
    const std::uint8_t more = tape_.byte();
    if ((more & 1) != 0) order.timeout = Time{500};
    Boxed<RuntimeEnvironment> environment;
    if ((more & 2) != 0) environment = RuntimeEnvironment{.max_tasks = 2};
    switch (kind / 3 % 4) {
      case 0: order.work = ActorWork{.type = "A", .arguments = {}, .shares_worker = (more & 4) != 0}; break;
      case 1: order.work = CommandWork{.argv = {"c"}}; break;
      default: order.work = FunctionWork{"f", {}, environment}; break;
    }
    if (std::holds_alternative<FunctionWork>(order.work)) {
      for (int others = more / 8 % 4; others > 0; --others) {
        const TaskId awaited = some_task();
        if (awaited == task || awaited.number > ordered_) continue;
        order.ahead = true;
        order.awaits.push_back({awaited, first_, (more & 64) != 0 ? 0 : Awaited::no_input});
      }
      order.inputs.resize(1);
    }
    known_.insert({task, first_});
    step(OrderArrived{age_, order});
    if ((more & 128) != 0) step(OrderArrived{age_, std::move(order)});
  }

  void report() {
    const WorkerNumber worker = some_worker();
    AttemptReport report{.task = task_of(worker), .attempt = first_};
    const std::uint8_t how = tape_.byte();
    report.end = static_cast<AttemptEnd>(how % 5);
    report.result = Bytes(std::string(how / 8, 'r'));
    step(ReportArrived{worker, std::move(report), tape_.byte()});
  }

  void wait() {
    const WorkerNumber worker = some_worker();
    TaskWaits told{worker, task_of(worker), first_};
    const std::uint8_t how = tape_.byte();
    told.waits = (how & 1) != 0;
    for (int returned = how / 2 % 4; returned > 0; --returned) told.returned.emplace_back(task_of(worker), first_);
    step(std::move(told));
  }

  /// The scheduler's store goes on, or is an older one, or another's.
  void age() {
    const std::uint8_t how = tape_.byte();
    StoreAge other = age_;
    if (how % 4 == 0) other.cluster = {};
    if (how % 4 == 1 && other.commit_seq > 0) --other.commit_seq;
    if (how % 4 == 2) ++age_.epoch;
    if (how % 4 == 3) ++age_.commit_seq;
    step(agent::HeartbeatTaken{how % 4 < 2 ? other : age_});
  }

  void exit_worker(WorkerNumber number) {
    if (workers_.erase(number) == 0) return step(WorkerExited{number});
    const std::uint8_t how = tape_.byte();
    WorkerExited exited{number, {.exit_code = how & 1}, how / 2u % 8u};
    if (how >= 128) exited.blamed = {how % 3u, how % 5u};
    step(std::move(exited));
  }

  void exit_command(Key key, AttemptEnd end) {
    commands_.erase(key);
    step(CommandExited{{.task = key.first, .attempt = key.second, .end = end}});
  }

  /// Whoever keeps silent from now on, and whatever was said: each is reported when its process is gone.
  void end_all() {
    for (int rounds = 0; rounds < 1000 && reported_.size() < known_.size(); ++rounds) {
      for (const Key& key : known_)
        if (!reported_.contains(key)) step(StopArrived{age_, key.first, key.second});
      now_ += Time{1'000};
      step(Tick{});
      const auto workers = workers_;
      for (const WorkerNumber worker : workers) exit_worker(worker);
      const auto commands = commands_;
      for (const Key& key : commands) exit_command(key, AttemptEnd::failed);
    }
    TROUPE_CHECK(reported_ == known_, "all that was ordered, or stopped, is reported");
  }

  void step(Event event) {
    if (const auto* stop = std::get_if<StopArrived>(&event)) known_.insert({stop->task, stop->attempt});
    if (const auto* waits = std::get_if<TaskWaits>(&event)) has_waited_ |= waits->waits;
    auto& effects = core_.step(now_, std::move(event));
    for (auto& effect : effects) std::visit([this](auto& each) { take(each); }, effect);
    TROUPE_CHECK(core_.attempts() <= known_.size(), "it makes no attempts up");
    TROUPE_CHECK(reported_ != known_ || !core_.has_work_in_line(), "nothing waits when all has ended");
    std::int64_t bytes = 0;
    Milli cpus = 0;
    for (const auto& [key, grant] : core_.grants_in_use()) {
      bytes += grant.memory_bytes;
      cpus += grant.cpus;
    }
    TROUPE_CHECK(bytes <= memory, "memory is granted once");
    TROUPE_CHECK(has_waited_ || cpus <= 2000, "cpus are granted once, unless tasks wait");
  }

  void take(const StartWorker& start) {
    TROUPE_CHECK(workers_.insert(start.worker).second, "a worker's number is used once");
    TROUPE_CHECK(workers_.size() < 1000, "it starts no more workers than it has work for");
  }
  void take(const GiveOrder& given) {
    const Key key{given.order.task, given.order.attempt};
    TROUPE_CHECK(workers_.contains(given.worker), "an order goes to a worker that lives");
    TROUPE_CHECK(known_.contains(key) && !reported_.contains(key), "what has ended is not begun again");
    given_[given.worker].push_back(key);
  }
  void take(const StartCommand& start) {
    const Key key{start.order.task, start.order.attempt};
    TROUPE_CHECK(!reported_.contains(key) && commands_.insert(key).second, "a command is started once");
  }
  void take(const KillWorker& kill) { TROUPE_CHECK(workers_.contains(kill.worker), "it kills what lives"); }
  void take(const KillCommand& kill) {
    TROUPE_CHECK(commands_.contains({kill.task, kill.attempt}), "it kills what lives");
  }
  void take(const SendReport& sent) { reported_.insert({sent.report.task, sent.report.attempt}); }
  void take(const auto&) {}

  Tape tape_;
  Time now_{0};
  AgentCore core_;
  StoreAge age_{cluster, 1, 1};
  const AttemptId first_{1, 1};
  std::uint32_t ordered_ = 0;
  bool has_waited_ = false;
  std::set<Key> known_;
  std::set<Key> reported_;
  std::set<WorkerNumber> workers_;
  std::map<WorkerNumber, std::vector<Key>> given_;
  std::set<Key> commands_;
};

}  // namespace

void run(std::string_view bytes) { Node(bytes).play(); }

std::vector<std::string> seeds() {
  const auto tape = [](std::initializer_list<int> bytes) {
    std::string text;
    for (const int byte : bytes) text += static_cast<char>(byte);
    return text;
  };
  constexpr int given = 0, stopped = 1, acknowledged = 2, welcomed = 3, passes = 5, ready = 6, exits = 7, reports = 8,
                waits = 9, up = 10, command_ends = 11;
  constexpr int function = 7, behind = function + 128, actor = 1, command = 4;
  return {
      // Two functions in one worker, of which the first waits and goes on, and the second has its cpu meanwhile.
      tape({welcomed, given,  function, 0,     given,   function, 0, ready,  0, ready,        1,
            given,    behind, 0,        waits, 0,       0,        1, passes, 3, ready,        2,
            waits,    0,      0,        0,     reports, 0,        0, 0,      0, acknowledged, 0}),
      // One that awaits a result of the other worker, and reports before it.
      tape({given, function, 0, given, function, 0, ready, 0, ready, 1,       given, behind, 8 + 64, 0, reports,
            1,     1,        0, 0,     reports,  1, 0,     0, 0,     reports, 0,     0,      8,      1}),
      // One that waits for a result in vain, while its worker says each heartbeat that it lives.
      tape({given, function, 0, given, function, 0,      ready,  0,     ready, 1,      given, behind, 8,
            0,     reports,  1, 1,     0,        0,      passes, 1,     ready, 1,      ready, 0,      passes,
            2,     ready,    1, ready, 0,        passes, 3,      ready, 0,     passes, 40}),
      // Actors that share a worker, one of which is stopped and does not end; and a command.
      tape({given, actor,   4, given,  actor, 4,     ready, 0,   up,           0, 0, stopped, 0,
            given, command, 0, passes, 9,     exits, 0,     130, command_ends, 2, 0}),
  };
}

}  // namespace troupe::fuzz
