#include "tools/cli/graph_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "tools/cli/did_you_mean.h"
#include "tools/cli/graph_control.h"
#include "tools/cli/graph_draft.h"
#include "tools/cli/graph_needs.h"
#include "tools/cli/graph_text.h"
#include "tools/cli/units.h"
#include "tools/cli/yaml_document.h"

namespace troupe::cli {
namespace {

using Kind = DocumentNode::Kind;

constexpr std::size_t most_name_bytes = 200;  // A task's name becomes a folder's.
constexpr std::uint64_t most_each = 65'536;
constexpr std::uint64_t most_tasks = 1'000'000;

const std::vector<std::string> graph_keys{"name", "defaults", "tasks"};
const std::vector<std::string> later_keys{"call", "outputs"};

std::vector<std::string> together(std::vector<std::string> keys, const std::vector<std::string>& more) {
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

const std::vector<std::string> default_keys =
    together({"needs", "max_attempts", "timeout", "env", "cwd"}, control_setting_keys);
const std::vector<std::string> task_keys =
    together(together({"command", "after", "each"}, default_keys), control_task_keys);

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What tasks and `defaults` have in common.
struct Settings {
  Resources needs;
  std::int32_t max_attempts = 1;
  std::chrono::milliseconds timeout{0};
  GraphControl control;
  std::vector<std::pair<std::string, PlacedText>> environment;
  std::optional<PlacedText> working_directory;
  std::map<std::string, Place> places;  // Of the needs that were said.
};

class Reader : private KeyReader {
 public:
  Reader(Complaints& complaints, const NodeCapacity* capacity) : KeyReader(complaints, {}), capacity_(capacity) {}

  /// The graph's name, empty if it does not say, and its entries.
  std::pair<std::string, std::vector<EntryDraft>> read(const DocumentNode& root) {
    if (root.kind != Kind::mapping) {
      complain(root, "found " + describe(root) + ", expected a mapping with the key 'tasks'");
      return {};
    }
    std::string name;
    const DocumentNode* tasks = nullptr;
    for (std::size_t i = 0; i < root.size(); ++i) {
      const std::string& key = root.key(i).text;
      const DocumentNode& value = root.value(i);
      if (key == "name") {
        name = graph_name(value);
      } else if (key == "defaults") {
        read_defaults(value);
      } else if (key == "tasks") {
        tasks = &value;
      } else {
        complain(root.key(i),
                 "unknown key " + quoted(key) + did_you_mean(key, graph_keys) + ", expected " + one_of(graph_keys));
      }
    }
    if (tasks == nullptr) {
      complain(root, "found no key 'tasks', expected the tasks of the graph under it");
      return {};
    }
    return {name, read_tasks(*tasks)};
  }

 private:
  void complain(const DocumentNode& node, std::string message) { complaints_.add(node.place, std::move(message)); }

  void unknown_key(const DocumentNode& key, const std::vector<std::string>& known) {
    if (contains(later_keys, key.text)) return complain(key, quoted(key.text) + " is not in this version" + in_);
    std::string guess = did_you_mean(key.text, known);
    if (guess.empty()) guess = ", expected " + one_of(known);
    complain(key, "unknown key " + quoted(key.text) + in_ + guess);
  }

  std::string graph_name(const DocumentNode& node) {
    const bool is_name = node.kind == Kind::scalar && !node.text.empty() && node.text.size() <= most_name_bytes &&
                         std::all_of(node.text.begin(), node.text.end(),
                                     [](char c) { return c == '.' || is_identifier({"_" + std::string(1, c)}); });
    if (!is_name) expect(node, "name", "letters, digits, '_', '-' and '.', at most " + std::to_string(most_name_bytes));
    return is_name ? node.text : std::string{};
  }

  // --- what tasks and defaults share ---------------------------------------------------------------------------------

  void read_defaults(const DocumentNode& node) {
    in_ = " in 'defaults'";
    if (is_mapping(node, "defaults", "a mapping of " + one_of(default_keys))) {
      for (std::size_t i = 0; i < node.size(); ++i)
        if (!read_setting(node.key(i), node.value(i), defaults_)) unknown_key(node.key(i), default_keys);
    }
    in_.clear();
  }

  bool read_setting(const DocumentNode& key, const DocumentNode& value, Settings& settings) {
    if (key.text == "needs") {
      NeedsReader(complaints_, in_).read(value, settings.needs, settings.places);
    } else if (key.text == "max_attempts") {
      read_max_attempts(value, settings);
    } else if (key.text == "timeout") {
      const auto timeout = value.kind == Kind::scalar ? parse_duration(value.text) : std::nullopt;
      if (!timeout) expect(value, "timeout", expected_duration);
      settings.timeout = timeout.value_or(std::chrono::milliseconds(0));
    } else if (key.text == "env") {
      read_environment(value, settings);
    } else if (key.text == "cwd") {
      settings.working_directory = text_of(value, "cwd", "a folder, relative to that of this file");
    } else {
      return ControlReader(complaints_, in_).read_setting(key.text, value, settings.control);
    }
    return true;
  }

  void read_max_attempts(const DocumentNode& node, Settings& settings) {
    const auto count = is_plain(node) ? parse_count(node.text) : std::nullopt;
    if (count && *count >= 1 && *count <= most_attempts) {
      settings.max_attempts = static_cast<std::int32_t>(*count);
    } else {
      expect(node, "max_attempts", "a whole number from 1 to " + std::to_string(most_attempts));
    }
  }

  void read_environment(const DocumentNode& node, Settings& settings) {
    if (!is_mapping(node, "env", "a mapping of names to values")) return;
    for (std::size_t i = 0; i < node.size(); ++i) {
      const std::string& name = node.key(i).text;
      if (name.empty() || name.find('\0') != name.npos || name.find('=') != name.npos) {
        expect(node.key(i), "env", "the name of a variable");
      } else if (auto value = text_of(node.value(i), "env." + name, "text ('' for an empty one)")) {
        put(settings.environment, name, std::move(*value));
      }
    }
  }

  // --- tasks ---------------------------------------------------------------------------------------------------------

  std::vector<EntryDraft> read_tasks(const DocumentNode& node) {
    std::vector<EntryDraft> drafts;
    if (!is_mapping(node, "tasks", "a mapping of names to tasks")) return drafts;
    if (node.size() == 0) complain(node, "'tasks' is empty, expected at least one task");
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < node.size(); ++i) {
      drafts.push_back(read_task(node.key(i), node.value(i)));
      count += drafts.back().entry.size();
    }
    if (count > most_tasks)
      complain(node, "found " + std::to_string(count) + " tasks, expected at most " + std::to_string(most_tasks));
    return drafts;
  }

  EntryDraft read_task(const DocumentNode& key, const DocumentNode& node) {
    EntryDraft draft;
    draft.entry.name = key.text;
    draft.place = key.place;
    if (!is_identifier(key.text) || key.text.size() > most_name_bytes)
      complain(key, "found " + describe(key) +
                        " as a task's name, expected a letter, then letters, digits, '_' and '-'" + ", at most " +
                        std::to_string(most_name_bytes));
    in_ = " in task " + quoted(key.text);
    Settings settings = defaults_;
    if (node.kind != Kind::mapping) {
      complain(node, "task " + quoted(key.text) + ": found " + describe(node) + ", expected a mapping with 'command'");
    } else {
      read_task_keys(node, draft, settings);
      const bool has_command = std::any_of(node.items.begin(), node.items.end(), [&](const DocumentNode& each) {
        return (&each - node.items.data()) % 2 == 0 && (each.text == "command" || each.text == "call");
      });
      if (!has_command) complain(key, "task " + quoted(key.text) + " has no 'command'");
    }
    draft.entry.needs = settings.needs;
    draft.entry.max_attempts = settings.max_attempts;
    draft.entry.timeout = settings.timeout;
    take_control(settings.control, draft);
    ControlReader(complaints_, in_).check(draft, draft.place);
    draft.environment = std::move(settings.environment);
    draft.working_directory = std::move(settings.working_directory);
    check_capacity(draft, settings);
    in_.clear();
    return draft;
  }

  void read_task_keys(const DocumentNode& node, EntryDraft& draft, Settings& settings) {
    for (std::size_t i = 0; i < node.size(); ++i) {
      const DocumentNode& value = node.value(i);
      const std::string& key = node.key(i).text;
      if (key == "command") {
        read_command(value, draft);
      } else if (key == "after") {
        read_after(value, draft);
      } else if (key == "each") {
        read_each(value, draft.entry.each);
      } else if (!ControlReader(complaints_, in_).read_task_key(key, value, draft) &&
                 !read_setting(node.key(i), value, settings)) {
        unknown_key(node.key(i), task_keys);
      }
    }
  }

  /// What `defaults` may say, too, beside what only the task does.
  static void take_control(const GraphControl& settings, EntryDraft& draft) {
    GraphControl control = settings;
    control.gang = draft.entry.control.gang;
    control.at_most = draft.entry.control.at_most;
    draft.entry.control = std::move(control);
  }

  void read_command(const DocumentNode& node, EntryDraft& draft) {
    const std::string expected = "a list of words, as in [python3, train.py]";
    if (node.kind != Kind::sequence) return expect(node, "command", expected);
    for (const auto& item : node.items)
      if (auto word = text_of(item, "command", "a word")) draft.command.push_back(std::move(*word));
    if (node.items.empty() || (node.items.front().kind == Kind::scalar && node.items.front().text.empty()))
      complain(node, "'command'" + in_ + " is empty, expected " + expected);
  }

  void read_after(const DocumentNode& node, EntryDraft& draft) {
    if (node.kind != Kind::sequence) return expect(node, "after", "a list of tasks, as in [prepare]");
    for (const auto& item : node.items)
      if (auto name = text_of(item, "after", "the name of a task")) draft.after.push_back(std::move(*name));
  }

  void read_each(const DocumentNode& node, std::vector<EachKey>& each) {
    const std::string expected = "a mapping of names to lists, as in {shard: [0, 1, 2]}";
    if (!is_mapping(node, "each", expected)) return;
    if (node.size() == 0) return complain(node, "'each'" + in_ + " is empty, expected " + expected);
    std::uint64_t product = 1;
    for (std::size_t i = 0; i < node.size(); ++i) {
      const DocumentNode& key = node.key(i);
      if (!is_identifier(key.text))
        complain(key, "found " + describe(key) + " as a key of 'each'" + in_ + ", expected letters, digits and '_'");
      if (key.text == "dir")
        complain(key, "'dir' cannot be a key of 'each'" + in_ + ": {dir} is the task's own directory");
      each.push_back({key.text, values_of(node.value(i), "each." + key.text)});
      product *= std::max<std::uint64_t>(each.back().values.size(), 1);
      if (product > most_each) {
        complain(node, "'each'" + in_ + " makes more than " + std::to_string(most_each) + " tasks");
        each.clear();
        return;
      }
    }
  }

  std::vector<std::string> values_of(const DocumentNode& node, const std::string& key) {
    std::vector<std::string> values;
    if (node.kind != Kind::sequence || node.items.empty()) {
      expect(node, key, "a list of at least one value");
      return {""};
    }
    for (const auto& item : node.items) values.push_back(text_of(item, key, "a value").value_or(PlacedText{}).text);
    return values;
  }

  void check_capacity(const EntryDraft& draft, const Settings& settings) {
    const std::string name = "task " + quoted(draft.entry.name);
    const auto& gang = draft.entry.control.gang;
    if (!gang || gang->each_stage.empty()) return check_capacity(name, draft.place, draft.entry.needs, settings.places);
    for (std::size_t stage = 0; stage < gang->each_stage.size(); ++stage) {
      const auto& own = gang->each_stage[stage].needs;
      check_capacity("stage " + std::to_string(stage) + " of " + name, draft.place, own ? *own : draft.entry.needs,
                     own ? draft.stage_places[stage] : settings.places);
    }
  }

  void check_capacity(const std::string& who, Place place, const Resources& needs,
                      const std::map<std::string, Place>& places) {
    if (capacity_ == nullptr) return;
    const std::string why = beyond_capacity(needs, *capacity_);
    if (why.empty()) return;
    // The complaint stands at the need that it is about, if the file says it.
    for (const auto& [key, at] : places) {
      Resources alone{.cpus = 0};
      if (key == "cpus") alone.cpus = needs.cpus;
      if (key == "gpus") alone.gpus = needs.gpus;
      if (key == "memory") alone.memory_bytes = needs.memory_bytes;
      if (key == "labels") alone.labels = needs.labels;
      if (key == "resources") alone.named = needs.named;
      if (beyond_capacity(alone, *capacity_) == why) place = at;
    }
    complaints_.add(place, who + ' ' + why);
  }

  const NodeCapacity* capacity_;
  Settings defaults_;
};

std::string name_from(const std::string& path) {
  std::string name = std::filesystem::path(path).stem().string().substr(0, most_name_bytes);
  for (char& c : name)
    if (c != '.' && !is_identifier("_" + std::string(1, c))) c = '_';
  return name.empty() ? "graph" : name;
}

}  // namespace

std::uint32_t GraphEntry::size() const {
  std::size_t count = 1;
  for (const auto& key : each) count *= key.values.size();
  return static_cast<std::uint32_t>(count);
}

std::size_t GraphFile::size() const {
  std::size_t count = 0;
  for (const auto& entry : entries) count += entry.size();
  return count;
}

std::string GraphFile::task_name(std::uint32_t entry, std::uint32_t element) const {
  const GraphEntry& of = entries.at(entry);
  return of.has_each() ? of.name + '[' + std::to_string(element) + ']' : of.name;
}

std::vector<std::string> Complaints::lines() const {
  constexpr std::size_t most_lines = 50;
  std::vector<Complaint> sorted = all_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Complaint& a, const Complaint& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  std::vector<std::string> lines;
  for (const auto& complaint : sorted) {
    std::string line = at_place(file_, complaint.place, complaint.message);
    if (lines.empty() || lines.back() != line) lines.push_back(std::move(line));
  }
  if (lines.size() > most_lines) {
    const std::size_t more = lines.size() - most_lines;
    lines.resize(most_lines);
    lines.push_back(file_ + ": and " + std::to_string(more) + " more errors");
  }
  return lines;
}

ReadGraph read_graph_text(const std::string& path, std::string_view text, const NodeCapacity* capacity) {
  ReadGraph read;
  read.graph.folder = std::filesystem::absolute(path).parent_path().lexically_normal().string();
  auto document = read_document(path, text);
  if (!document) {
    read.errors.push_back(document.error().message);
    return read;
  }
  Complaints complaints(path);
  auto [name, drafts] = Reader(complaints, capacity).read(*document);
  read.graph.name = name.empty() ? name_from(path) : name;
  read.graph.entries = link(std::move(drafts), complaints);
  read.errors = complaints.lines();
  return read;
}

ReadGraph read_graph_file(const std::string& path, const NodeCapacity* capacity) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return {{}, {path + ": there is no such file"}};
  if (std::filesystem::is_directory(status)) return {{}, {path + ": found a folder, expected a graph file"}};
  std::ifstream stream(path, std::ios::binary);
  // One byte more than is taken, so that a file of any size, or a device, is refused without being read whole.
  std::string text(DocumentLimits{}.bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || (!stream && !stream.eof())) return {{}, {path + ": cannot be read: check its permissions"}};
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return read_graph_text(path, text, capacity);
}

}  // namespace troupe::cli
