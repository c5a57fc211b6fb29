#include "tools/cli/graph_keys.h"

#include "tools/cli/did_you_mean.h"
#include "tools/cli/units.h"

namespace troupe::cli {

using Kind = DocumentNode::Kind;

void KeyReader::expect(const DocumentNode& node, const std::string& key, const std::string& expected) {
  complaints_.add(node.place, quoted(key) + in_ + ": found " + describe(node) + ", expected " + expected);
}

bool KeyReader::is_mapping(const DocumentNode& node, const std::string& key, const std::string& expected) {
  if (node.kind != Kind::mapping) expect(node, key, expected);
  return node.kind == Kind::mapping;
}

std::optional<PlacedText> KeyReader::text_of(const DocumentNode& node, const std::string& key,
                                             const std::string& expected) {
  if (node.kind != Kind::scalar) {
    expect(node, key, expected);
    return std::nullopt;
  }
  if (node.text.find('\0') != node.text.npos) {
    complaints_.add(node.place, quoted(key) + in_ + ": found a NUL character, which no program can be given");
    return std::nullopt;
  }
  return PlacedText{node.text, node.place};
}

std::optional<std::int64_t> KeyReader::size_of(const DocumentNode& node, const std::string& key) {
  const auto read = node.kind == Kind::scalar ? parse_size(node.text) : std::nullopt;
  if (!read) expect(node, key, expected_size);
  return read;
}

void KeyReader::unknown_key(const DocumentNode& key, const std::string& of, const std::vector<std::string>& known) {
  std::string guess = did_you_mean(key.text, known);
  if (guess.empty()) guess = ", expected " + one_of(known);
  complaints_.add(key.place, "unknown key " + quoted(key.text) + " of " + quoted(of) + in_ + guess);
}

}  // namespace troupe::cli
