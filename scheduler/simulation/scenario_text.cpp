#include "scheduler/simulation/scenario_text.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "scheduler/simulation/planted_bugs.h"

namespace troupe::scheduler::sim {
namespace {

constexpr const char* fault_names[] = {"agent_crash",      "node_cut",        "node_deaf",         "node_mute",
                                       "node_clog",        "node_gone",       "scheduler_crash",   "store_cut",
                                       "store_crash",      "store_slow",      "store_rolled_back", "store_foreign",
                                       "second_scheduler", "scheduler_pause", "clock_jump"};
static_assert(std::size(fault_names) == static_cast<std::size_t>(last_fault_kind) + 1);
constexpr const char* work_names[] = {"function", "actor", "command", "join"};
constexpr const char* policy_names[] = {"data", "model", "mesh"};
constexpr std::uint32_t most_gpus = 64;  // Of a node; a number costs a byte, that many of them memory.

/// `named` fields are one of a list of words, by their place in it.
struct Named {
  int& value;
  std::span<const char* const> names;
  bool is_always_told = false;
};

/// Writes the fields of a line that are not as by default.
class LineWriter {
 public:
  explicit LineWriter(const char* word) : line_(word) {}

  template <std::integral Number>
  void operator()(const char* key, Number& value, Number otherwise) {
    if (value != otherwise) put(key, std::to_string(value));
  }
  void operator()(const char* key, Time& value, Time otherwise) {
    if (value != otherwise) put(key, std::to_string(value.count()));
  }
  void operator()(const char* key, std::vector<std::uint32_t>& values) {
    std::string list;
    for (const auto value : values) list += (list.empty() ? "" : ",") + std::to_string(value);
    if (!list.empty()) put(key, list);
  }
  /// Spaces are written as underscores, of which the text has none.
  void operator()(const char* key, std::string& text) {
    std::string word = text;
    std::replace(word.begin(), word.end(), ' ', '_');
    if (!word.empty()) put(key, word);
  }
  void operator()(const char* key, Named named) {
    if (named.value != 0 || named.is_always_told) put(key, named.names[static_cast<std::size_t>(named.value)]);
  }

  std::string take() { return std::move(line_) + '\n'; }

 private:
  void put(const char* key, const std::string& value) { line_ += std::string(" ") + key + '=' + value; }
  std::string line_;
};

/// Reads them; what is left in `pairs` nobody asked for.
class LineReader {
 public:
  explicit LineReader(std::string_view rest) {
    for (std::size_t at = 0; at < rest.size();) {
      const std::size_t end = std::min(rest.find(' ', at), rest.size());
      const std::string_view word = rest.substr(at, end - at);
      if (!word.empty())
        pairs_[std::string(word.substr(0, word.find('=')))] =
            word.find('=') == std::string_view::npos ? "" : word.substr(word.find('=') + 1);
      at = end + 1;
    }
  }

  template <std::integral Number>
  void operator()(const char* key, Number& value, Number otherwise) {
    const auto text = take(key);
    value = text ? number<Number>(key, *text) : otherwise;
  }
  void operator()(const char* key, bool& value, bool otherwise) {
    const auto text = take(key);
    value = text ? number<int>(key, *text) != 0 : otherwise;
  }
  void operator()(const char* key, Time& value, Time otherwise) {
    const auto text = take(key);
    value = text ? Time{number<std::int64_t>(key, *text)} : otherwise;
  }
  void operator()(const char* key, std::vector<std::uint32_t>& values) {
    const std::string_view list = take(key).value_or("");
    values.clear();
    for (std::size_t at = 0; at < list.size();) {
      const std::size_t end = std::min(list.find(',', at), list.size());
      values.push_back(number<std::uint32_t>(key, list.substr(at, end - at)));
      at = end + 1;
    }
  }
  void operator()(const char* key, std::string& text) {
    text = take(key).value_or("");
    std::replace(text.begin(), text.end(), '_', ' ');
  }
  void operator()(const char* key, Named named) {
    const auto text = take(key);
    const auto found = std::find(named.names.begin(), named.names.end(), text.value_or(named.names[0]));
    if (found == named.names.end())
      fault_ = "found '" + std::string(*text) + "' for " + key;
    else
      named.value = static_cast<int>(found - named.names.begin());
  }

  /// What is wrong with the line; empty: nothing.
  std::string fault() const {
    if (!fault_.empty() || pairs_.empty()) return fault_;
    return "unknown key '" + pairs_.begin()->first + '\'';
  }

 private:
  std::optional<std::string_view> take(const char* key) {
    const auto pair = pairs_.extract(key);
    return pair.empty() ? std::nullopt : std::optional(pair.mapped());
  }
  template <class Number>
  Number number(const char* key, std::string_view text) {
    Number value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size())
      fault_ = "found '" + std::string(text) + "' for " + key + ", expected a number";
    return value;
  }

  std::map<std::string, std::string_view> pairs_;
  std::string fault_;
};

// --- the lines: one function each, for writing and for reading -------------------------------------------------------

struct ScenarioLine {
  Scenario& scenario;
};
template <class Line>
void fields(Line& line, ScenarioLine its) {
  Scenario& scenario = its.scenario;
  line("seed", scenario.seed, std::uint64_t{0});
  line("faults_until", scenario.faults_until, Time{0});
  line("most_lost_attempts", scenario.most_lost_attempts, std::int32_t{3});
  line("events_between_scans", scenario.events_between_scans, std::uint64_t{1000});
  line("has_standby", scenario.has_standby, false);
  line("clock_permille", scenario.scheduler_clock_permille, 1000);
  std::vector<const char*> bugs{"none"};
  for (const auto& bug : planted_bugs()) bugs.push_back(bug.name.data());
  int planted = 0;
  for (std::size_t i = 0; i < planted_bugs().size(); ++i)
    if (planted_bugs()[i].bug == scenario.planted) planted = static_cast<int>(i) + 1;
  line("planted", Named{planted, bugs});
  scenario.planted = planted == 0 ? Planted::none : planted_bugs()[static_cast<std::size_t>(planted) - 1].bug;
}

template <class Line>
void fields(Line& line, Timing& timing) {
  const Timing otherwise;
  line("heartbeat", timing.heartbeat, otherwise.heartbeat);
  line("node_timeout", timing.node_timeout, otherwise.node_timeout);
  line("rejoin_grace", timing.rejoin_grace, otherwise.rejoin_grace);
  line("line_patience", timing.line_patience, otherwise.line_patience);
  line("ask_again", timing.ask_again, otherwise.ask_again);
  line("driver_timeout", timing.driver_timeout, otherwise.driver_timeout);
  line("idle_timeout", timing.idle_timeout, otherwise.idle_timeout);
  line("kill_grace", timing.kill_grace, otherwise.kill_grace);
  line("lease", timing.lease, otherwise.lease);
  line("sync_lease", timing.sync_lease, otherwise.sync_lease);
  line("store_patience", timing.store_patience, otherwise.store_patience);
}

template <class Line>
void fields(Line& line, Weather& weather) {
  const Weather otherwise;
  line("shortest_delay", weather.shortest_delay, otherwise.shortest_delay);
  line("longest_delay", weather.longest_delay, otherwise.longest_delay);
  line("reorders", weather.reorders, false);
  line("lost_permille", weather.lost_permille, 0);
  line("doubled_permille", weather.doubled_permille, 0);
  line("worker_dies_permille", weather.worker_dies_permille, 0);
  line("worker_stops_permille", weather.worker_stops_permille, 0);
  line("longest_commit", weather.longest_commit, otherwise.longest_commit);
  line("uses_codec", weather.uses_codec, false);
}

/// The one label that there is.
template <class Line>
void zone_field(Line& line, Labels& labels) {
  std::string zone = labels.empty() ? "" : labels.front().second;
  line("zone", zone);
  labels = {};
  if (!zone.empty()) labels = {{"zone", zone}};
}

template <class Line>
void fields(Line& line, NodePlan& node) {
  line("cpus", node.capacity.cpus, Milli{0});
  line("memory_bytes", node.capacity.memory_bytes, std::int64_t{1} << 20);
  auto gpus = static_cast<std::uint32_t>(node.capacity.gpus.size());
  line("gpus", gpus, std::uint32_t{0});
  node.capacity.gpus.clear();
  for (std::uint32_t i = 0; i < std::min(gpus, most_gpus); ++i)
    node.capacity.gpus.push_back({.index = i, .uuid = "gpu" + std::to_string(i), .memory_bytes = 1000});
  zone_field(line, node.capacity.labels);
  line("clock_permille", node.clock_permille, 1000);
}

template <class Line>
void fields(Line& line, Fault& fault) {
  int kind = static_cast<int>(fault.kind);
  line("kind", Named{kind, fault_names, true});
  fault.kind = static_cast<FaultKind>(kind);
  line("at", fault.at, Time{0});
  line("lasts", fault.lasts, Time{0});
  line("target", fault.target, std::uint32_t{0});
}

template <class Line>
void fields(Line& line, DriverPlan& driver) {
  line("starts_at", driver.starts_at, Time{0});
  Time dies_at = driver.dies_at.value_or(Time{0});
  line("dies_at", dies_at, Time{0});
  driver.dies_at = dies_at == Time{0} ? std::nullopt : std::optional(dies_at);
}

template <class Line>
void fields(Line& line, ClientPlan& client) {
  line("starts_at", client.starts_at, Time{0});
  line("steps", client.steps, 4);
  line("rounds", client.rounds, 0);
  Time dies_at = client.dies_at.value_or(Time{0});
  line("dies_at", dies_at, Time{0});
  client.dies_at = dies_at == Time{0} ? std::nullopt : std::optional(dies_at);
}

template <class Line>
void fields(Line& line, PlannedDrain& drain) {
  line("at", drain.at, Time{0});
  line("lasts", drain.lasts, Time{0});
  line("node", drain.node, std::uint32_t{0});
}

template <class Line>
void fields(Line& line, PlannedBatch& batch) {
  line("at", batch.at, Time{0});
  line("durable", batch.job.durable, false);
  line("from", batch.from.number, std::uint32_t{0});
  line("is_nested", batch.is_nested, false);
}

std::vector<std::uint32_t> numbers_of(const std::vector<TaskId>& tasks) {
  std::vector<std::uint32_t> numbers;
  for (const TaskId task : tasks) numbers.push_back(task.number);
  return numbers;
}

/// As conditions of scenarios are: about all of `inputs`, named r0, r1, …
Condition condition_on(std::string text, std::size_t inputs) {
  Condition condition{.text = std::move(text)};
  for (std::uint32_t i = 0; i < inputs; ++i) condition.results.emplace_back("r" + std::to_string(i), i);
  return condition;
}

template <class Line>
void fields(Line& line, RetryRule& rule) {
  Time delay = rule.delay;
  Time longest = rule.longest_delay;
  line("retry_delay", delay, Time{0});
  line("longest_delay", longest, Time{0});
  rule.delay = delay;
  rule.longest_delay = longest;
  for (auto& [key, causes] : {std::pair{"retry_on_exit", &rule.exit_codes}, {"retry_on_signal", &rule.signals}}) {
    std::vector<std::uint32_t> list(causes->begin(), causes->end());
    line(key, list);
    causes->assign(list.begin(), list.end());
  }
}

/// How a task takes its turn, chooses and tries again.
template <class Line>
void control_fields(Line& line, TaskSpec& spec) {
  line("priority", spec.priority, std::int32_t{0});
  line("preemptible", spec.preemptible, false);
  line("spreads", spec.spreads, false);
  line("cache", spec.cache, false);
  line("timeout", spec.timeout, Time{0});
  RetryRule rule = spec.retry ? *spec.retry : RetryRule{};
  fields(line, rule);
  spec.retry.reset();
  if (rule != RetryRule{}) spec.retry = rule;
  std::string when = spec.when ? spec.when->text : "";
  line("when", when);
  spec.when.reset();
  if (!when.empty()) spec.when = condition_on(when, spec.inputs.size());
  Repeat repeat = spec.repeat ? *spec.repeat : Repeat{.at_most = 0};
  line("repeat_while", repeat.condition.text);
  line("repeat_at_most", repeat.at_most, std::uint32_t{0});
  spec.repeat.reset();
  if (repeat.at_most > 0) spec.repeat = Repeat{{repeat.condition.text, {{"own", 0}}}, repeat.at_most};
  std::string lock = spec.locks.empty() ? "" : spec.locks.front();
  line("lock", lock);
  spec.locks.clear();
  if (!lock.empty()) spec.locks.push_back(lock);
  SemaphoreNeed need = spec.semaphores.empty() ? SemaphoreNeed{} : spec.semaphores.front();
  line("semaphore", need.name);
  line("permits", need.permits, std::uint32_t{1});
  spec.semaphores.clear();
  if (!need.name.empty()) spec.semaphores.push_back(need);
}

/// It takes the results of all that it comes after, but for the `unread`.
template <class Line>
void edge_fields(Line& line, TaskSpec& spec) {
  auto after = numbers_of(spec.inputs);
  std::vector<std::uint32_t> unread;
  for (const TaskId before : spec.after)
    if (std::find(after.begin(), after.end(), before.number) == after.end()) unread.push_back(before.number);
  line("after", after);
  line("unread", unread);
  spec.after.clear();
  for (const auto number : after) spec.after.push_back({spec.id.job, number});
  spec.inputs = spec.after;
  for (const auto number : unread) spec.after.push_back({spec.id.job, number});
}

struct TaskLine {
  TaskSpec& spec;
  TaskScript& script;
};
template <class Line>
void fields(Line& line, TaskLine its) {
  TaskSpec& spec = its.spec;
  line("number", spec.id.number, std::uint32_t{0});
  edge_fields(line, spec);
  line("cpus", spec.needs.cpus, Milli{1000});
  line("gpus", spec.needs.gpus, Milli{0});
  line("memory_bytes", spec.needs.memory_bytes, std::int64_t{0});
  line("gpu_memory_bytes", spec.needs.gpu_memory_bytes, std::int64_t{0});
  zone_field(line, spec.needs.labels);
  int work = static_cast<int>(spec.work.index());
  line("work", Named{work, work_names});
  bool shares_worker = spec.is_actor() && std::get<ActorWork>(spec.work).shares_worker;
  line("shares_worker", shares_worker, false);
  if (work == 0) spec.work = FunctionWork{"f", {}};
  if (work == 1) spec.work = ActorWork{"A", {}, shares_worker};
  if (work == 2) spec.work = CommandWork{.argv = {"true"}};
  if (work == 3) spec.work = JoinWork{};
  line("max_attempts", spec.max_attempts, std::int32_t{1});
  GangHint gang = spec.gang ? *spec.gang : GangHint{};
  line("gang", gang.gang, std::uint32_t{0});
  line("size", gang.size, std::uint32_t{1});
  line("rank", gang.rank, std::uint32_t{0});
  int policy = static_cast<int>(gang.policy);
  line("policy", Named{policy, policy_names});
  gang.policy = static_cast<GangPolicy>(policy);
  line("bytes_to_next", gang.bytes_to_next, std::int64_t{0});
  line("stages", gang.stages, std::uint32_t{1});
  spec.gang.reset();
  if (gang.gang != 0) spec.gang = gang;
  control_fields(line, spec);
  line("lasts", its.script.duration, Time{10});
  line("failures", its.script.failures, 0);
  line("kills", its.script.kills, false);
  line("waits_for", its.script.waits_for.number, std::uint32_t{0});
  if (its.script.waits_for.number != 0) its.script.waits_for.job = spec.id.job;
  spec.name = 't' + std::to_string(spec.id.number);
}

template <class Line>
void fields(Line& line, PlannedCancel& cancel) {
  line("at", cancel.at, Time{0});
  line("job", cancel.task.job.value, std::uint64_t{0});
  line("task", cancel.task.number, std::uint32_t{0});
}

template <class Thing>
void write(std::string& text, const char* word, Thing&& thing) {
  LineWriter line(word);
  fields(line, thing);
  text += line.take();
}

/// Reads line after line into the scenario; what belongs to a driver or a batch stands below it.
class Reading {
 public:
  std::string take(std::string_view line) {
    const std::string_view word = line.substr(0, line.find(' '));
    LineReader reader(line.substr(word.size()));
    if (word == "scenario")
      fields(reader, ScenarioLine{scenario});
    else if (word == "timing")
      fields(reader, scenario.timing);
    else if (word == "weather")
      fields(reader, scenario.weather);
    else if (word == "node")
      fields(reader, scenario.nodes.emplace_back());
    else if (word == "fault")
      fields(reader, scenario.faults.emplace_back());
    else if (word == "client")
      fields(reader, scenario.clients.emplace_back());
    else if (word == "drain")
      fields(reader, scenario.drains.emplace_back());
    else if (word == "driver")
      fields(reader, add_driver());
    else if (scenario.drivers.empty())
      return "found '" + std::string(word) + "' before the first driver";
    else if (word == "batch")
      add_batch(reader);
    else if (word == "cancel")
      fields(reader, scenario.drivers.back().cancels.emplace_back());
    else if (word != "task")
      return "found '" + std::string(word) + "', expected what a line begins with";
    else if (scenario.drivers.back().batches.empty())
      return "found a task before the first batch";
    else
      add_task(reader);
    return reader.fault();
  }

  Scenario scenario;

 private:
  DriverPlan& add_driver() {
    const std::uint64_t number = scenario.drivers.size();
    return scenario.drivers.emplace_back(
        DriverPlan{.own = {.id = {2 * number + 1}, .name = "driver", .program = "/bin/driver"}});
  }
  void add_batch(LineReader& reader) {
    DriverPlan& driver = scenario.drivers.back();
    PlannedBatch& batch = driver.batches.emplace_back();
    fields(reader, batch);
    batch.job = batch.job.durable
                    ? JobInfo{.id = {driver.own.id.value + 1}, .name = "graph", .program = {}, .durable = true}
                    : driver.own;
    if (batch.from.number != 0) batch.from.job = batch.job.id;
  }
  void add_task(LineReader& reader) {
    PlannedBatch& batch = scenario.drivers.back().batches.back();
    TaskSpec& spec = batch.tasks.emplace_back();
    spec.id.job = batch.job.id;
    fields(reader, TaskLine{spec, batch.scripts.emplace_back()});
  }
};

}  // namespace

const char* to_text(FaultKind kind) { return fault_names[static_cast<std::size_t>(kind)]; }

std::string to_text(const Scenario& given) {
  Scenario scenario = given;  // the fields of a line are read and written by one function
  std::string text;
  write(text, "scenario", ScenarioLine{scenario});
  write(text, "timing", scenario.timing);
  write(text, "weather", scenario.weather);
  for (auto& node : scenario.nodes) write(text, "node", node);
  for (auto& fault : scenario.faults) write(text, "fault", fault);
  for (auto& client : scenario.clients) write(text, "client", client);
  for (auto& drain : scenario.drains) write(text, "drain", drain);
  for (auto& driver : scenario.drivers) {
    write(text, "driver", driver);
    for (auto& batch : driver.batches) {
      write(text, "batch", batch);
      for (std::size_t i = 0; i < batch.tasks.size(); ++i)
        write(text, "task", TaskLine{batch.tasks[i], batch.scripts[i]});
    }
    for (auto& cancel : driver.cancels) write(text, "cancel", cancel);
  }
  return text;
}

Result<Scenario> scenario_from(std::string_view text) {
  Reading reading;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.empty() || line.front() == '#') continue;
    if (const std::string fault = reading.take(line); !fault.empty())
      return Error{troupe::Fault::bad_input, "line " + std::to_string(number) + ": " + fault};
  }
  if (reading.scenario.nodes.empty()) return Error{troupe::Fault::bad_input, "no line begins with 'node'"};
  return std::move(reading.scenario);
}

}  // namespace troupe::scheduler::sim
