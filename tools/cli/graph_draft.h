// A graph file half read: its keys are known and its values well formed; names are not looked up yet.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/cli/graph_file.h"
#include "tools/cli/yaml_document.h"

namespace troupe::cli {

/// What is wrong with a file, collected so that all of it is told at once.
class Complaints {
 public:
  explicit Complaints(std::string file) : file_(std::move(file)) {}

  void add(Place place, std::string message) { all_.push_back({place, std::move(message)}); }
  bool empty() const { return all_.empty(); }

  /// In the order of the file, each once; a great many are cut short.
  std::vector<std::string> lines() const;

 private:
  struct Complaint {
    Place place;
    std::string message;
  };
  std::string file_;
  std::vector<Complaint> all_;
};

/// A string of the file and where it stands.
struct PlacedText {
  std::string text;
  Place place;
};

struct EntryDraft {
  GraphEntry entry;
  Place place;
  std::vector<PlacedText> after;
  std::vector<PlacedText> command;
  std::vector<std::pair<std::string, PlacedText>> environment;
  std::optional<PlacedText> working_directory;
  std::optional<PlacedText> when;
  std::optional<PlacedText> repeat_while;
  std::vector<std::map<std::string, Place>> stage_places;  ///< Of the needs of each stage of its gang.
};

/// Looks up every name in `after` and in braces, adds the edges that results need, and looks for cycles.
std::vector<GraphEntry> link(std::vector<EntryDraft> drafts, Complaints& complaints);

}  // namespace troupe::cli
