// Checks of what must hold inside Troupe itself. They stay on in release builds: a broken one is a bug of ours, the
// process ends, and recovery handles it like any crash.
#pragma once

namespace troupe {

/// Prints place, condition and message to stderr, then aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* message);

}  // namespace troupe

#define TROUPE_CHECK(condition, message)                                               \
  do {                                                                                 \
    if (!(condition)) ::troupe::check_failed(__FILE__, __LINE__, #condition, message); \
  } while (false)
