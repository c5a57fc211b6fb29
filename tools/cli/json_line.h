// JSON as programs read it: one value a line.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace troupe::cli {

/// Output of programs that is no UTF-8 must not stop anything: what is wrong in it is replaced.
template <class Json = nlohmann::ordered_json>
std::string json_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace troupe::cli
