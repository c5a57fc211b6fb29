// The file that `--record` names.
#pragma once

#include <string>

#include "runtime/base/result.h"

namespace troupe::cli {

/// `text` as an absolute path; empty if it is.
///
/// Fails with: bad_input (no file can be made there).
Result<std::string> log_file(const std::string& text);

}  // namespace troupe::cli
