// The strings of a graph file: text, and names in braces that stand for something else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::cli {

/// `train[2].loss` in pieces.
struct BracedName {
  std::string head;                ///< `train`
  std::vector<std::string> steps;  ///< `[2]`, `.loss`

  /// The steps from the `first` on, as they were written.
  std::string path(std::size_t first = 0) const;
};

/// An identifier (a hyphen may stand inside), then any number of `.key` and `[i]`; nullopt for anything else.
std::optional<BracedName> parse_braced_name(std::string_view inside);

struct TextPiece {
  std::string text;                ///< As it stands; of a name, what stands in the braces.
  std::optional<BracedName> name;  ///< Not there: the text stands for itself.
};

/// Cuts a string at its names: `{name}` is one, `{{name}}` is the text `{name}`, `${name}` and braces around anything
/// that is no name are text. Pieces of text are never neighbours.
std::vector<TextPiece> parse_text(std::string_view source);

/// `[A-Za-z_][A-Za-z0-9_-]*`, what a task or a key of `each` may be called.
bool is_identifier(std::string_view name);

}  // namespace troupe::cli
