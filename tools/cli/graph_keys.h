// What the readers of a graph file's keys have in common: how they complain, and values of the usual kinds.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/cli/graph_draft.h"

namespace troupe::cli {

inline std::string quoted(const std::string& text) { return "'" + text + "'"; }

/// A scalar without quotes: what looks like a number or a flag is one.
inline bool is_plain(const DocumentNode& node) { return node.kind == DocumentNode::Kind::scalar && !node.is_quoted; }

class KeyReader {
 protected:
  /// `in` says where in the file, as in ` in task 'train'`.
  KeyReader(Complaints& complaints, std::string in) : complaints_(complaints), in_(std::move(in)) {}

  /// `'needs' in task 'train': found a list, expected a mapping`
  void expect(const DocumentNode& node, const std::string& key, const std::string& expected);
  bool is_mapping(const DocumentNode& node, const std::string& key, const std::string& expected);
  /// Text of any look: `3` and `true` too are what they look like.
  std::optional<PlacedText> text_of(const DocumentNode& node, const std::string& key, const std::string& expected);
  std::optional<std::int64_t> size_of(const DocumentNode& node, const std::string& key);
  /// Of the mapping under the key `of`.
  void unknown_key(const DocumentNode& key, const std::string& of, const std::vector<std::string>& known);

  Complaints& complaints_;
  std::string in_;
};

/// The last of a name counts.
template <class Pairs, class Value>
void put(Pairs& pairs, const std::string& name, Value value) {
  for (auto& pair : pairs) {
    if (pair.first != name) continue;
    pair.second = std::move(value);
    return;
  }
  pairs.emplace_back(name, std::move(value));
}

}  // namespace troupe::cli
