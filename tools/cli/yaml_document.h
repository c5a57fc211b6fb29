// A YAML or JSON document as a tree in which every value knows its place in the file. JSON is read as the YAML that it
// is. Anchors, aliases and tags are refused, so a document is never larger in memory than in its file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/result.h"

namespace troupe::cli {

struct Place {
  int line = 0;  ///< From 1, as editors count; so is the column.
  int column = 0;
};

/// `graph.yaml:12:7: message`
std::string at_place(const std::string& file, Place place, const std::string& message);

struct DocumentNode {
  enum class Kind { null, scalar, sequence, mapping };

  Kind kind = Kind::null;
  Place place;
  std::string text;                 ///< Of a scalar.
  bool is_quoted = false;           ///< A quoted scalar is text, whatever it looks like.
  std::vector<DocumentNode> items;  ///< Of a sequence; of a mapping, key and value by turns.

  std::size_t size() const { return kind == Kind::mapping ? items.size() / 2 : items.size(); }
  /// Requires: a mapping.
  const DocumentNode& key(std::size_t i) const { return items[2 * i]; }
  const DocumentNode& value(std::size_t i) const { return items[2 * i + 1]; }
};

/// What was found, for an error message: `a list`, `the number 3`, `the text 'abc'`.
std::string describe(const DocumentNode& node);

struct DocumentLimits {
  std::size_t bytes = 16u << 20;
  std::size_t depth = 64;
  std::size_t nodes = 1'000'000;
};

/// Reads the one document in `text`; keys of a mapping are scalars, each once. `file` stands in messages.
///
/// Fails with: bad_input, one line that begins with the place.
Result<DocumentNode> read_document(const std::string& file, std::string_view text, const DocumentLimits& limits = {});

}  // namespace troupe::cli
