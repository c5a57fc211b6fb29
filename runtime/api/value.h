// Arguments and results as bytes: numbers, bytes, strings, durations, enums that a `last_of` function in their
// namespace describes, vectors, shared arrays, arrays, maps, sets, pairs, optionals and variants of them, and
// default-constructible structs that a `fields` function in their namespace describes (wire/fields.h).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
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
#include "runtime/objects/object_client.h"
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
struct IsValue<SharedArray<T>> : std::true_type {};
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
template <class Period>
struct IsValue<std::chrono::duration<std::int64_t, Period>> : std::true_type {};
template <>
struct IsValue<std::monostate> : std::true_type {};
template <class Kind>
struct IsValue<Id<Kind>> : std::true_type {};
template <Associative T>
struct IsValue<T> : IsValue<ElementOf<T>> {};
template <class... T>
struct IsValue<std::variant<T...>> : std::bool_constant<(IsValue<T>::value && ...)> {};

/// What may cross a process boundary.
template <class T>
concept Value = IsValue<std::remove_cvref_t<T>>::value;

/// Several results of one task or call, each a value by itself.
template <class T>
inline constexpr bool are_several = false;
template <class... T>
inline constexpr bool are_several<std::tuple<T...>> = sizeof...(T) > 0 && (IsValue<T>::value && ...);

template <class T>
concept ReturnValue = std::is_void_v<T> || Value<T> || are_several<std::remove_cvref_t<T>>;

/// Limits of values, besides that of what carries them.
inline constexpr DecodeLimits value_limits{.depth = 32, .array_length = 1u << 24, .string_bytes = 0xffff'ffff};

/// A value as bytes, in two pieces, so that a large array is copied only once: to where it is to lie.
struct EncodedValue {
  Bytes head;
  std::string_view body{};              ///< Follows.
  std::shared_ptr<const void> owner{};  ///< Of the body, if it is not the caller's.
  Handed refs{};                        ///< What the Refs in it name.

  std::size_t size() const { return head.size() + body.size(); }
  Bytes joined() && {
    head += body;
    return std::move(head);
  }
};

template <class T>
inline constexpr bool is_array_of_numbers = false;
template <Number T>
inline constexpr bool is_array_of_numbers<std::vector<T>> = true;
template <class T>
inline constexpr bool is_array_of_numbers<SharedArray<T>> = true;

/// Looks at the value: requires that it stays until the bytes are used.
///
/// Throws std::length_error where an array has 4 GiB or more.
template <Value T>
EncodedValue encode_pieces(const T& value) {
  if constexpr (is_array_of_numbers<T>) {
    const std::string_view body(reinterpret_cast<const char*>(value.data()), value.size() * sizeof(value[0]));
    if (body.size() > 0xffff'ffff) throw std::length_error("an array of 4 GiB or more cannot be handed over in one");
    Encoder head;
    head.bytes_head(body.size());
    return {head.take(), body};
  } else {
    EncodedValue encoded;
    encoded.head = encode(value, &encoded.refs);
    return encoded;
  }
}

/// Throws std::invalid_argument where there is a Ref in it.
template <Value T>
Bytes encode_value(const T& value) {
  if constexpr (is_array_of_numbers<T>) {
    return encode_pieces(value).joined();
  } else {
    return encode(value);
  }
}

template <Value T>
Result<T> decode_value(const Payload& payload) {
  return decode<T>(payload.bytes, value_limits, payload.owner, &payload.handed);
}

/// Throws std::invalid_argument where the bytes are of another function's arguments.
template <class... Args>
std::tuple<std::remove_cvref_t<Args>...> decode_arguments(std::span<const Payload> given) {
  if (given.size() != sizeof...(Args))
    throw std::invalid_argument(std::to_string(given.size()) + " arguments were given, " +
                                std::to_string(sizeof...(Args)) + " are expected");
  [[maybe_unused]] std::size_t next = 0;
  [[maybe_unused]] const auto decode_one = [&]<class T>(std::type_identity<T>) {
    auto value = decode_value<T>(given[next++]);
    if (!value) throw std::invalid_argument("argument " + std::to_string(next) + ": " + value.error().message);
    return std::move(value).value();
  };
  return {decode_one(std::type_identity<std::remove_cvref_t<Args>>{})...};
}

/// Owns what the pieces refer to.
template <Value T>
EncodedValue encode_owned(T value) {
  if constexpr (is_array_of_numbers<T>) {
    const auto kept = std::make_shared<const T>(std::move(value));
    EncodedValue pieces = encode_pieces(*kept);
    pieces.owner = kept;
    return pieces;
  } else {
    return encode_pieces(value);
  }
}

/// One value, or several that go on apart.
using Returned = std::variant<EncodedValue, std::vector<EncodedValue>>;

/// Runs `body` and encodes what it returns; nothing for void.
template <class R, class Body>
Returned encode_return(Body body) {
  if constexpr (std::is_void_v<R>) {
    body();
    return EncodedValue{};
  } else if constexpr (are_several<std::remove_cvref_t<R>>) {
    return std::apply(
        [](auto&&... each) {
          std::vector<EncodedValue> values;
          (values.push_back(encode_owned(std::move(each))), ...);
          return values;
        },
        std::remove_cvref_t<R>(body()));
  } else {
    return encode_owned<std::remove_cvref_t<R>>(body());
  }
}

}  // namespace troupe
