#include "scheduler/core/admission.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "scheduler/policies/policy_table.h"

namespace troupe::scheduler {
namespace {

constexpr std::chrono::milliseconds most_duration = std::chrono::hours(24 * 3650);
constexpr std::size_t most_causes = 64;
constexpr std::int64_t most_bytes_on_an_edge = std::int64_t{1} << 50;  // sums of them are numbers

using Specs = std::vector<const TaskSpec*>;

/// The new tasks of a submit, and where each is.
struct NewTasks {
  Specs specs;
  std::unordered_map<TaskId, std::size_t> places;  // lookup only
  std::map<std::uint32_t, Specs> gangs;
};

bool names_input(const std::vector<Argument>& arguments, std::size_t inputs) {
  return std::all_of(arguments.begin(), arguments.end(), [&](const Argument& argument) {
    const auto* ref = std::get_if<InputRef>(&argument);
    return ref == nullptr || ref->input < inputs;
  });
}

bool has_sound_inputs(const TaskSpec& spec) {
  if (const auto* function = std::get_if<FunctionWork>(&spec.work))
    return names_input(function->arguments, spec.inputs.size());
  if (const auto* actor = std::get_if<ActorWork>(&spec.work)) return names_input(actor->arguments, spec.inputs.size());
  const CommandWork* command = command_of(spec.work);
  return command != nullptr && std::all_of(command->results.begin(), command->results.end(),
                                           [&](const auto& result) { return result.second < spec.inputs.size(); });
}

/// Durations that sums with a time of day cannot overflow.
bool is_duration(std::chrono::milliseconds duration) { return duration.count() >= 0 && duration <= most_duration; }

std::string flaw_of_repeat(const TaskSpec& spec) {
  if (spec.is_actor()) return " is an actor, which cannot repeat";
  if (spec.gang) return " is in a gang, which cannot repeat";
  if (spec.repeat->at_most < 1 || spec.repeat->at_most > static_cast<std::uint32_t>(most_attempts))
    return " repeats at most " + std::to_string(spec.repeat->at_most) + " times: expected 1 to " +
           std::to_string(most_attempts);
  if (const auto flaw = flaw_of(spec.repeat->condition, 1); !flaw.empty())
    return ": the condition `" + spec.repeat->condition.text + "` of 'repeat': " + flaw;
  return {};
}

/// What is wrong with the ways in which it chooses, loops, tries again and takes results that are known.
std::string flaw_of_control(const TaskSpec& spec, bool is_durable) {
  if (spec.retry) {
    if (!is_duration(spec.retry->delay) || !is_duration(spec.retry->longest_delay))
      return " has a retry delay that is negative, or longer than ten years";
    if (spec.retry->exit_codes.size() + spec.retry->signals.size() + spec.retry->exceptions.size() > most_causes)
      return " names more than " + std::to_string(most_causes) + " causes to try again after";
  }
  if ((spec.when || spec.repeat || spec.cache) && !is_durable)
    return " has a condition, a loop or a cached result, which only tasks of a durable graph may have";
  if (spec.when) {
    if (const auto flaw = flaw_of(*spec.when, spec.inputs.size()); !flaw.empty())
      return ": the condition `" + spec.when->text + "`: " + flaw;
  }
  if (spec.repeat) {
    if (auto flaw = flaw_of_repeat(spec); !flaw.empty()) return flaw;
  }
  if (spec.cache && (spec.is_actor() || spec.gang || spec.repeat))
    return " is an actor, in a gang, or repeats: its result cannot be cached";
  return {};
}

/// What a join has that makes no sense without an attempt.
std::string flaw_of_join(const TaskSpec& spec) {
  const std::pair<bool, const char*> parts[] = {{spec.needs != Resources{.cpus = 0}, "needs"},
                                                {!spec.inputs.empty(), "inputs"},
                                                {spec.gang.has_value(), "a gang"},
                                                {spec.when.has_value(), "a condition"},
                                                {spec.repeat.has_value(), "a loop"},
                                                {spec.retry.has_value(), "a retry rule"},
                                                {spec.cache, "a cached result"},
                                                {!spec.locks.empty(), "locks"},
                                                {!spec.semaphores.empty(), "semaphores"},
                                                {spec.timeout.count() != 0, "a time-out"}};
  for (const auto& [is_there, what] : parts)
    if (is_there) return std::string(" is a join and has ") + what + ": nothing of it runs";
  return {};
}

/// What is wrong with a task in itself.
std::string flaw_of_task(const TaskSpec& spec, bool is_durable) {
  const std::string name = name_of(spec);
  if (const auto flaw = flaw_of(spec.needs); !flaw.empty()) return name + ": " + flaw;
  if (spec.max_attempts < 1 || (!spec.is_actor() && spec.max_attempts > most_attempts))
    return name + ": max_attempts is " + std::to_string(spec.max_attempts) + ": expected 1 to " +
           std::to_string(most_attempts);
  if (spec.is_join()) {
    const std::string flaw = flaw_of_join(spec);
    return flaw.empty() ? flaw : name + flaw;
  }
  if (!is_duration(spec.timeout)) return name + ": timeout is negative, or longer than ten years";
  if (auto flaw = flaw_of_control(spec, is_durable); !flaw.empty()) return name + flaw;
  for (const TaskId input : spec.inputs) {
    if (std::find(spec.after.begin(), spec.after.end(), input) == spec.after.end())
      return name + " takes the result of task " + to_text(input) + ", but does not come after it";
  }
  for (const auto& need : spec.semaphores)
    if (need.permits < 1) return name + ": semaphore '" + need.name + "' has 0 permits: expected 1 or more";
  if (!has_sound_inputs(spec)) return name + ": an argument names an input that the task does not have";
  if (!spec.gang) return {};
  if (!spec.locks.empty() || !spec.semaphores.empty())
    return name + " is in a gang and asks for locks or semaphores: only single tasks may";
  if (spec.gang->size < 1 || spec.gang->rank >= spec.gang->size)
    return name + " has rank " + std::to_string(spec.gang->rank) + " in a gang of " + std::to_string(spec.gang->size);
  if (spec.gang->bytes_to_next < 0 || spec.gang->bytes_to_next > most_bytes_on_an_edge)
    return name + ": bytes_to_next is " + std::to_string(spec.gang->bytes_to_next) + ": expected 0 to " +
           std::to_string(most_bytes_on_an_edge);
  if (spec.gang->stages < 1 || spec.gang->size % spec.gang->stages != 0)
    return name + " is in a gang of " + std::to_string(spec.gang->size) +
           ", which is no whole number of pipelines of " + std::to_string(spec.gang->stages) + " stages";
  return {};
}

std::string flaw_of_gang(std::uint32_t number, const Specs& members, const Submit& submit) {
  const GangHint& hint = *members.front()->gang;
  const std::string name = "gang " + std::to_string(number);
  std::set<std::uint32_t> ranks;
  for (const TaskSpec* member : members) {
    if (member->gang->size != hint.size || member->gang->policy != hint.policy || member->gang->stages != hint.stages)
      return name + ": " + name_of(*member) + " differs from " + name_of(*members.front()) +
             " in size, stages or policy";
    if (!ranks.insert(member->gang->rank).second)
      return name + ": rank " + std::to_string(member->gang->rank) + " is there twice, the second time as " +
             name_of(*member);
  }
  if (members.size() != hint.size)
    return name + " has " + std::to_string(members.size()) + " of its " + std::to_string(hint.size) +
           " members: they are submitted together";
  const auto job = submit.known.jobs().find(submit.job.id);
  if (job != submit.known.jobs().end() && job->second.gangs.contains(number)) return name + " is there already";
  return {};
}

/// Looks for tasks that wait for each other; the members of a gang start together, so they wait as one.
std::string find_cycle(const NewTasks& fresh) {
  const std::size_t count = fresh.specs.size();
  std::vector<std::size_t> group(count);  // its own place, or its gang's first member's
  for (std::size_t i = 0; i < count; ++i) group[i] = i;
  for (const auto& [number, members] : fresh.gangs)
    for (const TaskSpec* member : members) group[fresh.places.at(member->id)] = fresh.places.at(members.front()->id);

  std::vector<std::vector<std::size_t>> successors(count);
  std::vector<std::size_t> open(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (const TaskId before : predecessors_of(*fresh.specs[i])) {
      const auto place = fresh.places.find(before);
      if (place == fresh.places.end()) continue;
      successors[group[place->second]].push_back(group[i]);
      ++open[group[i]];
    }
  }
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < count; ++i)
    if (open[i] == 0) free.push_back(i);
  std::size_t seen = 0;
  while (!free.empty()) {
    const std::size_t place = free.back();
    free.pop_back();
    ++seen;
    for (const std::size_t next : successors[place])
      if (--open[next] == 0) free.push_back(next);
  }
  if (seen == count) return {};
  const auto stuck = std::find_if(open.begin(), open.end(), [](std::size_t n) { return n > 0; }) - open.begin();
  const TaskSpec& one = *fresh.specs[static_cast<std::size_t>(stuck)];
  return name_of(one) + " waits for itself: 'after' goes in a circle" + (one.gang ? ", or through its own gang" : "");
}

std::string flaw_of_shapes(Submit& submit, const NewTasks& fresh) {
  std::size_t shapes = submit.known.shapes.size();
  const Resources* last = nullptr;
  std::vector<const TaskSpec*> unknown;
  for (const TaskSpec* spec : fresh.specs) {
    if (spec->is_join() || (last != nullptr && *last == spec->needs)) continue;
    last = &spec->needs;
    if (submit.known.shapes.find(spec->needs, spec->spreads) != nullptr) continue;
    const auto is_it = [&](const TaskSpec* other) { return other->needs == spec->needs; };
    if (std::any_of(unknown.begin(), unknown.end(), is_it)) continue;
    unknown.push_back(spec);
    if (++shapes > submit.most_shapes)
      return name_of(*spec) + " would be of the " + std::to_string(shapes) +
             "th different need of tasks, the most is " + std::to_string(submit.most_shapes) +
             ": round what the tasks need";
  }
  return {};
}

/// Whether some node could ever hold it.
bool could_be_held(Submit& submit, const TaskSpec& spec) {
  Shape* shape = submit.known.shapes.find(spec.needs, spec.spreads);
  if (shape != nullptr && shape->judged == submit.cluster.version()) return true;
  const bool fits = submit.cluster.empty_rooms().tightest(spec.needs).has_value();
  if (fits && shape != nullptr) shape->judged = submit.cluster.version();
  return fits;
}

/// The node that meets most of the needs, then the one with most of what is there too little of.
const Node& nearest_miss(Cluster& cluster, const Resources& needs) {
  const auto rank_of = [&](const Node& node) {
    const NodeCapacity& has = node.ledger.capacity();
    const auto gpus = static_cast<Milli>(has.gpus.size()) * 1000;
    const std::int64_t gpu_memory = has.gpus.empty() ? 0 : has.gpus.front().memory_bytes;
    const int met = (has.cpus >= needs.cpus) + (gpus >= needs.gpus) + (has.memory_bytes >= needs.memory_bytes) +
                    (gpu_memory >= needs.gpu_memory_bytes);
    return std::tuple(met, std::min(gpus, needs.gpus), std::min(has.cpus, needs.cpus),
                      std::min(has.memory_bytes, needs.memory_bytes), std::min(gpu_memory, needs.gpu_memory_bytes));
  };
  const auto& nodes = cluster.nodes();
  return std::max_element(nodes.begin(), nodes.end(),
                          [&](const auto& a, const auto& b) { return rank_of(a.second) < rank_of(b.second); })
      ->second;
}

std::string flaw_of_capacity(Submit& submit, const NewTasks& fresh) {
  const Resources* checked = nullptr;  // often all need the same
  for (const TaskSpec* spec : fresh.specs) {
    if (spec->is_join() || (checked != nullptr && *checked == spec->needs)) continue;
    checked = &spec->needs;
    if (could_be_held(submit, *spec)) continue;
    const Node& nearest = nearest_miss(submit.cluster, spec->needs);
    return name_of(*spec) + " needs " + describe(spec->needs) + "; the nearest, node '" + nearest.name + "', has " +
           describe(nearest.ledger.capacity());
  }
  for (const auto& [number, members] : fresh.gangs) {
    std::vector<Need> needs(members.size());
    for (const TaskSpec* member : members) needs[member->gang->rank] = {&member->needs, member->gang->bytes_to_next};
    const Request request{.members = needs, .stages = members.front()->gang->stages};
    const Rooms& if_empty = submit.cluster.empty_rooms();
    const Placement outcome = policy_for(members.front()->gang->policy)(request, if_empty, &if_empty);
    if (const auto* never = std::get_if<Never>(&outcome)) return "gang " + std::to_string(number) + ": " + never->why;
  }
  return {};
}

}  // namespace

std::string admit(Submit& submit) {
  if (!submit.job.id) return "the job has no id";
  const auto job = submit.known.jobs().find(submit.job.id);
  if (job != submit.known.jobs().end() && job->second.info.durable != submit.job.durable)
    return "job '" + submit.job.name + "' is there already, and is " + (submit.job.durable ? "not " : "") + "durable";
  if (!submit.job.durable && submit.job.id != submit.own_job) return "the job is another driver's";
  if (submit.job.durable && job == submit.known.jobs().end() && submit.tasks.empty())
    return "graph '" + submit.job.name + "' has no tasks";

  NewTasks fresh;
  std::set<TaskId> ids;
  for (const TaskSpec& spec : submit.tasks) {
    if (spec.id.job != submit.job.id) return name_of(spec) + " has the id of another job";
    if (!ids.insert(spec.id).second)
      return name_of(spec) + " has number " + std::to_string(spec.id.number) + ", which is there twice";
    if (const Slot slot = submit.known.find(spec.id); slot != no_slot) {
      // Two who add to one graph may have chosen the same number.
      if (submit.known[slot].spec.name != spec.name)
        return name_of(spec) + " has number " + std::to_string(spec.id.number) + ", which is that of " +
               name_of(submit.known[slot].spec) + ": choose another";
      continue;
    }
    fresh.places.emplace(spec.id, fresh.specs.size());
    fresh.specs.push_back(&spec);
    if (spec.gang) fresh.gangs[spec.gang->gang].push_back(&spec);
  }
  if (submit.from && !fresh.specs.empty() && submit.planted != Planted::tasks_added_by_ended_task) {
    const Slot slot = submit.known.find(submit.from);
    if (slot == no_slot || submit.from.job != submit.job.id || !submit.known[slot].is_running())
      return "task " + to_text(submit.from) + " is not running: only while it runs may it add to its graph";
  }
  if (fresh.specs.size() > submit.most_tasks - std::min(submit.most_tasks, submit.known.size()))
    return std::to_string(fresh.specs.size()) + " more tasks than the " + std::to_string(submit.known.size()) +
           " there are would be more than " + std::to_string(submit.most_tasks);

  std::set<std::string_view> names;
  for (const TaskSpec* spec : fresh.specs) {
    if (registers_name(*spec) && (submit.known.find_actor(spec->name) != no_slot || !names.insert(spec->name).second))
      return "there is an actor that is found as '" + spec->name + "' already: choose another name, or end that one";
    if (auto flaw = flaw_of_task(*spec, submit.job.durable); !flaw.empty()) return flaw;
    if (const std::size_t bytes = bytes_of(*spec); bytes > submit.most_input_bytes)
      return name_of(*spec) + " has " + std::to_string(bytes) + " bytes of arguments and text; at most " +
             std::to_string(submit.most_input_bytes) + " can be handed to a task";
    for (const TaskId before : spec->after) {
      const bool is_there = fresh.places.contains(before) || submit.known.find(before) != no_slot;
      if (before.job != spec->id.job) return name_of(*spec) + " comes after a task of another job";
      if (!is_there) return name_of(*spec) + " comes after task " + to_text(before) + ", which is not known";
    }
  }
  for (const auto& [number, members] : fresh.gangs)
    if (auto flaw = flaw_of_gang(number, members, submit); !flaw.empty()) return flaw;
  if (auto cycle = find_cycle(fresh); !cycle.empty()) return cycle;
  if (auto flaw = flaw_of_shapes(submit, fresh); !flaw.empty()) return flaw;
  const bool is_judged = submit.all_nodes_are_known && !submit.cluster.nodes().empty();
  return is_judged ? flaw_of_capacity(submit, fresh) : std::string{};
}

std::string why_skipped(const TaskSpec& before, const TaskProgress& progress) {
  switch (progress.state) {
    case TaskState::skipped:
      return progress.reason.starts_with("its ") ? name_of(before) + " was skipped: " + progress.reason
                                                 : progress.reason;
    case TaskState::cancelled: return name_of(before) + " was cancelled";
    default: return name_of(before) + " failed: " + progress.reason;
  }
}

}  // namespace troupe::scheduler
