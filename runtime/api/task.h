// Typed names. Driver and worker share the name, so an argument that does not convert is a compile error on both sides,
// and the name alone travels.
#pragma once

#include <string_view>
#include <type_traits>

namespace troupe {

/// A function that runs elsewhere: `inline constexpr Task<long(int, long)> count_inside{"pi.count_inside"};`
template <class Signature>
struct Task;

template <class R, class... Args>
struct Task<R(Args...)> {
  std::string_view name;
};

/// A class whose objects live in workers: `inline constexpr ActorType<Counter(long)> counter{"pi.Counter"};`
template <class Signature>
struct ActorType;

template <class T, class... Args>
struct ActorType<T(Args...)> {
  std::string_view name;
};

template <class T>
class Coroutine;  // coroutine.h

/// What a call is answered with by a method that returns an R: by one that is a coroutine, what that returns.
template <class R>
struct AnswerOf {
  using Type = R;
};
template <class R>
struct AnswerOf<Coroutine<R>> {
  using Type = R;
};

template <class Member>
struct MemberTraits;
template <class T, class R, class... Args>
struct MemberTraits<R (T::*)(Args...)> {
  using Class = T;
  using Return = R;
  using Signature = typename AnswerOf<R>::Type(std::decay_t<Args>...);
};
template <class T, class R, class... Args>
struct MemberTraits<R (T::*)(Args...) const> : MemberTraits<R (T::*)(Args...)> {};
template <class T, class R, class... Args>
struct MemberTraits<R (T::*)(Args...) noexcept> : MemberTraits<R (T::*)(Args...)> {};
template <class T, class R, class... Args>
struct MemberTraits<R (T::*)(Args...) const noexcept> : MemberTraits<R (T::*)(Args...)> {};

/// A method of an actor: `inline constexpr Method<&Counter::add> add{"add"};`
template <auto member>
struct Method {
  using Class = typename MemberTraits<decltype(member)>::Class;
  using Return = typename MemberTraits<decltype(member)>::Return;
  using Signature = typename MemberTraits<decltype(member)>::Signature;

  std::string_view name;
};

}  // namespace troupe
