// Small files that must outlive a loss of power.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace troupe {

/// Replaces the file whole or not at all; it is on disk when this returns well. One writer at a time.
///
/// Fails with: unavailable (it cannot be written: why).
Result<void> replace_file(const std::string& path, std::string_view text);

}  // namespace troupe
