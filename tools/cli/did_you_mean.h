// The name that was probably meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// ` (did you mean 'command'?)`, or nothing when no candidate is near.
std::string did_you_mean(std::string_view found, const std::vector<std::string>& candidates);

/// `command, after or each`
std::string one_of(const std::vector<std::string>& names);

}  // namespace troupe::cli
