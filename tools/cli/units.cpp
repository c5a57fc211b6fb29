#include "tools/cli/units.h"

#include <array>
#include <cstdio>
#include <span>
#include <utility>

namespace troupe::cli {
namespace {

/// A decimal number in thousandths, and what stands behind it.
struct Quantity {
  std::int64_t milli = 0;
  std::string_view unit;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes at most three decimals and 15 digits before them, so that nothing overflows.
std::optional<Quantity> parse_quantity(std::string_view text) {
  Quantity quantity;
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    if (at == 15) return std::nullopt;
    quantity.milli = quantity.milli * 10 + (text[at] - '0');
  }
  if (at == 0) return std::nullopt;
  int decimals = 0;
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && is_digit(text[at]); ++at, ++decimals) {
      if (decimals == 3) return std::nullopt;
      quantity.milli = quantity.milli * 10 + (text[at] - '0');
    }
    if (decimals == 0) return std::nullopt;
  }
  for (; decimals < 3; ++decimals) quantity.milli *= 10;
  quantity.unit = text.substr(at);
  return quantity;
}

using Units = std::span<const std::pair<std::string_view, std::int64_t>>;

/// `quantity` in the smallest unit, rounded down; nullopt for an unknown unit or a number too large.
std::optional<std::int64_t> in_units(const Quantity& quantity, Units units) {
  for (const auto& [name, factor] : units) {
    if (name != quantity.unit) continue;
    constexpr std::int64_t most = std::int64_t{1} << 62;
    const std::int64_t whole = quantity.milli / 1000;
    if (whole >= most / factor) return std::nullopt;
    return whole * factor + quantity.milli % 1000 * factor / 1000;
  }
  return std::nullopt;
}

std::string printed(const char* format, double value) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), format, value);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace

std::optional<Milli> parse_milli(std::string_view text) {
  const auto quantity = parse_quantity(text);
  if (!quantity || !quantity->unit.empty()) return std::nullopt;
  return quantity->milli;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  static constexpr std::pair<std::string_view, std::int64_t> units[] = {{"", 1},
                                                                        {"B", 1},
                                                                        {"kB", 1'000},
                                                                        {"KB", 1'000},
                                                                        {"MB", 1'000'000},
                                                                        {"GB", 1000000000},
                                                                        {"TB", 1000000000000},
                                                                        {"KiB", 1 << 10},
                                                                        {"MiB", 1 << 20},
                                                                        {"GiB", 1 << 30},
                                                                        {"TiB", std::int64_t{1} << 40}};
  const auto quantity = parse_quantity(text);
  if (!quantity) return std::nullopt;
  return in_units(*quantity, units);
}

std::optional<std::chrono::milliseconds> parse_limit(std::string_view text) {
  static constexpr std::pair<std::string_view, std::int64_t> units[] = {
      {"ms", 1}, {"s", 1'000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  if (text == "0") return std::chrono::milliseconds(0);
  const auto quantity = parse_quantity(text);
  if (!quantity) return std::nullopt;
  const auto value = in_units(*quantity, units);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(*value);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto limit = parse_limit(text);
  return limit && limit->count() > 0 ? limit : std::nullopt;
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  const auto quantity = parse_quantity(text);
  if (!quantity || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  return quantity->milli / 1000;
}

std::string milli_text(Milli amount) {
  std::string text = std::to_string(amount / 1000);
  if (amount % 1000 == 0) return text;
  std::string decimals = std::to_string(1000 + amount % 1000).substr(1);
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return text + '.' + decimals;
}

std::string size_text(std::int64_t bytes) {
  static constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  std::string text = printed("%.1f", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text + ' ' + std::string(units[unit]);
}

std::string duration_text(std::chrono::milliseconds duration) {
  const std::int64_t ms = duration.count();
  const std::int64_t seconds = ms / 1000;
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (seconds < 60) return printed("%.1f s", static_cast<double>(ms / 100) / 10);
  if (seconds < 3600) return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  return std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
}

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace troupe::cli
