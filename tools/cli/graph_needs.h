// The key `needs` of a graph file: of a task, of `defaults`, of a stage of a gang.
#pragma once

#include <map>
#include <string>

#include "tools/cli/graph_keys.h"

namespace troupe::cli {

class NeedsReader : private KeyReader {
 public:
  using KeyReader::KeyReader;
  NeedsReader(Complaints& complaints, std::string in) : KeyReader(complaints, std::move(in)) {}

  /// Puts what the file says in place of what `needs` holds; and where it says each, by key.
  void read(const DocumentNode& node, Resources& needs, std::map<std::string, Place>& places);

 private:
  void read_amount(const DocumentNode& node, const std::string& key, Milli& amount);
  void read_gpus(const DocumentNode& node, Milli& gpus);
  void read_labels(const DocumentNode& node, Labels& labels);
  void read_named(const DocumentNode& node, NamedAmounts& named);
};

}  // namespace troupe::cli
