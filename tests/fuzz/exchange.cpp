// What a scheduler's core makes of up to 50 frames, whoever sends them: all of its invariants hold, the work for one
// is bounded, and what it sends can be sent. Each is four bytes (who, how much later, how long it is) and the frame.
// What frames say is judged by admission; what the core then does is the simulator's to explore. Covers:
// scheduler/service/translate.cpp scheduler/core/admission.cpp
#include "runtime/base/check.h"
#include "scheduler/core/invariants.h"
#include "scheduler/service/translate.h"
#include "scheduler/sync/invariants.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

using namespace scheduler;

constexpr ClusterId cluster{1, 2};
constexpr std::uint32_t epoch = 3;
constexpr int most_frames = 50;

class Exchange {
 public:
  Exchange() : core_(settings(), {.cluster = cluster, .epoch = epoch}, now_) {}

  void takes(std::string_view frame, DriverId driver) {
    auto letters = decode(frame);
    if (!letters) return;
    for (auto& message : letters->messages) {
      const bool is_agents = is_of_agent(message);
      const auto event = event_of({letters->envelope, std::move(message)}, cluster, epoch, driver);
      if (!event) continue;
      TROUPE_CHECK(!is_agents || !std::holds_alternative<TasksSubmitted>(*event), "an agent submits nothing");
      step(*event, frame.size());
    }
  }
  void waits(Time duration) {
    now_ += duration;
    step(Tick{}, 0);
  }

 private:
  static Settings settings() {
    return {.most_input_bytes = 1000,
            .most_tasks = 50,
            .most_nodes = 3,
            .most_drivers = 3,
            .rejoin_grace = Time{100},
            .most_shapes = 8};
  }

  void step(const Event& event, std::size_t bytes) {
    const Effects effects = core_.step(now_, event);
    std::size_t tasks = 0;
    for (const auto& job : core_.jobs()) tasks += core_.tasks_of(job.id).size();
    TROUPE_CHECK(tasks <= 50, "no more tasks than the settings say");
    // Each may end and be told to each of three drivers, be stopped, begin again and be written.
    TROUPE_CHECK(effects.size() <= 100 + 10 * (tasks_before_ + tasks) + bytes, "what it does is bounded");
    tasks_before_ = tasks;
    std::string broken = broken_invariant(core_);
    if (broken.empty()) broken = broken_sync_invariant(core_.synchronisation());
    if (!broken.empty()) check_failed(__FILE__, __LINE__, "invariants", broken.c_str());
    for (Effect effect : effects) {
      const auto sent = message_of(std::move(effect), core_);
      if (sent) TROUPE_CHECK(decode(encode({cluster, epoch, 1}, sent->message)), "what is sent can be read");
    }
  }

  Time now_{1000};
  Scheduler core_;
  std::size_t tasks_before_ = 0;
};

/// A conversation in the making.
class Script {
 public:
  Script& says(std::uint8_t who, const message::Message& message, std::uint8_t later = 0) {
    const std::string frame = encode({cluster, epoch, 1}, message);
    bytes_ += static_cast<char>(who);
    bytes_ += static_cast<char>(later);
    bytes_ += static_cast<char>(frame.size() & 255);
    bytes_ += static_cast<char>(frame.size() >> 8);
    bytes_ += frame;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

const JobInfo own{{7}, "own", "/p", false};
const JobInfo graph{{8}, "graph", "/p", true};

TaskSpec task(JobId job, std::uint32_t number) {
  return {.id = {job, number}, .name = "t", .work = FunctionWork{"f", {}}};
}

/// A task of the graph that is the first of its kind to be wrong.
TaskSpec wrong(void (*spoil)(TaskSpec&)) {
  TaskSpec spec = task(graph.id, 1);
  spoil(spec);
  return spec;
}

std::vector<TaskSpec> gang_of(std::initializer_list<GangHint> members) {
  std::vector<TaskSpec> tasks;
  for (const GangHint& member : members) {
    tasks.push_back(task(graph.id, static_cast<std::uint32_t>(tasks.size() + 1)));
    tasks.back().gang = member;
  }
  return tasks;
}

/// What is refused, each for a reason of its own.
std::vector<std::vector<TaskSpec>> refused() {
  std::vector<std::vector<TaskSpec>> submits(1);  // A graph without tasks.
  for (void (*spoil)(TaskSpec&) : std::initializer_list<void (*)(TaskSpec&)>{
           [](TaskSpec& each) { each.needs.cpus = -1; },
           [](TaskSpec& each) { each.max_attempts = 0; },
           [](TaskSpec& each) { each.timeout = Time{-1}; },
           [](TaskSpec& each) { each.work = JoinWork{}; },
           [](TaskSpec& each) { each.retry = RetryRule{.delay = Time{-1}}; },
           [](TaskSpec& each) { each.retry = RetryRule{.exit_codes = std::vector<std::int32_t>(65, 1)}; },
           [](TaskSpec& each) {
             each.when = Condition{"a =", {}};
           },
           [](TaskSpec& each) {
             each.repeat = Repeat{{"own.x > 1", {{"own", 0}}}, 0};
           },
           [](TaskSpec& each) {
             each.repeat = Repeat{{"own.x >", {{"own", 0}}}, 3};
           },
           [](TaskSpec& each) {
             each.repeat = Repeat{{"own.x > 1", {{"own", 0}}}, 3};
             each.work = ActorWork{"A", {}};
           },
           [](TaskSpec& each) {
             each.repeat = Repeat{{"own.x > 1", {{"own", 0}}}, 3};
             each.gang = GangHint{.gang = 1};
           },
           [](TaskSpec& each) {
             each.cache = true;
             each.gang = GangHint{.gang = 1};
           },
           [](TaskSpec& each) {
             each.inputs = {{graph.id, 1}};
           },
           [](TaskSpec& each) {
             each.semaphores = {{"s", 0}};
           },
           [](TaskSpec& each) {
             each.work = FunctionWork{"f", {InputRef{5}}};
           },
           [](TaskSpec& each) {
             each.work = CommandWork{.argv = {"c"}, .results = {{"a", 5}}};
           },
           [](TaskSpec& each) {
             each.gang = GangHint{.gang = 1};
             each.locks = {"x"};
           },
           [](TaskSpec& each) {
             each.after = {{graph.id, 99}};
           },
           [](TaskSpec& each) {
             each.after = {{own.id, 1}};
           },
           [](TaskSpec& each) { each.after = {each.id}; },
           [](TaskSpec& each) { each.id.job = own.id; },
           [](TaskSpec& each) { each.name.assign(2000, 'n'); },
           [](TaskSpec& each) { each.needs.cpus = 99'000; },
           [](TaskSpec& each) { each.needs.gpus = 1000; },
       })
    submits.push_back({wrong(spoil)});
  submits.push_back(gang_of({{.gang = 1, .size = 1, .rank = 2}}));
  submits.push_back(gang_of({{.gang = 1, .bytes_to_next = -1}}));
  submits.push_back(gang_of({{.gang = 1, .size = 2, .stages = 3}}));
  submits.push_back(gang_of({{.gang = 1, .size = 2}}));
  submits.push_back(gang_of({{.gang = 1, .size = 2}, {.gang = 1, .size = 3, .rank = 1}}));
  submits.push_back(gang_of({{.gang = 1, .size = 2}, {.gang = 1, .size = 2}}));
  submits.push_back(
      gang_of({{.gang = 1, .size = 3}, {.gang = 1, .size = 3, .rank = 1}, {.gang = 1, .size = 3, .rank = 2}}));
  submits.push_back({task(graph.id, 1), task(graph.id, 1)});
  submits.emplace_back(51, task(graph.id, 1));
  for (std::uint32_t number = 0; TaskSpec & each : submits.back()) each.id.number = ++number;
  TaskSpec actor = task(graph.id, 1);
  actor.work = ActorWork{.type = "A", .arguments = {}, .registers_name = true};
  TaskSpec same_name = actor;
  same_name.id.number = 2;
  submits.push_back({actor, same_name});
  return submits;
}

}  // namespace

void run(std::string_view bytes) {
  Exchange exchange;
  for (int frames = 0; frames < most_frames && bytes.size() >= 4; ++frames) {
    const auto at = [&](std::size_t place) { return static_cast<std::uint8_t>(bytes[place]); };
    if (at(1) > 0) exchange.waits(Time{100 * at(1)});
    const std::string_view frame = bytes.substr(4, at(2) + 256u * at(3));
    exchange.takes(frame, DriverId{at(0) % 4u});
    bytes.remove_prefix(4 + frame.size());
  }
  exchange.waits(Time{60'000});
}

std::vector<std::string> seeds() {
  const auto report = [](TaskId task, std::uint32_t number, AttemptEnd end) {
    return message::Report{{1}, 1, {.task = task, .attempt = {epoch, number}, .end = end}};
  };
  const message::AgentJoin joins{{1}, 1, "a", {.cpus = 2000, .gpus = {{.index = 0}}}, {}};
  const message::DriverHello hello{{1}, own};

  std::vector<TaskSpec> pair{task({7}, 1), task({7}, 2)};
  for (std::uint32_t rank = 0; rank < 2; ++rank) pair[rank].gang = GangHint{.gang = 1, .size = 2, .rank = rank};
  TaskSpec holder = task({7}, 3);
  holder.locks = {"x"};
  TaskSpec after = task({8}, 2);
  after.after = {{{8}, 1}};
  after.inputs = {{{8}, 1}};
  TaskSpec actor = task({7}, 4);
  actor.work = ActorWork{"A", {}};
  actor.needs = {.cpus = 0, .gpus = 500};
  Script wrongly;
  wrongly.says(0, joins, 255).says(1, hello);
  std::uint64_t request = 0;
  for (auto tasks : refused()) {
    ++request;
    for (TaskSpec& each : tasks) {  // None of them is known by the time: what is accepted hides nothing behind it.
      each.id.number += 100 * static_cast<std::uint32_t>(request);
      for (TaskId& before : each.after) before.number += 100 * static_cast<std::uint32_t>(request);
    }
    wrongly.says(1, message::Submit{request, graph, tasks, {}});
  }
  TaskSpec other_name = task(graph.id, 1);
  other_name.name = "u";
  TaskSpec chooses = task(own.id, 9);
  chooses.cache = true;
  TaskSpec last = after;
  last.id.number = 3;
  last.after = {after.id};
  last.inputs = {};
  wrongly.says(1, message::Submit{90, graph, {task(graph.id, 1), after, last}, {}})
      .says(1, message::Submit{91, graph, {other_name}, {}})
      .says(1, message::Submit{92, graph, {task(graph.id, 7)}, {graph.id, 2}})
      .says(1, message::Submit{93, own, {chooses}, {}})
      .says(1, message::Submit{94, {graph.id, "graph", "/p", false}, {}, {}})
      .says(2, message::Submit{95, own, {task(own.id, 1)}, {}})
      .says(0, report({graph.id, 1}, 1, AttemptEnd::failed), 1);
  return {
      wrongly.bytes(),
      Script()
          .says(1, hello)
          .says(0, joins)
          .says(1, message::Submit{1, own, pair, {}})
          .says(0, report({{7}, 1}, 1, AttemptEnd::failed), 1)
          .says(1, message::Cancel{2, {{7}, 2}})
          .says(1, message::Release{{{{7}, 1}, {{7}, 2}}})
          .bytes(),
      Script()
          .says(0, joins)
          .says(1, hello, 10)
          .says(1, message::Submit{1, graph, {task({8}, 1), after}, {}})
          .says(0, report({{8}, 1}, 1, AttemptEnd::done), 1)
          .says(0, message::AgentHeartbeat{{1}, 1, {}}, 5)
          .says(1, message::Drain{3, {1}, true})
          .says(0, message::AgentBye{{1}, 1}, 1)
          .bytes(),
      Script()
          .says(1, hello)
          .says(0, joins)
          .says(1, message::Synchronise{{}, {}, 0, {{1, sync::Acquire{.name = "x"}}, {2, sync::Send{"q", "m"}}}}, 60)
          .says(1, message::Submit{1, own, {holder, actor}, {}})
          .says(0, message::ActorReady{{1}, 1, {{7}, 4}, {epoch, 1}, "addr"})
          .says(1, message::Synchronise{{}, {}, 1, {{3, sync::Receive{.queue = "q"}}, {4, sync::Release{}}}})
          .says(1, message::DriverBye{})
          .bytes(),
  };
}

}  // namespace troupe::fuzz
