#include "tools/cli/graph_control.h"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "tools/cli/did_you_mean.h"
#include "tools/cli/graph_needs.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using Kind = DocumentNode::Kind;
using std::chrono::milliseconds;

constexpr std::int64_t most_priority = 1'000'000;
constexpr std::uint32_t most_members = 4096;
constexpr std::size_t most_causes = 64;
constexpr std::size_t most_locks = 64;  // And semaphores, of a task.
constexpr std::size_t most_lock_name_bytes = 256;
constexpr std::uint32_t most_permits = 1'000'000;
constexpr milliseconds usual_longest_delay = std::chrono::hours(1);

std::optional<std::int64_t> whole_number(const DocumentNode& node) {
  if (!is_plain(node)) return std::nullopt;
  const bool is_negative = node.text.starts_with('-');
  const auto count = parse_count(std::string_view(node.text).substr(is_negative ? 1 : 0));
  return count && is_negative ? -*count : count;
}

/// `SIGKILL` or `KILL`; nullopt when there is no such signal.
std::optional<std::int32_t> signal_of(std::string name) {
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int signal = 1; signal < NSIG; ++signal)
    if (const char* known = ::sigabbrev_np(signal); known != nullptr && name == known) return signal;
  return std::nullopt;
}

/// What is expected in its place; empty: it makes sense.
std::string flaw_of(const GraphGang& gang) {
  if (gang.policy == GangPolicy::data) return "'stages' with policy: model or mesh only";
  if (gang.policy == GangPolicy::model && gang.stages != gang.size)
    return "with policy: model a size of as many members as there are stages, " + std::to_string(gang.stages);
  if (gang.size % gang.stages != 0)
    return "a size that is a whole number of pipelines of " + std::to_string(gang.stages) + " stages";
  return {};
}

}  // namespace

bool ControlReader::read_setting(const std::string& key, const DocumentNode& value, GraphControl& control) {
  if (key == "priority") {
    read_priority(value, control);
  } else if (key == "preemptible") {
    read_flag(value, key, control.preemptible);
  } else if (key == "spread") {
    read_flag(value, key, control.spreads);
  } else if (key == "cache") {
    read_flag(value, key, control.cache);
  } else if (key == "retry_on") {
    read_retry_on(value, control);
  } else if (key == "retry_delay") {
    read_retry_delay(value, control);
  } else {
    return false;
  }
  return true;
}

bool ControlReader::read_task_key(const std::string& key, const DocumentNode& value, EntryDraft& draft) {
  if (key == "locks") {
    read_locks(value, draft.entry.locks);
  } else if (key == "semaphores") {
    read_semaphores(value, draft.entry.semaphores);
  } else if (key == "when") {
    read_condition(value, key, draft.when);
  } else if (key == "repeat") {
    read_repeat(value, draft);
  } else if (key == "gang") {
    read_gang(value, draft);
  } else {
    return false;
  }
  return true;
}

void ControlReader::read_flag(const DocumentNode& node, const std::string& key, bool& flag) {
  if (is_plain(node) && (node.text == "true" || node.text == "false")) {
    flag = node.text == "true";
  } else {
    expect(node, key, "true or false");
  }
}

void ControlReader::read_count(const DocumentNode& node, const std::string& key, std::uint32_t most,
                               std::uint32_t& count) {
  const auto read = whole_number(node);
  if (read && *read >= 1 && *read <= most) {
    count = static_cast<std::uint32_t>(*read);
  } else {
    expect(node, key, "a whole number from 1 to " + std::to_string(most));
  }
}

void ControlReader::read_priority(const DocumentNode& node, GraphControl& control) {
  const auto read = whole_number(node);
  if (read && *read >= -most_priority && *read <= most_priority) {
    control.priority = static_cast<std::int32_t>(*read);
  } else {
    expect(node, "priority",
           "a whole number from -" + std::to_string(most_priority) + " to " + std::to_string(most_priority) +
               "; higher goes first");
  }
}

void ControlReader::read_retry_on(const DocumentNode& node, GraphControl& control) {
  const std::string expected = "a list of exit codes and signals, as in [75, SIGKILL]";
  if (node.kind != Kind::sequence || node.items.empty()) return expect(node, "retry_on", expected);
  control.retry.exit_codes.clear();
  control.retry.signals.clear();
  for (const auto& item : node.items) {
    const auto code = whole_number(item);
    const auto signal = is_plain(item) ? signal_of(item.text) : std::nullopt;
    if (code && *code >= 1 && *code <= 255) {
      control.retry.exit_codes.push_back(static_cast<std::int32_t>(*code));
    } else if (signal) {
      control.retry.signals.push_back(*signal);
    } else {
      expect(item, "retry_on", "an exit code from 1 to 255, or a signal such as SIGKILL");
    }
  }
  if (node.items.size() > most_causes) expect(node, "retry_on", "at most " + std::to_string(most_causes));
}

void ControlReader::read_retry_delay(const DocumentNode& node, GraphControl& control) {
  const auto read = [&](const DocumentNode& value, milliseconds& delay) {
    const auto duration = value.kind == Kind::scalar ? parse_duration(value.text) : std::nullopt;
    if (!duration) expect(value, "retry_delay", expected_duration);
    delay = duration.value_or(delay);
  };
  control.retry.longest_delay = usual_longest_delay;
  if (node.kind == Kind::scalar) return read(node, control.retry.delay);
  if (node.kind != Kind::mapping)
    return expect(node, "retry_delay", "a duration such as 10s, or {first: 1s, longest: 5min}");
  for (std::size_t i = 0; i < node.size(); ++i) {
    if (node.key(i).text == "first") {
      read(node.value(i), control.retry.delay);
    } else if (node.key(i).text == "longest") {
      read(node.value(i), control.retry.longest_delay);
    } else {
      unknown_key(node.key(i), "retry_delay", {"first", "longest"});
    }
  }
  if (control.retry.delay.count() == 0) expect(node, "retry_delay", "the key 'first'");
}

void ControlReader::read_condition(const DocumentNode& node, const std::string& key,
                                   std::optional<PlacedText>& condition) {
  if (node.kind == Kind::scalar && !node.text.empty()) {
    condition = PlacedText{node.text, node.place};
  } else {
    expect(node, key, "a condition in quotes, as in \"join.accuracy >= 0.9\"");
  }
}

void ControlReader::read_repeat(const DocumentNode& node, EntryDraft& draft) {
  const std::string expected = "{while: \"" + draft.entry.name + ".loss > 0.1\", at_most: 10}";
  if (node.kind != Kind::mapping) return expect(node, "repeat", expected);
  draft.entry.control.at_most = 0;
  for (std::size_t i = 0; i < node.size(); ++i) {
    const DocumentNode& value = node.value(i);
    if (node.key(i).text == "while") {
      read_condition(value, "while", draft.repeat_while);
    } else if (node.key(i).text == "at_most") {
      draft.entry.control.at_most = 1;
      read_count(value, "at_most", most_attempts, draft.entry.control.at_most);
    } else {
      unknown_key(node.key(i), "repeat", {"while", "at_most"});
    }
  }
  // A loop without a bound is refused: it may never end.
  if (!draft.repeat_while || draft.entry.control.at_most == 0) expect(node, "repeat", "both keys, as in " + expected);
}

bool ControlReader::is_lock_name(const DocumentNode& node, const std::string& key) {
  const bool fits = node.kind == Kind::scalar && !node.text.empty() && node.text.size() <= most_lock_name_bytes;
  if (!fits) expect(node, key, "a name of at most " + std::to_string(most_lock_name_bytes) + " bytes");
  return fits;
}

void ControlReader::read_locks(const DocumentNode& node, std::vector<std::string>& locks) {
  if (node.kind != Kind::sequence) return expect(node, "locks", "a list of names, as in [database]");
  for (const auto& item : node.items)
    if (is_lock_name(item, "locks") && std::find(locks.begin(), locks.end(), item.text) == locks.end())
      locks.push_back(item.text);
  if (locks.size() > most_locks) expect(node, "locks", "at most " + std::to_string(most_locks));
  std::sort(locks.begin(), locks.end());
}

void ControlReader::read_semaphores(const DocumentNode& node, std::vector<SemaphoreNeed>& semaphores) {
  if (node.kind != Kind::mapping)
    return expect(node, "semaphores", "a mapping of names to how many may run at once, as in {licence: 2}");
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string& name = node.key(i).text;
    if (!is_lock_name(node.key(i), "semaphores")) continue;
    std::uint32_t permits = 0;
    read_count(node.value(i), "semaphores." + name, most_permits, permits);
    if (permits > 0) semaphores.push_back({name, permits});
  }
  if (semaphores.size() > most_locks) expect(node, "semaphores", "at most " + std::to_string(most_locks));
  std::sort(semaphores.begin(), semaphores.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

void ControlReader::read_gang(const DocumentNode& node, EntryDraft& draft) {
  const std::string expected = "{size: 4}, and if need be policy: data, model or mesh";
  if (!is_mapping(node, "gang", expected)) return;
  GraphGang gang{.size = 0};
  bool has_stages = false;
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string& key = node.key(i).text;
    const DocumentNode& value = node.value(i);
    if (key == "size") {
      gang.size = 1;
      read_count(value, "size", most_members, gang.size);
    } else if (key == "stages") {
      has_stages = true;
      read_stages(value, draft, gang);
    } else if (key == "policy") {
      const std::vector<std::string> policies{"data", "model", "mesh"};
      const auto found = std::find(policies.begin(), policies.end(), value.text);
      if (value.kind == Kind::scalar && found != policies.end()) {
        gang.policy = static_cast<GangPolicy>(found - policies.begin());
      } else {
        expect(value, "policy", one_of(policies));
      }
    } else {
      unknown_key(node.key(i), "gang", {"size", "policy", "stages"});
    }
  }
  if (gang.size == 0 && gang.policy == GangPolicy::model)
    gang.size = static_cast<std::uint32_t>(gang.each_stage.size());
  if (has_stages && gang.stages == 0) return;  // That was told.
  if (gang.size == 0) return expect(node, "gang", has_stages ? "a size, of so many pipelines" : expected);
  if (const std::string flaw = has_stages ? flaw_of(gang) : std::string{}; !flaw.empty()) expect(node, "gang", flaw);
  if (gang.policy != GangPolicy::mesh) gang.stages = 1;
  draft.entry.control.gang = std::move(gang);
}

/// How many there are, or what each of them needs.
void ControlReader::read_stages(const DocumentNode& node, EntryDraft& draft, GraphGang& gang) {
  if (node.kind != Kind::sequence) return read_count(node, "stages", most_members, gang.stages);
  const std::string expected = "a list of stages, as in [{needs: {cpus: 2}, bytes_to_next: 4MiB}, {}]";
  gang.stages = 0;
  if (node.items.empty() || node.items.size() > most_members) return expect(node, "stages", expected);
  gang.stages = static_cast<std::uint32_t>(node.items.size());
  gang.each_stage.assign(node.items.size(), {});
  draft.stage_places.assign(node.items.size(), {});
  for (std::size_t at = 0; at < node.items.size(); ++at) {
    const DocumentNode& item = node.items[at];
    GraphStage& stage = gang.each_stage[at];
    if (!is_mapping(item, "stages", expected)) continue;
    for (std::size_t i = 0; i < item.size(); ++i) {
      if (item.key(i).text == "needs") {
        NeedsReader(complaints_, in_).read(item.value(i), stage.needs.emplace(), draft.stage_places[at]);
      } else if (item.key(i).text == "bytes_to_next") {
        stage.bytes_to_next = size_of(item.value(i), "bytes_to_next").value_or(0);
      } else {
        unknown_key(item.key(i), "stages", {"needs", "bytes_to_next"});
      }
    }
  }
}

void ControlReader::check(EntryDraft& draft, const Place& place) {
  const GraphControl& control = draft.entry.control;
  if (draft.repeat_while && control.gang)
    complaints_.add(place, "found 'repeat' and 'gang'" + in_ + ": a gang cannot repeat");
  if (control.cache && (draft.repeat_while || control.gang))
    complaints_.add(place, "found 'cache'" + in_ + ", which repeats or is a gang: its result cannot be cached");
  if (!control.gang) return;
  // The members are the combinations of one more key, which runs fastest.
  auto& each = draft.entry.each;
  if (std::any_of(each.begin(), each.end(), [](const EachKey& key) { return key.name == "rank"; })) {
    complaints_.add(place, "'each' and 'gang'" + in_ + " both make a {rank}: give the key of 'each' another name");
    return;
  }
  EachKey ranks{"rank", {}};
  for (std::uint32_t rank = 0; rank < control.gang->size; ++rank) ranks.values.push_back(std::to_string(rank));
  each.push_back(std::move(ranks));
}

}  // namespace troupe::cli
