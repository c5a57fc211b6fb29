#include "runtime/base/json_path.h"

#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using Json = nlohmann::json;

Error no_such_part(const std::string& part) { return {Fault::bad_input, "the result has no " + part}; }

}  // namespace

bool is_too_deep(std::string_view json) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > most_result_depth) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

Result<std::string> value_at(std::string_view json, std::string_view path) {
  const bool is_read = !json.empty() && !is_too_deep(json);
  const Json whole = is_read ? Json::parse(json, nullptr, false) : Json();
  const Json* value = &whole;
  while (!path.empty()) {
    if (path.front() == '[') {
      const std::size_t end = path.find(']');
      const std::string index(path.substr(1, end - 1));
      const bool is_number = end != path.npos && !index.empty() && index.size() < 10 &&
                             index.find_first_not_of("0123456789") == index.npos;
      if (!is_number || !value->is_array() || std::stoul(index) >= value->size())
        return no_such_part("element [" + index + "]");
      value = &(*value)[std::stoul(index)];
      path.remove_prefix(end + 1);
      continue;
    }
    if (path.front() == '.') path.remove_prefix(1);
    const std::string key(path.substr(0, path.find_first_of(".[")));
    if (!value->is_object() || !value->contains(key)) return no_such_part("key '" + key + "'");
    value = &(*value)[key];
    path.remove_prefix(key.size());
  }
  if (value->is_discarded()) return Error{Fault::bad_input, "the result is not a JSON value"};
  return value->dump();
}

}  // namespace troupe
