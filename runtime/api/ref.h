// The name of a value that may not exist yet. It may be an argument by itself, which stands for the value, or stand in
// one: then who gets that has a Ref.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/object.h"
#include "runtime/api/raw_arguments.h"
#include "runtime/api/value.h"

namespace troupe {

/// Lie alike in bytes.
template <class A, class B>
inline constexpr bool are_alike = false;
template <class T>
inline constexpr bool are_alike<std::vector<T>, SharedArray<T>> = true;
template <class T>
inline constexpr bool are_alike<SharedArray<T>, std::vector<T>> = true;
template <class A, class B>
concept AreAlike = are_alike<A, B>;

/// Copies name the same value. It may be handed on as an argument before it exists; `Session::get` waits for it. The
/// value is forgotten when the last copy is gone.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(ObjectPtr object) : object_(std::move(object)) {}
  /// A vector of numbers may be had as an array that is not copied out of shared memory, and the other way round.
  template <class Other>
  requires AreAlike<Other, T> Ref(const Ref<Other>& other)
      : object_(other.object()) {}  // NOLINT: it names the same value.

  explicit operator bool() const { return object_ != nullptr; }
  const ObjectPtr& object() const { return object_; }
  friend bool operator==(const Ref&, const Ref&) = default;  ///< Whether they name the same value.

 private:
  ObjectPtr object_;
};

/// A Ref in a value goes beside its bytes.
template <class Archive, class T>
void fields(Archive& archive, Ref<T>& ref) {
  if constexpr (std::is_same_v<Archive, FieldWriter>) {
    archive.hand_over(ref.object());
  } else {
    ref = Ref<T>(std::static_pointer_cast<Object>(archive.handed_over()));
  }
}

/// What a task or a call that returns R is answered with: a Ref; one for each of several results.
template <class R>
struct RefsTo {
  using Type = Ref<R>;
  static constexpr std::size_t count = 1;
};
template <class... T>
struct RefsTo<std::tuple<T...>> {
  using Type = std::tuple<Ref<T>...>;
  static constexpr std::size_t count = sizeof...(T);
};
template <class R>
using Refs = typename RefsTo<R>::Type;

/// What may be passed where a `To` is wanted: something that converts to it, or a Ref to it.
template <class Given, class To>
concept PassableAs = std::is_convertible_v<Given, To> || std::is_convertible_v<Given, Ref<std::remove_cvref_t<To>>>;

template <class To, class Given>
RawArgument raw_argument(Given&& given) {
  using Passed = std::remove_cvref_t<To>;
  constexpr bool converts = PassableAs<Given, To>;
  constexpr bool may_travel = Value<Passed>;
  static_assert(converts,
                "an argument does not convert to the parameter that it is given for, and is no Ref to such a value");
  static_assert(!converts || may_travel,
                "a parameter's type is none that can be handed over, such as numbers, strings and containers of the "
                "standard library; a struct needs a `fields` function in its namespace, an enum a `last_of` function: "
                "see runtime/wire/fields.h");
  if constexpr (!converts || !may_travel) {
    return {};
  } else if constexpr (std::is_convertible_v<Given, Ref<Passed>>) {
    ObjectPtr object = Ref<Passed>(given).object();
    if (object == nullptr) throw std::invalid_argument("an empty Ref names no value that could be handed over");
    return object;
  } else if constexpr (is_array_of_numbers<Passed>) {
    return encode_value<Passed>(static_cast<const Passed&>(given));
  } else {
    EncodedValue value = encode_pieces<Passed>(static_cast<const Passed&>(given));
    if (!value.refs.empty()) return object_with_refs(std::move(value));
    return std::move(value).joined();
  }
}

/// What is given for the parameters of a task, a constructor or a method. What does not go with them is one compile
/// error, which says so.
template <class... Parameters, class... Given>
std::vector<RawArgument> raw_arguments(Given&&... given) {
  constexpr bool are_as_many = sizeof...(Parameters) == sizeof...(Given);
  static_assert(are_as_many, "the arguments are not as many as the parameters of the task, constructor or method");
  if constexpr (are_as_many) {
    return {raw_argument<Parameters>(std::forward<Given>(given))...};
  } else {
    return {};
  }
}

}  // namespace troupe
