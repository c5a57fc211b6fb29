// The way into a result: `.key` and `[i]`, any number of them, in a JSON text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace troupe {

/// Writing and copying a JSON value recurses: what is nested deeper than this is refused before it is read.
inline constexpr std::size_t most_result_depth = 64;
bool is_too_deep(std::string_view json);

/// The value at `path`, as JSON text; of no text at all it is null.
///
/// Fails with: bad_input (`the result has no key 'loss'`).
Result<std::string> value_at(std::string_view json, std::string_view path);

}  // namespace troupe
