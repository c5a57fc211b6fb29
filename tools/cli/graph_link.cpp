#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tools/cli/did_you_mean.h"
#include "tools/cli/graph_draft.h"
#include "tools/cli/graph_joins.h"
#include "tools/cli/graph_text.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

constexpr std::uint64_t most_edges = 1u << 22;

std::string quoted(const std::string& text) { return "'" + text + "'"; }

class Linker {
 public:
  Linker(std::vector<EntryDraft> drafts, Complaints& complaints) : drafts_(std::move(drafts)), complaints_(complaints) {
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      entries_.emplace(drafts_[i].entry.name, static_cast<std::uint32_t>(i));
      names_.push_back(drafts_[i].entry.name);
    }
  }

  std::vector<GraphEntry> link() {
    for (auto& draft : drafts_) look_up_after(draft);
    for (auto& draft : drafts_) sort_after(draft.entry);
    const bool no_cycle = is_acyclic();
    for (auto& draft : drafts_) look_up_texts(draft, no_cycle);
    for (auto& draft : drafts_) sort_after(draft.entry);
    std::vector<GraphEntry> entries;
    for (auto& draft : drafts_) entries.push_back(std::move(draft.entry));
    count_edges(entries);
    return entries;
  }

 private:
  // --- after ---------------------------------------------------------------------------------------------------------

  /// `train`, or `train[2]` of an entry with each; complains and gives nothing if there is no such task.
  std::optional<TaskRef> look_up(const BracedName& name, std::size_t& steps_taken, const Place place,
                                 const std::string& where) {
    const auto found = entries_.find(name.head);
    if (found == entries_.end()) return std::nullopt;
    TaskRef ref{found->second, std::nullopt};
    const GraphEntry& entry = drafts_[ref.entry].entry;
    const bool has_index = !name.steps.empty() && name.steps.front().front() == '[';
    if (!entry.has_each() || !has_index) return ref;
    const auto index = parse_count(std::string_view(name.steps.front()).substr(1, name.steps.front().size() - 2));
    if (!index || *index >= entry.size()) {
      complaints_.add(place, where + ": found " + name.head + name.steps.front() + ", expected one of " + name.head +
                                 "[0] to " + name.head + '[' + std::to_string(entry.size() - 1) + ']');
      ref.entry = none;
      return ref;
    }
    ref.element = static_cast<std::uint32_t>(*index);
    steps_taken = 1;
    return ref;
  }

  void look_up_after(EntryDraft& draft) {
    const std::string where = "'after' in task " + quoted(draft.entry.name);
    for (const auto& text : draft.after) {
      std::size_t taken = 0;
      const auto name = parse_braced_name(text.text);
      const auto ref = name ? look_up(*name, taken, text.place, where) : std::nullopt;
      if (ref && ref->entry == none) continue;
      if (!ref || taken != name->steps.size()) {
        const std::string head = name ? name->head : text.text;
        complaints_.add(text.place, where + ": there is no task " + quoted(text.text) + did_you_mean(head, names_));
        continue;
      }
      draft.entry.after.push_back(*ref);
    }
  }

  static void sort_after(GraphEntry& entry) {
    auto& after = entry.after;
    std::sort(after.begin(), after.end());
    after.erase(std::unique(after.begin(), after.end()), after.end());
    // All of an entry takes in each of it: nullopt comes before every number.
    std::vector<TaskRef> kept;
    for (const auto& ref : after)
      if (kept.empty() || kept.back().entry != ref.entry || kept.back().element) kept.push_back(ref);
    after = std::move(kept);
  }

  /// Walks along `after` without recursion, since a chain may be long; complains about the first cycle.
  bool is_acyclic() {
    enum class Mark { fresh, open, closed };
    std::vector<Mark> marks(drafts_.size(), Mark::fresh);
    for (std::uint32_t start = 0; start < drafts_.size(); ++start) {
      if (marks[start] != Mark::fresh) continue;
      std::vector<std::pair<std::uint32_t, std::size_t>> path{{start, 0}};  // An entry, and its next edge.
      marks[start] = Mark::open;
      while (!path.empty()) {
        const std::uint32_t entry = path.back().first;
        const auto& after = drafts_[entry].entry.after;
        if (path.back().second == after.size()) {
          marks[entry] = Mark::closed;
          path.pop_back();
          continue;
        }
        const std::uint32_t next = after[path.back().second++].entry;
        if (marks[next] == Mark::open) {
          complain_of_cycle(path, next);
          return false;
        }
        if (marks[next] == Mark::fresh) {
          marks[next] = Mark::open;
          path.emplace_back(next, 0);
        }
      }
    }
    return true;
  }

  void complain_of_cycle(const std::vector<std::pair<std::uint32_t, std::size_t>>& path, std::uint32_t first) {
    constexpr std::size_t most_named = 20;
    std::vector<std::string> names;
    for (auto each = path.rbegin(); each != path.rend(); ++each) {
      names.push_back(names_[each->first]);
      if (each->first == first) break;
    }
    std::reverse(names.begin(), names.end());
    names.push_back(names_[first]);
    std::string circle;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i == most_named && names.size() > most_named + 2) {
        circle += " after ...";
        i = names.size() - 2;
      }
      circle += (circle.empty() ? "" : " after ") + names[i];
    }
    complaints_.add(drafts_[first].place, "task " + quoted(names_[first]) + " waits for itself: " + circle);
  }

  void count_edges(const std::vector<GraphEntry>& entries) {
    const std::vector<bool> joined = joined_entries(entries);
    std::uint64_t edges = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      edges += edges_to_each(entries[i], entries, joined) * entries[i].size() + (joined[i] ? entries[i].size() : 0);
      if (edges <= most_edges) continue;
      complaints_.add(drafts_[i].place, "'after' in task " + quoted(names_[i]) + " brings the graph to more than " +
                                            std::to_string(most_edges) +
                                            " edges: put one task between the many and the many");
      return;
    }
  }

  // --- names in braces -----------------------------------------------------------------------------------------------

  void look_up_texts(EntryDraft& draft, bool no_cycle) {
    std::optional<std::set<TaskRef>> before;
    const auto is_before = [&](TaskRef ref) {
      const auto& after = draft.entry.after;
      const auto is_in = [&](TaskRef each) { return std::binary_search(after.begin(), after.end(), each); };
      if (!no_cycle || is_in(ref) || is_in({ref.entry, std::nullopt})) return true;
      if (!before) before = all_before(draft.entry);
      return before->contains({ref.entry, std::nullopt}) || before->contains(ref);
    };
    const auto look_up_text = [&](const PlacedText& text, bool takes_results) {
      GraphText made;
      for (auto& piece : parse_text(text.text)) made.push_back(look_up_piece(piece, draft.entry, text.place));
      for (const auto& piece : made) {
        if (piece.kind != GraphTextPiece::Kind::result) continue;
        const std::string name = quoted(text_of(piece.task));
        if (!takes_results) {
          complaints_.add(text.place, "'cwd' in task " + quoted(draft.entry.name) + ": the result of " + name +
                                          " cannot stand here, only in 'command' and 'env'");
        } else if (!is_before(piece.task)) {
          complaints_.add(text.place, "the result of " + name + " is used in task " + quoted(draft.entry.name) +
                                          ", but it is not before it: add it to 'after'");
        } else {
          results_.push_back(piece.task);
        }
      }
      return made;
    };
    results_.clear();
    for (const auto& word : draft.command) draft.entry.command.push_back(look_up_text(word, true));
    for (const auto& [name, value] : draft.environment)
      draft.entry.environment.emplace_back(name, look_up_text(value, true));
    if (draft.working_directory) draft.entry.working_directory = look_up_text(*draft.working_directory, false);
    if (draft.when) look_up_when(draft, is_before);
    if (draft.repeat_while) look_up_repeat(draft);
    draft.entry.after.insert(draft.entry.after.end(), results_.begin(), results_.end());
  }

  // --- conditions ----------------------------------------------------------------------------------------------------

  /// The results that a condition names; complains and gives none if it is not well formed.
  std::vector<BracedName> names_in(const PlacedText& condition, const std::string& where) {
    const auto names = results_named_in(condition.text);
    if (!names) complaints_.add(condition.place, where + ": " + names.error().message);
    std::vector<BracedName> parsed;
    if (!names) return parsed;
    for (const auto& name : *names)
      if (auto each = parse_braced_name(name)) parsed.push_back(std::move(*each));
    return parsed;
  }

  template <class IsBefore>
  void look_up_when(EntryDraft& draft, const IsBefore& is_before) {
    const std::string where = "'when' in task " + quoted(draft.entry.name);
    GraphCondition condition{draft.when->text, {}};
    for (const auto& name : names_in(*draft.when, where)) {
      std::size_t taken = 0;
      const auto ref = look_up(name, taken, draft.when->place, where);
      const std::string whole = name.head + name.path();
      if (ref && ref->entry == none) continue;
      if (!ref) {
        complaints_.add(draft.when->place,
                        where + ": there is no task " + quoted(name.head) + did_you_mean(name.head, names_));
      } else if (names_[ref->entry] == draft.entry.name) {
        complaints_.add(draft.when->place, where + ": found " + whole + ", which is its own result");
      } else if (drafts_[ref->entry].entry.has_each() && !ref->element) {
        complaints_.add(draft.when->place, where + ": found " + whole + ", but " + quoted(name.head) + " is " +
                                               std::to_string(drafts_[ref->entry].entry.size()) +
                                               " tasks: name one, as in " + name.head + "[0]" + name.path());
      } else if (!is_before(*ref)) {
        complaints_.add(draft.when->place, where + ": found " + whole + ", but " + quoted(text_of(*ref)) +
                                               " is not before it: add it to 'after'");
      } else {
        condition.results.emplace_back(text_of(*ref), *ref);
        results_.push_back(*ref);
      }
    }
    draft.entry.control.when = std::move(condition);
  }

  void look_up_repeat(EntryDraft& draft) {
    const std::string where = "'while' in task " + quoted(draft.entry.name);
    GraphCondition condition{draft.repeat_while->text, {}};
    for (const auto& name : names_in(*draft.repeat_while, where)) {
      if (name.head != draft.entry.name)
        complaints_.add(draft.repeat_while->place, where + ": found " + name.head + name.path() +
                                                       ", expected the task's own result, as in " + draft.entry.name +
                                                       ".loss");
    }
    condition.results.emplace_back(draft.entry.name, TaskRef{});
    draft.entry.control.repeat_while = std::move(condition);
  }

  std::string text_of(TaskRef ref) const {
    return names_[ref.entry] + (ref.element ? '[' + std::to_string(*ref.element) + ']' : std::string{});
  }

  /// Every task that has ended when one of this entry starts.
  std::set<TaskRef> all_before(const GraphEntry& entry) const {
    std::set<TaskRef> before;
    std::set<std::uint32_t> visited;
    std::vector<const GraphEntry*> open{&entry};
    while (!open.empty()) {
      const GraphEntry* next = open.back();
      open.pop_back();
      for (const auto& ref : next->after) {
        before.insert(ref);
        if (visited.insert(ref.entry).second) open.push_back(&drafts_[ref.entry].entry);
      }
    }
    return before;
  }

  GraphTextPiece look_up_piece(TextPiece& piece, const GraphEntry& entry, Place place) {
    using Kind = GraphTextPiece::Kind;
    if (!piece.name) return {Kind::text, std::move(piece.text), 0, {}};
    const BracedName& name = *piece.name;
    const std::string braced = '{' + piece.text + '}';
    const std::string where = "task " + quoted(entry.name);
    const GraphTextPiece as_text{Kind::text, braced, 0, {}};
    const auto key =
        std::find_if(entry.each.begin(), entry.each.end(), [&](const EachKey& each) { return each.name == name.head; });
    if (key != entry.each.end() || name.head == "dir") {
      if (!name.steps.empty()) {
        complaints_.add(place, where + ": found " + braced + ", expected {" + name.head + "}: it is one text");
        return as_text;
      }
      if (key == entry.each.end()) return {Kind::directory, {}, 0, {}};
      return {Kind::each_key, {}, static_cast<std::uint32_t>(key - entry.each.begin()), {}};
    }
    std::size_t taken = 0;
    const auto ref = look_up(name, taken, place, where);
    if (ref && ref->entry == none) return as_text;
    if (!ref) {
      // With a hyphen it is more likely somebody else's braces.
      if (name.head.find('-') == std::string::npos) complain_of_name(name, entry, braced, place);
      return as_text;
    }
    const GraphEntry& of = drafts_[ref->entry].entry;
    if (of.has_each() && !ref->element) {
      complaints_.add(place, where + ": found " + braced + ", but " + quoted(of.name) + " is " +
                                 std::to_string(of.size()) + " tasks: name one, as in {" + of.name + "[0]" +
                                 name.path() + '}');
      return as_text;
    }
    if (&of == &entry) {
      complaints_.add(place, where + ": found " + braced + ", which is its own result");
      return as_text;
    }
    return {Kind::result, name.path(taken), 0, *ref};
  }

  void complain_of_name(const BracedName& name, const GraphEntry& entry, const std::string& braced, Place place) {
    std::vector<std::string> known = names_;
    for (const auto& each : entry.each) known.push_back(each.name);
    known.emplace_back("dir");
    std::string guess = did_you_mean(name.head, known);
    if (guess.empty())
      guess = ", expected dir, a key of 'each' or a task; for these very characters write {" + braced + "}";
    complaints_.add(place, "unknown name " + braced + " in task " + quoted(entry.name) + guess);
  }

  static constexpr std::uint32_t none = 0xffffffffu;

  std::vector<EntryDraft> drafts_;
  Complaints& complaints_;
  std::map<std::string, std::uint32_t> entries_;
  std::vector<std::string> names_;
  std::vector<TaskRef> results_;  // That the texts of the entry at hand name.
};

}  // namespace

std::vector<GraphEntry> link(std::vector<EntryDraft> drafts, Complaints& complaints) {
  return Linker(std::move(drafts), complaints).link();
}

}  // namespace troupe::cli
