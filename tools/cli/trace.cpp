#include "tools/cli/trace.h"

#include <algorithm>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "tools/cli/json_line.h"
#include "tools/cli/output.h"
#include "tools/cli/task_report.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using Json = nlohmann::ordered_json;
using scheduler::TaskRecord;

constexpr std::int64_t us_per_ms = 1000;

struct Placed {
  const TaskRecord* task = nullptr;
  const AttemptRecord* attempt = nullptr;
  std::int64_t ended_ms = 0;
  int process = 0;
  std::size_t lane = 0;
};

/// By their starts.
std::vector<Placed> attempts_of(const std::vector<TaskRecord>& tasks, const std::optional<TaskId>& only) {
  const std::int64_t now = now_ms();
  std::vector<Placed> attempts;
  for (const auto& task : tasks)
    if (!only || task.spec.id == *only)
      for (const auto& attempt : task.progress.attempts)
        attempts.push_back({&task, &attempt, attempt.ended_ms != 0 ? attempt.ended_ms : now});
  std::stable_sort(attempts.begin(), attempts.end(),
                   [](const Placed& a, const Placed& b) { return a.attempt->started_ms < b.attempt->started_ms; });
  return attempts;
}

/// Each attempt goes to the first lane of its node that is free; answers with the lanes of each.
std::map<NodeId, std::vector<std::int64_t>> place(std::vector<Placed>& attempts) {
  std::map<NodeId, std::vector<std::int64_t>> lanes;  // Until when each is taken.
  for (const auto& each : attempts) lanes[each.attempt->node];
  for (auto& each : attempts) {
    const auto node = lanes.find(each.attempt->node);
    auto& own = node->second;
    const auto lane =
        std::find_if(own.begin(), own.end(), [&](std::int64_t until) { return until <= each.attempt->started_ms; });
    each.lane = static_cast<std::size_t>(lane - own.begin());
    each.process = static_cast<int>(std::distance(lanes.begin(), node)) + 1;
    lane == own.end() ? own.push_back(each.ended_ms) : void(*lane = each.ended_ms);
  }
  return lanes;
}

/// Who of those before a task ended last; what a join stands for is looked through.
class LastBefore {
 public:
  explicit LastBefore(const std::vector<Placed>& attempts, const std::vector<TaskRecord>& tasks) {
    for (const auto& each : attempts)
      if (each.attempt->ended_ms != 0) last_[each.task->spec.id] = &each;  // The last attempt stays.
    for (const auto& task : tasks)
      if (task.spec.is_join()) joins_[task.spec.id] = &task.spec;
  }

  const Placed* of(const TaskSpec& task) {
    const Placed* last = nullptr;
    for (const TaskId id : task.after) {
      const Placed* each = find(id);
      if (each != nullptr && (last == nullptr || each->ended_ms > last->ended_ms)) last = each;
    }
    return last;
  }

 private:
  const Placed* find(TaskId id) {
    if (const auto known = last_.find(id); known != last_.end()) return known->second;
    const auto join = joins_.find(id);
    return last_[id] = join == joins_.end() ? nullptr : of(*join->second);
  }

  std::map<TaskId, const Placed*> last_;
  std::map<TaskId, const TaskSpec*> joins_;
};

}  // namespace

TraceCounts write_trace(const TaskOwner& owner, const std::vector<TaskRecord>& tasks, const TraceOf& of,
                        const std::function<void(const std::string&)>& write) {
  auto attempts = attempts_of(tasks, of.only);
  const auto lanes = place(attempts);
  const std::int64_t begin_ms = attempts.empty() ? 0 : attempts.front().attempt->started_ms;
  const auto us = [&](std::int64_t ms) { return (ms - begin_ms) * us_per_ms; };

  const Json name = owner.id ? Json(owner.name) : Json();
  const Json id = owner.id ? Json(to_text(owner.id)) : Json();
  const Json about{{"graph", owner.is_driver ? Json() : name},
                   {"graph_id", owner.is_driver ? Json() : id},
                   {"job", name},
                   {"job_id", id},
                   {"started", begin_ms == 0 ? Json() : Json(rfc3339(begin_ms))}};
  write("{\"displayTimeUnit\":\"ms\",\"otherData\":" + json_line(about) + ",\"traceEvents\":[");
  const char* separator = "\n";
  const auto event = [&](const Json& value) {
    write(separator + json_line(value));
    separator = ",\n";
  };
  int process = 0;
  for (const auto& [node, own] : lanes) {
    ++process;
    event({{"ph", "M"},
           {"name", "process_name"},
           {"pid", process},
           {"args", {{"name", "node " + owner.nodes.of(node)}}}});
    for (std::size_t lane = 0; lane < own.size(); ++lane)
      event({{"ph", "M"},
             {"name", "thread_name"},
             {"pid", process},
             {"tid", lane + 1},
             {"args", {{"name", "lane " + std::to_string(lane + 1)}}}});
  }
  LastBefore last_before(attempts, tasks);
  std::size_t arrows = 0;
  for (const auto& each : attempts) {
    const auto& [spec, progress] = *each.task;
    const bool is_over = each.attempt->ended_ms != 0;
    const std::string end = is_over ? to_text(each.attempt->end) : "running";
    const std::string cause = is_over && end != "done" ? each.attempt->cause.message : std::string();
    event({{"ph", "X"},
           {"name", spec.name},
           {"cat", end},
           {"pid", each.process},
           {"tid", each.lane + 1},
           {"ts", us(each.attempt->started_ms)},
           {"dur", std::max<std::int64_t>(0, each.ended_ms - each.attempt->started_ms) * us_per_ms},
           {"args",
            {{"task_id", to_text(spec.id)},
             {"attempt", each.attempt->id.number},
             {"end", end},
             {"needs", of.knows_needs ? Json(describe(spec.needs)) : Json()},
             {"cause", cause.empty() ? Json() : Json(cause)}}}});
    const Placed* before = each.attempt->id.number == 1 ? last_before.of(spec) : nullptr;
    if (before == nullptr) continue;
    ++arrows;
    const auto arrow = [&](const char* phase, const Placed& at, std::int64_t ms) {
      Json value{{"ph", phase},       {"name", "after"},    {"cat", "after"}, {"id", arrows},
                 {"pid", at.process}, {"tid", at.lane + 1}, {"ts", us(ms)}};
      if (*phase == 'f') value["bp"] = "e";  // It ends at what encloses it, not at what comes next.
      event(value);
    };
    // An arrow begins inside of what it comes from.
    arrow("s", *before, std::max(before->attempt->started_ms, before->ended_ms - 1));
    arrow("f", each, each.attempt->started_ms);
  }
  write("\n]}\n");
  return {attempts.size(), lanes.size()};
}

}  // namespace troupe::cli
