#include "tools/cli/graph_needs.h"

#include <algorithm>

#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

constexpr std::size_t most_labels = 64;
constexpr std::size_t most_label_bytes = 256;

const std::vector<std::string> needs_keys{"cpus", "gpus", "memory", "gpu_memory", "labels", "resources"};

}  // namespace

void NeedsReader::read(const DocumentNode& node, Resources& needs, std::map<std::string, Place>& places) {
  if (!is_mapping(node, "needs", "a mapping, as in {cpus: 1, memory: 2GiB}")) return;
  for (std::size_t i = 0; i < node.size(); ++i) {
    const DocumentNode& key = node.key(i);
    const DocumentNode& value = node.value(i);
    places[key.text] = value.place;
    if (key.text == "cpus") {
      read_amount(value, "cpus", needs.cpus);
    } else if (key.text == "gpus") {
      read_gpus(value, needs.gpus);
    } else if (key.text == "memory") {
      needs.memory_bytes = size_of(value, "memory").value_or(needs.memory_bytes);
    } else if (key.text == "gpu_memory") {
      needs.gpu_memory_bytes = size_of(value, "gpu_memory").value_or(needs.gpu_memory_bytes);
    } else if (key.text == "labels") {
      read_labels(value, needs.labels);
    } else if (key.text == "resources") {
      read_named(value, needs.named);
    } else {
      unknown_key(key, "needs", needs_keys);
    }
  }
}

void NeedsReader::read_amount(const DocumentNode& node, const std::string& key, Milli& amount) {
  const auto read = is_plain(node) ? parse_milli(node.text) : std::nullopt;
  if (!read) expect(node, key, expected_milli);
  amount = read.value_or(amount);
}

void NeedsReader::read_gpus(const DocumentNode& node, Milli& gpus) {
  Milli amount = 0;
  read_amount(node, "gpus", amount);
  if (amount > 1000 && amount % 1000 != 0)
    return expect(node, "gpus", "a share of one gpu, at most 1, or a whole number of them");
  gpus = amount;
}

void NeedsReader::read_labels(const DocumentNode& node, Labels& labels) {
  if (!is_mapping(node, "labels", "a mapping, as in {disk: nvme}")) return;
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string& name = node.key(i).text;
    const auto value = text_of(node.value(i), "labels." + name, "text");
    if (!value) continue;
    if (name.empty() || name.size() > most_label_bytes || value->text.size() > most_label_bytes) {
      expect(node.key(i), "labels", "names and values of at most " + std::to_string(most_label_bytes) + " bytes");
    } else {
      put(labels, name, value->text);
    }
  }
  if (labels.size() > most_labels) expect(node, "labels", "at most " + std::to_string(most_labels));
  std::sort(labels.begin(), labels.end());
}

void NeedsReader::read_named(const DocumentNode& node, NamedAmounts& named) {
  if (!is_mapping(node, "resources", "a mapping of names to amounts, as in {licences: 1}")) return;
  for (std::size_t i = 0; i < node.size(); ++i) {
    Milli amount = 0;
    read_amount(node.value(i), "resources." + node.key(i).text, amount);
    put(named, node.key(i).text, amount);
  }
  std::sort(named.begin(), named.end());
}

}  // namespace troupe::cli
