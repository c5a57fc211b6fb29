#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "runtime/base/check.h"
#include "tools/cli/graph_file.h"
#include "tools/cli/graph_joins.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using Kind = GraphTextPiece::Kind;

/// One task of an entry, and the words of its command as they come to be.
class TaskMaker {
 public:
  TaskMaker(const GraphFile& graph, JobId job, const std::string& run_directory)
      : graph_(graph), job_(job), run_directory_(run_directory), joined_(joined_entries(graph.entries)) {
    std::uint32_t next = 1;
    for (const auto& entry : graph.entries) {
      first_.push_back(next);
      next += entry.size();
    }
    for (const bool is_joined : joined_) joins_.push_back({job, is_joined ? next++ : 0});
  }

  TaskSpec make(std::uint32_t at, std::uint32_t element) {
    const GraphEntry& entry = graph_.entries[at];
    take_values(entry, element);
    TaskSpec spec{.id = {job_, first_[at] + element},
                  .name = graph_.task_name(at, element),
                  .work = {},
                  .needs = entry.needs,
                  .max_attempts = entry.max_attempts,
                  .timeout = entry.timeout,
                  .locks = entry.locks,
                  .semaphores = entry.semaphores};
    for (const auto& ref : entry.after) {
      const bool is_joined = !ref.element && joined_[ref.entry];
      is_joined ? spec.after.push_back(joins_[ref.entry]) : append_tasks(ref, spec.after);
    }
    directory_ = task_directory(run_directory_, spec.name);
    CommandWork work;
    work.task_directory = directory_;
    name_results(entry, spec, work);
    for (const auto& word : entry.command) work.argv.push_back(text_of(word));
    for (const auto& [name, value] : entry.environment) work.environment.emplace_back(name, text_of(value));
    work.environment.emplace_back("TROUPE_GRAPH", graph_.name);
    work.environment.emplace_back("TROUPE_TASK", spec.name);
    const std::filesystem::path folder = graph_.folder;
    // Without the slash that `/.` leaves at its end.
    work.working_directory = (folder / text_of(entry.working_directory) / "").lexically_normal().parent_path().string();
    spec.work = std::move(work);
    take_control(entry.control, element, first_[at], spec);
    // A join hands on no results.
    for (const TaskId input : spec.inputs)
      if (std::find(spec.after.begin(), spec.after.end(), input) == spec.after.end()) spec.after.push_back(input);
    return spec;
  }

  bool has_join(std::uint32_t at) const { return joined_[at]; }

  TaskSpec make_join(std::uint32_t at) const {
    TaskSpec spec{.id = joins_[at], .name = join_name(graph_.entries[at]), .work = JoinWork{}, .needs = {.cpus = 0}};
    append_tasks({at, std::nullopt}, spec.after);
    return spec;
  }

 private:
  void take_control(const GraphControl& control, std::uint32_t element, std::uint32_t first, TaskSpec& spec) const {
    spec.priority = control.priority;
    spec.preemptible = control.preemptible;
    spec.spreads = control.spreads;
    spec.cache = control.cache;
    if (control.retry != RetryRule{}) spec.retry = control.retry;
    if (control.gang) {
      const std::uint32_t rank = element % control.gang->size;
      spec.gang = GangHint{.gang = first + element - rank,
                           .size = control.gang->size,
                           .rank = rank,
                           .policy = control.gang->policy,
                           .stages = control.gang->stages};
      if (const auto& stages = control.gang->each_stage; !stages.empty()) {
        const GraphStage& stage = stages[rank % stages.size()];
        spec.gang->bytes_to_next = stage.bytes_to_next;
        if (stage.needs) spec.needs = *stage.needs;
      }
    }
    if (control.repeat_while)
      spec.repeat =
          Repeat{{control.repeat_while->text, {{control.repeat_while->results.front().first, 0}}}, control.at_most};
    if (!control.when) return;
    Condition& when = spec.when.emplace(Condition{control.when->text, {}});
    for (const auto& [name, ref] : control.when->results) {
      const TaskId id{job_, first_[ref.entry] + ref.element.value_or(0)};
      const auto found = std::find(spec.inputs.begin(), spec.inputs.end(), id);
      const auto place = static_cast<std::uint32_t>(found - spec.inputs.begin());
      if (found == spec.inputs.end()) spec.inputs.push_back(id);
      when.results.emplace_back(name, place);
    }
  }

  void take_values(const GraphEntry& entry, std::uint32_t element) {
    values_.assign(entry.each.size(), nullptr);
    for (std::size_t i = entry.each.size(); i-- > 0;) {
      const auto& values = entry.each[i].values;
      values_[i] = &values[element % values.size()];
      element /= static_cast<std::uint32_t>(values.size());
    }
  }

  void append_tasks(TaskRef ref, std::vector<TaskId>& ids) const {
    const std::uint32_t count = graph_.entries[ref.entry].size();
    for (std::uint32_t i = ref.element.value_or(0); i < (ref.element ? *ref.element + 1 : count); ++i)
      ids.push_back({job_, first_[ref.entry] + i});
  }

  /// Gives each result that the task's strings use a name that nothing else in these strings, read as a name in braces,
  /// could be taken for: results are put in when the command starts, and all the rest must then stay as it is.
  void name_results(const GraphEntry& entry, TaskSpec& spec, CommandWork& work) {
    result_names_.clear();
    std::vector<const GraphText*> texts;
    for (const auto& word : entry.command) texts.push_back(&word);
    for (const auto& variable : entry.environment) texts.push_back(&variable.second);
    for (const GraphText* text : texts)
      for (const auto& piece : *text)
        if (piece.kind == Kind::result) result_names_.emplace(piece.task, std::string{});
    if (result_names_.empty()) return;
    std::vector<std::string> literals;
    for (const GraphText* text : texts) append_literals(*text, literals);
    for (auto& [ref, name] : result_names_) {
      name = graph_.task_name(ref.entry, ref.element.value_or(0));
      while (occurs_in_braces(literals, name)) name += '\'';
      spec.inputs.push_back({job_, first_[ref.entry] + ref.element.value_or(0)});
      work.results.emplace_back(name, static_cast<std::uint32_t>(spec.inputs.size() - 1));
    }
  }

  void append_literals(const GraphText& text, std::vector<std::string>& literals) const {
    literals.emplace_back();
    for (const auto& piece : text) {
      if (piece.kind == Kind::result)
        literals.emplace_back();
      else
        literals.back() += plain_text_of(piece);
    }
  }

  static bool occurs_in_braces(const std::vector<std::string>& literals, const std::string& name) {
    return std::any_of(literals.begin(), literals.end(),
                       [&](const std::string& literal) { return literal.find('{' + name) != literal.npos; });
  }

  const std::string& plain_text_of(const GraphTextPiece& piece) const {
    if (piece.kind == Kind::each_key) return *values_[piece.each];
    return piece.kind == Kind::directory ? directory_ : piece.text;
  }

  std::string text_of(const GraphText& text) const {
    std::string made;
    for (const auto& piece : text)
      made += piece.kind == Kind::result ? '{' + result_names_.at(piece.task) + piece.text + '}' : plain_text_of(piece);
    return made;
  }

  const GraphFile& graph_;
  const JobId job_;
  const std::string& run_directory_;
  const std::vector<bool> joined_;
  std::vector<std::uint32_t> first_;  // The number of each entry's first task.
  std::vector<TaskId> joins_;         // Of each entry that has one.

  // Of the task at hand:
  std::vector<const std::string*> values_;
  std::string directory_;
  std::map<TaskRef, std::string> result_names_;
};

std::string beyond(const std::string& wanted, const std::string& has) {
  return "needs " + wanted + "; this machine has " + has;
}

}  // namespace

std::string task_directory(const std::string& run_directory, const std::string& task_name) {
  std::string folder = task_name;
  std::replace(folder.begin(), folder.end(), '[', '.');
  std::erase(folder, ']');
  return run_directory + "/tasks/" + folder;
}

std::vector<TaskSpec> compile(const GraphFile& graph, JobId job, const std::string& run_directory) {
  std::vector<TaskSpec> tasks;
  tasks.reserve(graph.size());
  TaskMaker maker(graph, job, run_directory);
  for (std::uint32_t entry = 0; entry < graph.entries.size(); ++entry)
    for (std::uint32_t element = 0; element < graph.entries[entry].size(); ++element)
      tasks.push_back(maker.make(entry, element));
  for (std::uint32_t entry = 0; entry < graph.entries.size(); ++entry)
    if (maker.has_join(entry)) tasks.push_back(maker.make_join(entry));
  return tasks;
}

std::string beyond_capacity(const Resources& needs, const NodeCapacity& capacity) {
  if (needs.cpus > capacity.cpus) return beyond(milli_text(needs.cpus) + " cpus", milli_text(capacity.cpus));
  if (needs.memory_bytes > capacity.memory_bytes)
    return beyond(size_text(needs.memory_bytes) + " of memory", size_text(capacity.memory_bytes));
  const auto whole_gpus = static_cast<std::size_t>((needs.gpus + 999) / 1000);
  if (whole_gpus > capacity.gpus.size())
    return beyond(milli_text(needs.gpus) + " gpus",
                  capacity.gpus.empty() ? "none" : std::to_string(capacity.gpus.size()));
  for (const auto& [name, amount] : needs.named) {
    Milli has = 0;
    for (const auto& [other, have] : capacity.named) has = other == name ? have : has;
    if (amount > has) return beyond(milli_text(amount) + ' ' + name, has == 0 ? "none" : milli_text(has));
  }
  for (const auto& label : needs.labels) {
    const auto& labels = capacity.labels;
    if (std::find(labels.begin(), labels.end(), label) != labels.end()) continue;
    const auto same =
        std::find_if(labels.begin(), labels.end(), [&](const auto& each) { return each.first == label.first; });
    return beyond("the label " + label.first + '=' + label.second,
                  same == labels.end() ? "no label " + label.first : same->first + '=' + same->second);
  }
  if (!NodeLedger(capacity).fits(needs)) return "needs " + describe(needs) + "; this machine has " + describe(capacity);
  return {};
}

}  // namespace troupe::cli
