// The keys of a graph file by which tasks choose, loop, try again, exclude each other and are placed together: `when`,
// `repeat`, `retry_on`, `retry_delay`, `locks`, `semaphores`, `priority`, `preemptible`, `spread`, `cache`, `gang`.
#pragma once

#include <string>
#include <vector>

#include "tools/cli/graph_keys.h"

namespace troupe::cli {

class ControlReader : private KeyReader {
 public:
  ControlReader(Complaints& complaints, std::string in) : KeyReader(complaints, std::move(in)) {}

  /// Keys that `defaults` may have, too. False: it is another key.
  bool read_setting(const std::string& key, const DocumentNode& value, GraphControl& control);
  /// Keys of one task. False: it is another key.
  bool read_task_key(const std::string& key, const DocumentNode& value, EntryDraft& draft);

  /// What one key allows and another forbids; `place` is the task's.
  void check(EntryDraft& draft, const Place& place);

 private:
  void read_flag(const DocumentNode& node, const std::string& key, bool& flag);
  void read_count(const DocumentNode& node, const std::string& key, std::uint32_t most, std::uint32_t& count);
  void read_priority(const DocumentNode& node, GraphControl& control);
  void read_retry_on(const DocumentNode& node, GraphControl& control);
  void read_retry_delay(const DocumentNode& node, GraphControl& control);
  void read_condition(const DocumentNode& node, const std::string& key, std::optional<PlacedText>& condition);
  void read_repeat(const DocumentNode& node, EntryDraft& draft);
  bool is_lock_name(const DocumentNode& node, const std::string& key);
  void read_locks(const DocumentNode& node, std::vector<std::string>& locks);
  void read_semaphores(const DocumentNode& node, std::vector<SemaphoreNeed>& semaphores);
  void read_gang(const DocumentNode& node, EntryDraft& draft);
  void read_stages(const DocumentNode& node, EntryDraft& draft, GraphGang& gang);
};

/// The names of the keys.
inline const std::vector<std::string> control_setting_keys{"priority", "preemptible", "spread",
                                                           "cache",    "retry_on",    "retry_delay"};
inline const std::vector<std::string> control_task_keys{"locks", "semaphores", "when", "repeat", "gang"};

}  // namespace troupe::cli
