// Structs as bytes, by one description that serves both directions:
//
//   template <class Archive>
//   void fields(Archive& archive, Point& value) {
//     archive("point", value.x, value.y, as_bytes(value.picture), appended(value.label));
//   }
//
//   std::string bytes = encode(point);
//   Result<Point> again = decode<Point>(bytes);
//
// A struct is an array of its fields, so a newer version may append some: a reader passes over those it does not know,
// refuses an array that is too short, and leaves fields marked `appended` at their defaults where they are missing.
// `fields` stands in the namespace of its struct. Enums name their last value by a function beside them:
// `constexpr Colour last_of(Colour) { return Colour::blue; }`.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/boxed.h"
#include "runtime/base/check.h"
#include "runtime/base/rare_vector.h"
#include "runtime/base/shared_array.h"
#include "runtime/wire/codec.h"

namespace troupe {

/// Marks strings, also those inside a container or variant, as bytes instead of text.
template <class T>
struct AsBytes {
  T& value;
};
template <class T>
AsBytes<T> as_bytes(T& value) {
  return {value};
}

/// Marks a field that older bytes do not have. Only further appended ones may follow it.
template <class T>
struct Appended {
  T& value;
};
template <class T>
Appended<T> appended(T& value) {
  return {value};
}

template <class T>
inline constexpr bool is_appended = false;
template <class T>
inline constexpr bool is_appended<Appended<T>> = true;

template <class Kind>
struct Id;

template <class T>
concept Number = (std::is_arithmetic_v<T> && !std::same_as<T, bool>) || std::same_as<T, std::byte>;
static_assert(std::endian::native == std::endian::little);

constexpr std::byte last_of(std::byte) { return std::byte{0xff}; }

/// What stands in the bytes by its number only, and goes beside them (api/ref.h).
using Handed = std::vector<std::shared_ptr<void>>;

/// Maps and sets: arrays of what is in them, of which each key is there once.
template <class T>
struct Element;
template <class Key, class T>
struct Element<std::map<Key, T>> : std::type_identity<std::pair<Key, T>> {};
template <class Key, class T>
struct Element<std::unordered_map<Key, T>> : std::type_identity<std::pair<Key, T>> {};
template <class Key>
struct Element<std::set<Key>> : std::type_identity<Key> {};
template <class Key>
struct Element<std::unordered_set<Key>> : std::type_identity<Key> {};
template <class T>
using ElementOf = typename Element<T>::type;
template <class T>
concept Associative = requires {
  typename ElementOf<T>;
};

/// Writes the fields of structs.
class FieldWriter {
 public:
  /// `handed`: takes what goes beside the bytes; nullptr: nothing may.
  explicit FieldWriter(Encoder& encoder, Handed* handed = nullptr) : encoder_(encoder), handed_(handed) {}

  /// One struct; the name serves the reader's faults.
  template <class... Field>
  void operator()(const char* /*name*/, Field&&... field) {
    encoder_.array(sizeof...(Field));
    (put(field), ...);
  }

  /// Throws std::invalid_argument where nothing can go beside the bytes.
  void hand_over(std::shared_ptr<void> thing) {
    if (thing == nullptr) return encoder_.number(std::uint64_t{0});
    if (handed_ == nullptr)
      throw std::invalid_argument(
          "a Ref cannot stand here: it names a value for as long as its program runs, this is kept for longer");
    handed_->push_back(std::move(thing));
    encoder_.number(std::uint64_t{handed_->size()});
  }

  /// What a reader does not take: nobody here writes it.
  void expect(bool holds, const char* /*found*/, const char* expected) { TROUPE_CHECK(holds, expected); }

  template <class T>
  void put(const T& value) {
    if constexpr (std::same_as<T, bool>) {
      encoder_.boolean(value);
    } else if constexpr (std::is_enum_v<T>) {
      encoder_.number(static_cast<std::uint64_t>(value));
    } else if constexpr (std::signed_integral<T>) {
      encoder_.number(static_cast<std::int64_t>(value));
    } else if constexpr (std::unsigned_integral<T>) {
      encoder_.number(static_cast<std::uint64_t>(value));
    } else if constexpr (std::floating_point<T>) {
      encoder_.real(value);
    } else {
      // The description takes what it names by reference in both directions; a writer never changes it.
      fields(*this, const_cast<T&>(value));
    }
  }
  void put(const std::string& value) { strings_are_bytes_ ? encoder_.bytes(value) : encoder_.text(value); }
  template <class Period>
  void put(const std::chrono::duration<std::int64_t, Period>& value) {
    encoder_.number(std::int64_t{value.count()});
  }
  template <class Kind>
  void put(const Id<Kind>& value) {
    encoder_.number(value.value);
  }
  /// Numbers lie in bytes as they lie in memory: little endian.
  template <Number T>
  void put(const std::vector<T>& values) {
    encoder_.bytes({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  }
  template <class T>
  void put(const std::vector<T>& values) {
    encoder_.array(values.size());
    for (const T& value : values) put(value);
  }
  template <class T>
  void put(const SharedArray<T>& values) {
    encoder_.bytes({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  }
  template <class T>
  void put(const RareVector<T>& values) {
    put(values.as_vector());
  }
  template <class T, std::size_t N>
  void put(const std::array<T, N>& values) {
    encoder_.array(N);
    for (const T& value : values) put(value);
  }
  template <class First, class Second>
  void put(const std::pair<First, Second>& value) {
    encoder_.array(2);
    put(value.first);
    put(value.second);
  }
  template <Associative T>
  void put(const T& values) {
    encoder_.array(values.size());
    for (const auto& value : values) put(value);
  }
  void put(std::monostate) { encoder_.nil(); }
  template <class T>
  void put(const std::optional<T>& value) {
    value ? put(*value) : encoder_.nil();
  }
  template <class... T>
  void put(const std::variant<T...>& value) {
    encoder_.array(2);
    encoder_.number(std::uint64_t{value.index()});
    std::visit([this](const auto& held) { this->put_held(held); }, value);
  }
  template <class T>
  void put(const Boxed<T>& value) {
    value ? put(*value) : encoder_.nil();
  }
  template <class T>
  void put(const AsBytes<T>& marked) {
    const bool before = std::exchange(strings_are_bytes_, true);
    put(marked.value);
    strings_are_bytes_ = before;
  }
  template <class T>
  void put(const Appended<T>& marked) {
    put(marked.value);
  }

 private:
  template <class T>
  void put_held(const T& held) {
    put(held);
  }
  /// The kind says that it is there, so it lies in bytes as what it holds.
  template <class T>
  void put_held(const Boxed<T>& held) {
    put(held ? *held : T{});
  }

  Encoder& encoder_;
  Handed* const handed_;
  bool strings_are_bytes_ = false;
};

/// Reads them back. What is read after a fault of the decoder is defaults.
class FieldReader {
 public:
  /// `owner`, if there is one, keeps the bytes where they are: arrays may look at them.
  /// `handed`: what came beside them.
  explicit FieldReader(Decoder& decoder, std::shared_ptr<const void> owner = nullptr, const Handed* handed = nullptr)
      : decoder_(decoder), owner_(std::move(owner)), handed_(handed) {}

  template <class... Field>
  void operator()(const char* name, Field&&... field) {
    constexpr std::uint32_t required = (0u + ... + (is_appended<std::remove_cvref_t<Field>> ? 0u : 1u));
    const std::uint32_t length = decoder_.enter_array();
    if (decoder_.ok() && length < required) {
      decoder_.fail(std::to_string(length) + " fields", std::to_string(required) + " or more");
    }
    if (!decoder_.ok()) decoder_.add_place(name);
    std::uint32_t index = 0;
    ((index < length ? field_of(name, index, field) : void(), ++index), ...);
    for (; decoder_.ok() && index < length; ++index) decoder_.skip();
    decoder_.leave_array();
  }

  std::shared_ptr<void> handed_over() {
    const std::uint64_t number = at_most(handed_ == nullptr ? 0 : handed_->size());
    return decoder_.ok() && number > 0 ? (*handed_)[number - 1] : nullptr;
  }

  void expect(bool holds, const char* found, const char* expected) {
    if (decoder_.ok() && !holds) decoder_.fail(found, expected);
  }

  template <class T>
  void take(T& value) {
    if constexpr (std::same_as<T, bool>) {
      value = decoder_.boolean();
    } else if constexpr (std::is_enum_v<T>) {
      const auto last = static_cast<std::uint64_t>(last_of(T{}));
      const std::uint64_t found = at_most(last);
      if (decoder_.ok()) value = static_cast<T>(found);
    } else if constexpr (std::signed_integral<T>) {
      const std::int64_t found = decoder_.signed_number();
      if (decoder_.ok() && !std::in_range<T>(found)) {
        decoder_.fail(std::to_string(found), "a number of " + std::to_string(sizeof(T) * 8) + " bits");
      }
      if (decoder_.ok()) value = static_cast<T>(found);
    } else if constexpr (std::unsigned_integral<T>) {
      const std::uint64_t found = at_most(std::numeric_limits<T>::max());
      if (decoder_.ok()) value = static_cast<T>(found);
    } else if constexpr (std::floating_point<T>) {
      value = static_cast<T>(decoder_.real());
    } else {
      fields(*this, value);
    }
  }
  void take(std::string& value) { value = strings_are_bytes_ ? decoder_.bytes() : decoder_.text(); }
  template <class Period>
  void take(std::chrono::duration<std::int64_t, Period>& value) {
    value = std::chrono::duration<std::int64_t, Period>(decoder_.signed_number());
  }
  template <class Kind>
  void take(Id<Kind>& value) {
    value.value = decoder_.unsigned_number();
  }
  template <Number T>
  void take(std::vector<T>& values) {
    const std::string_view bytes = bytes_of_numbers(sizeof(T));
    values.resize(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  }
  template <class T>
  void take(SharedArray<T>& values) {
    const std::string_view bytes = bytes_of_numbers(sizeof(T));
    if (owner_ && reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) == 0) {
      values = {{reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)}, owner_};
    } else {
      std::vector<T> copy(bytes.size() / sizeof(T));
      if (!copy.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
      values = std::move(copy);
    }
  }
  template <class T>
  void take(std::vector<T>& values) {
    values.clear();
    const std::uint32_t length = decoder_.enter_array();
    // Room is made as elements arrive: what the bytes announce is not yet there.
    for (std::uint32_t i = 0; decoder_.ok() && i < length; ++i) take(values.emplace_back());
    decoder_.leave_array();
  }
  template <class T>
  void take(RareVector<T>& values) {
    std::vector<T> taken;
    take(taken);
    values = std::move(taken);
  }
  template <class T, std::size_t N>
  void take(std::array<T, N>& values) {
    enter_exactly(N);
    for (T& value : values) take(value);
    decoder_.leave_array();
  }
  template <class First, class Second>
  void take(std::pair<First, Second>& value) {
    enter_exactly(2);
    take(value.first);
    take(value.second);
    decoder_.leave_array();
  }
  template <Associative T>
  void take(T& values) {
    values.clear();
    const std::uint32_t length = decoder_.enter_array();
    for (std::uint32_t i = 0; decoder_.ok() && i < length; ++i) {
      ElementOf<T> value{};
      take(value);
      if (decoder_.ok() && !values.insert(std::move(value)).second) decoder_.fail("a key twice", "each once");
    }
    decoder_.leave_array();
  }
  void take(std::monostate&) {
    if (decoder_.ok() && !decoder_.take_nil()) decoder_.fail("a value", "nil");
  }
  template <class T>
  void take(std::optional<T>& value) {
    value.reset();
    if (decoder_.ok() && !decoder_.take_nil()) take(value.emplace());
  }
  template <class T>
  void take(Boxed<T>& value) {
    value.reset();
    if (decoder_.ok() && !decoder_.take_nil()) take(value.emplace());
  }
  template <class... T>
  void take(std::variant<T...>& value) {
    enter_exactly(2);
    const std::uint64_t index = at_most(sizeof...(T) - 1);
    if (decoder_.ok()) take_alternative(value, index, std::index_sequence_for<T...>{});
    decoder_.leave_array();
  }
  template <class T>
  void take(AsBytes<T>& marked) {
    const bool before = std::exchange(strings_are_bytes_, true);
    take(marked.value);
    strings_are_bytes_ = before;
  }
  template <class T>
  void take(Appended<T>& marked) {
    take(marked.value);
  }

 private:
  /// Empty after a fault.
  std::string_view bytes_of_numbers(std::size_t size) {
    const std::string_view bytes = decoder_.bytes();
    if (decoder_.ok() && bytes.size() % size != 0)
      decoder_.fail(std::to_string(bytes.size()) + " bytes", "a multiple of " + std::to_string(size));
    return decoder_.ok() ? bytes : std::string_view();
  }
  template <class Field>
  void field_of(const char* name, std::uint32_t index, Field& field) {
    if (!decoder_.ok()) return;
    take(field);
    if (!decoder_.ok()) decoder_.add_place(std::string(name) + " field " + std::to_string(index + 1));
  }
  std::uint64_t at_most(std::uint64_t last) {
    const std::uint64_t found = decoder_.unsigned_number();
    if (decoder_.ok() && found > last) decoder_.fail(std::to_string(found), "at most " + std::to_string(last));
    return found;
  }
  void enter_exactly(std::size_t expected) {
    const std::uint32_t length = decoder_.enter_array();
    if (decoder_.ok() && length != expected) {
      decoder_.fail("an array of " + std::to_string(length), "one of " + std::to_string(expected));
    }
  }
  template <class... T, std::size_t... Index>
  void take_alternative(std::variant<T...>& value, std::uint64_t index, std::index_sequence<Index...>) {
    (void)((index == Index && (take_held(value.template emplace<Index>()), true)) || ...);
  }
  template <class T>
  void take_held(T& held) {
    take(held);
  }
  template <class T>
  void take_held(Boxed<T>& held) {
    take(held.emplace());
  }

  Decoder& decoder_;
  const std::shared_ptr<const void> owner_;
  const Handed* const handed_;
  bool strings_are_bytes_ = false;
};

/// The bytes of one value; `handed` takes what goes beside them.
template <class T>
std::string encode(const T& value, Handed* handed = nullptr) {
  Encoder encoder;
  FieldWriter(encoder, handed).put(value);
  return encoder.take();
}

/// The value that `bytes` hold, all of them.
///
/// `owner`, if there is one, keeps the bytes where they are: a SharedArray in the value looks at them. `handed`: what
/// came beside them.
///
/// Fails with: corrupt (the place, what was found and what was expected).
template <class T>
Result<T> decode(std::string_view bytes, DecodeLimits limits = {}, std::shared_ptr<const void> owner = nullptr,
                 const Handed* handed = nullptr) {
  Decoder decoder(bytes, limits);
  T value{};
  FieldReader(decoder, std::move(owner), handed).take(value);
  if (decoder.ok() && !decoder.at_end()) {
    decoder.skip();
    if (decoder.ok()) decoder.fail("a value behind the last one", "the end");
  }
  if (!decoder.ok()) return decoder.fault();
  return value;
}

}  // namespace troupe
