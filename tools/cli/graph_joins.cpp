#include "tools/cli/graph_joins.h"

#include <set>

namespace troupe::cli {
namespace {

constexpr std::uint64_t most_plain_edges = 1'000;

/// Whose results its strings and its condition take: these edges are there beside a join.
std::set<TaskRef> results_of(const GraphEntry& entry) {
  std::set<TaskRef> results;
  const auto look_at = [&](const GraphText& text) {
    for (const auto& piece : text)
      if (piece.kind == GraphTextPiece::Kind::result) results.insert(piece.task);
  };
  for (const auto& word : entry.command) look_at(word);
  for (const auto& variable : entry.environment) look_at(variable.second);
  if (entry.control.when)
    for (const auto& [name, ref] : entry.control.when->results) results.insert(ref);
  return results;
}

}  // namespace

std::vector<bool> joined_entries(const std::vector<GraphEntry>& entries) {
  std::vector<std::uint64_t> followers(entries.size());
  for (const auto& entry : entries)
    for (const auto& ref : entry.after)
      if (!ref.element) followers[ref.entry] += entry.size();
  std::vector<bool> joined(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint64_t size = entries[i].size();
    const std::uint64_t edges = size * followers[i];
    joined[i] = edges > most_plain_edges && edges > size + followers[i];
  }
  return joined;
}

std::string join_name(const GraphEntry& entry) { return entry.name + "[*]"; }

std::uint64_t edges_to_each(const GraphEntry& entry, const std::vector<GraphEntry>& entries,
                            const std::vector<bool>& joined) {
  std::uint64_t edges = 0;
  for (const auto& ref : entry.after) edges += ref.element || joined[ref.entry] ? 1 : entries[ref.entry].size();
  for (const auto& ref : results_of(entry)) edges += joined[ref.entry] ? 1 : 0;
  return edges;
}

}  // namespace troupe::cli
