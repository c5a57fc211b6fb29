#include "tools/cli/yaml_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cctype>
#include <cstdint>
#include <istream>
#include <optional>
#include <set>
#include <streambuf>

namespace troupe::cli {
namespace {

/// How the tree's builder stops the parser: it is thrown through yaml-cpp and caught in read_document.
struct Refused {
  Place place;
  std::string message;
};

Place place_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

/// A name or text in an error message: not too long, and on one line.
std::string shown(std::string text) {
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return "'" + text + "'";
}

/// Builds the tree from the parser's events. Invariant: `open_` are the collections around the next value, outermost
/// first; they stay where they are because only the innermost one grows.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const DocumentLimits& limits) : limits_(limits) {}

  DocumentNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    throw Refused{place_of(mark), "found the anchor '&" + name + "': anchors are not read here; write the value out"};
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{place_of(mark), "found an alias: aliases are not read here; write the value out"};
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    add({DocumentNode::Kind::null, place_of(mark), {}, false, {}});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    refuse_tag(mark, tag);
    add({DocumentNode::Kind::scalar, place_of(mark), value, tag == "!", {}});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(DocumentNode::Kind::sequence, mark, tag);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(DocumentNode::Kind::mapping, mark, tag);
    keys_.emplace_back();
  }
  void OnMapEnd() override {
    keys_.pop_back();
    open_.pop_back();
  }

 private:
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Refused{place_of(mark), "found the tag " + shown(tag) + ": tags are not read here; leave it out"};
  }

  void open(DocumentNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    refuse_tag(mark, tag);
    if (open_.size() >= limits_.depth)
      throw Refused{place_of(mark), "found lists and mappings " + std::to_string(open_.size() + 1) +
                                        " deep, expected at most " + std::to_string(limits_.depth)};
    open_.push_back(&add({kind, place_of(mark), {}, false, {}}));
  }

  DocumentNode& add(DocumentNode node) {
    if (++count_ > limits_.nodes)
      throw Refused{node.place, "found more than " + std::to_string(limits_.nodes) + " values in one file"};
    if (open_.empty()) return root_ = std::move(node);
    DocumentNode& parent = *open_.back();
    if (parent.kind == DocumentNode::Kind::mapping && parent.items.size() % 2 == 0) check_key(node);
    parent.items.push_back(std::move(node));
    return parent.items.back();
  }

  void check_key(const DocumentNode& key) {
    if (key.kind != DocumentNode::Kind::scalar)
      throw Refused{key.place, "found " + describe(key) + " as a key, expected a name"};
    if (!keys_.back().insert(key.text).second)
      throw Refused{key.place, "key " + shown(key.text) + " is there twice in one mapping"};
  }

  const DocumentLimits limits_;
  DocumentNode root_;
  std::vector<DocumentNode*> open_;
  std::vector<std::set<std::string>> keys_;  // Of the open mappings.
  std::size_t count_ = 0;
};

/// Reads a view as a stream, without a copy of it.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

Place end_of(std::string_view text) {
  Place place{1, 1};
  for (const char c : text) {
    place.column = c == '\n' ? 1 : place.column + 1;
    place.line += c == '\n' ? 1 : 0;
  }
  return place;
}

std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(at, 4)) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return std::nullopt;
    value = value * 16 + static_cast<std::uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

/// JSON writes a character beyond 16 bits as two escapes, `\ud83c\udfad`; YAML wants `\U0001f3ad`. What follows it in
/// its line moves two columns to the left, which only an error there would show.
std::string join_surrogates(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string made;
  made.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    made += text[i];
    if (text[i] != '\\' || i + 1 >= text.size()) continue;
    const auto high = text[i + 1] == 'u' ? hex4(text, i + 2) : std::nullopt;
    const bool is_pair = high && (*high & 0xfc00u) == 0xd800u && text.substr(i + 6, 2) == "\\u";
    const auto low = is_pair ? hex4(text, i + 8) : std::nullopt;
    if (low && (*low & 0xfc00u) == 0xdc00u) {
      const std::uint32_t point = 0x10000u + ((*high & 0x3ffu) << 10) + (*low & 0x3ffu);
      made += 'U';
      for (int shift = 28; shift >= 0; shift -= 4) made += digits[(point >> shift) & 0xfu];
      i += 11;
    } else {
      made += text[++i];
    }
  }
  return made;
}

bool is_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{';
}

}  // namespace

std::string at_place(const std::string& file, Place place, const std::string& message) {
  std::string line = file + ':' + std::to_string(place.line) + ':' + std::to_string(place.column) + ": " + message;
  // What was found may hold anything; the message stays on its line.
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  return line;
}

std::string describe(const DocumentNode& node) {
  switch (node.kind) {
    case DocumentNode::Kind::null: return "nothing";
    case DocumentNode::Kind::sequence: return "a list";
    case DocumentNode::Kind::mapping: return "a mapping";
    case DocumentNode::Kind::scalar: break;
  }
  return (node.is_quoted ? "the text " : "") + shown(node.text);
}

Result<DocumentNode> read_document(const std::string& file, std::string_view text, const DocumentLimits& limits) {
  if (text.size() > limits.bytes)
    return bad_input(file + ": found " + std::to_string(text.size()) + " bytes, expected at most " +
                     std::to_string(limits.bytes));
  const std::string joined = is_json(text) && text.find("\\u") != text.npos ? join_surrogates(text) : "";
  ViewBuffer buffer(joined.empty() ? text : joined);
  std::istream stream(&buffer);
  Builder builder(limits);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder))
      return bad_input(at_place(file, {1, 1}, "found an empty file, expected a mapping"));
    DocumentNode root = builder.take();
    Builder second(limits);
    if (parser.HandleNextDocument(second)) {
      const DocumentNode next = second.take();
      return bad_input(at_place(file, next.place, "found a second document, expected one in a file"));
    }
    return root;
  } catch (const Refused& refused) {
    return bad_input(at_place(file, refused.place, refused.message));
  } catch (const YAML::Exception& wrong) {
    const Place place = wrong.mark.is_null() ? end_of(text) : place_of(wrong.mark);
    return bad_input(at_place(file, place, "not YAML: " + wrong.msg));
  }
}

}  // namespace troupe::cli
