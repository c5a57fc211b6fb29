// Arguments and results as bytes: numbers, strings, enums, vectors, arrays, pairs, optionals and variants of them, and
// default-constructible structs that a `fields` function in their namespace describes (wire/fields.h).
#pragma once

#include <array>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/task_spec.h"
#include "runtime/wire/fields.h"

namespace troupe {

template <class T>
concept HasFields = requires(FieldWriter& archive, T& value) {
  fields(archive, value);
};
template <class T>
concept HasLast = requires(T value) {
  last_of(value);
};

template <class T>
struct IsValue : std::bool_constant<std::is_arithmetic_v<T> || HasFields<T> || (std::is_enum_v<T> && HasLast<T>)> {};
template <>
struct IsValue<std::string> : std::true_type {};
template <class T>
struct IsValue<std::vector<T>> : IsValue<T> {};
template <>
struct IsValue<std::vector<bool>> : std::false_type {};
template <class T, std::size_t N>
struct IsValue<std::array<T, N>> : IsValue<T> {};
template <class T>
struct IsValue<std::optional<T>> : IsValue<T> {};
template <class First, class Second>
struct IsValue<std::pair<First, Second>> : std::bool_constant<IsValue<First>::value && IsValue<Second>::value> {};
template <class... T>
struct IsValue<std::variant<T...>> : std::bool_constant<(IsValue<T>::value && ...)> {};

/// What may cross a process boundary.
template <class T>
concept Value = IsValue<std::remove_cvref_t<T>>::value;

template <class T>
concept ReturnValue = std::is_void_v<T> || Value<T>;

/// Limits of values, besides the frame that carries them (zmq_transport.cpp).
inline constexpr DecodeLimits value_limits{.depth = 32, .array_length = 1u << 24, .string_bytes = 64u << 20};

template <Value T>
Bytes encode_value(const T& value) {
  return encode(value);
}

template <Value T>
Result<T> decode_value(std::string_view bytes) {
  return decode<T>(bytes, value_limits);
}

/// Throws std::invalid_argument where the bytes are of another function's arguments.
template <class... Args>
std::tuple<std::remove_cvref_t<Args>...> decode_arguments(std::span<const Bytes> bytes) {
  if (bytes.size() != sizeof...(Args))
    throw std::invalid_argument(std::to_string(bytes.size()) + " arguments were given, " +
                                std::to_string(sizeof...(Args)) + " are expected");
  [[maybe_unused]] std::size_t next = 0;
  [[maybe_unused]] const auto decode_one = [&]<class T>(std::type_identity<T>) {
    auto value = decode_value<T>(bytes[next++]);
    if (!value) throw std::invalid_argument("argument " + std::to_string(next) + ": " + value.error().message);
    return std::move(value).value();
  };
  return {decode_one(std::type_identity<std::remove_cvref_t<Args>>{})...};
}

/// Runs `body` and encodes what it returns; nothing for void.
template <class R, class Body>
Bytes encode_return(Body body) {
  if constexpr (std::is_void_v<R>) {
    body();
    return {};
  } else {
    return encode_value<std::remove_cvref_t<R>>(body());
  }
}

}  // namespace troupe
