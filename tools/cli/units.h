// Numbers as people write them: sizes, durations, shares.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/resources.h"

namespace troupe::cli {

/// `2`, `0.25`: thousandths, so at most three decimals. Never negative.
std::optional<Milli> parse_milli(std::string_view text);
inline constexpr const char* expected_milli = "a number such as 2 or 0.25, with at most three decimals";

/// `2GiB`, `512MiB`, `1.5GB`, `4096`: bytes. Powers of 1024 carry an i.
std::optional<std::int64_t> parse_size(std::string_view text);
inline constexpr const char* expected_size = "a size such as 512MiB, 2GiB or 4096";

/// `250ms`, `30s`, `10min`, `1h`, `2d`. Never zero: a unit and a number above 0.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The same, or nothing at all: `0`, `0s`.
std::optional<std::chrono::milliseconds> parse_limit(std::string_view text);
inline constexpr const char* expected_duration = "a duration such as 500ms, 30s, 10min, 1h or 2d";

/// Decimal digits and nothing else.
std::optional<std::int64_t> parse_count(std::string_view text);

/// `2`, `0.25`
std::string milli_text(Milli amount);
/// `640 B`, `1.5 GiB`
std::string size_text(std::int64_t bytes);
/// `12 ms`, `3.4 s`, `2 min 5 s`, `1 h 3 min`
std::string duration_text(std::chrono::milliseconds duration);
/// Milliseconds since 1970.
std::int64_t now_ms();

}  // namespace troupe::cli
