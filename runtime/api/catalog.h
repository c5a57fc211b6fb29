// Names bound to code: what a worker can run. Filled by an ordinary function of the user's, the same in driver and
// worker.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>

#include "runtime/api/context.h"
#include "runtime/api/coroutine.h"
#include "runtime/api/task.h"
#include "runtime/api/value.h"
#include "runtime/api/yield.h"
#include "runtime/base/check.h"

namespace troupe {

/// Whether `body` is to be called with the context before its arguments.
template <class R, class Body, class... Args>
inline constexpr bool takes_context = std::is_invocable_r_v<R, Body, Context&, Args...>;

template <class T>
concept NamesHooks = requires {
  &T::checkpoint;
  &T::restore;
};
/// The hooks of an actor whose state survives a restart: what `checkpoint() const` returns may cross a process boundary
/// (value.h) and is what `restore` takes, after the constructor has run as the first time.
template <class T>
concept HasHooks = NamesHooks<T> && requires(const T& saved, T& made) {
  { saved.checkpoint() } -> Value;
  { made.restore(saved.checkpoint()) } -> std::same_as<void>;
};

class Catalog {
 public:
  using Function = std::function<Returned(Context&, std::span<const Payload>)>;

  struct ActorClass {
    std::function<std::shared_ptr<void>(Context&, std::span<const Payload>)> make;
    std::map<std::string, std::function<Returned(Context&, void*, std::span<const Payload>)>, std::less<>> methods;
    // None without hooks.
    std::function<Bytes(const void*)> checkpoint{};
    std::function<void(void*, const Bytes&)> restore{};  // Throws where the bytes are of another class's state.
  };

  /// Binds a task's name to what it runs, which may take a `Context&` before the arguments, and then may be a coroutine
  /// (`Coroutine<R>`, coroutine.h). Requires: the name is not taken.
  template <class R, class... Args, class Body>
  requires(std::is_invocable_r_v<R, Body, Args...> || takes_context<R, Body, Args...> ||
           takes_context<Coroutine<R>, Body, Args...>) &&
      (Value<Args> && ...) && ReturnValue<R> void add(const Task<R(Args...)>& task, Body body) {
    const bool is_new =
        functions_
            .emplace(task.name,
                     [body = std::move(body)](Context& context, std::span<const Payload> given) -> Returned {
                       auto arguments = decode_arguments<Args...>(given);
                       return encode_return<R>([&] {
                         return std::apply(
                             [&](auto&&... each) {
                               if constexpr (takes_context<Coroutine<R>, Body, Args...>) {
                                 return run(context.session(), body(context, each...));
                               } else if constexpr (takes_context<R, Body, Args...>) {
                                 return body(context, std::move(each)...);
                               } else {
                                 return body(std::move(each)...);
                               }
                             },
                             std::move(arguments));
                       });
                     })
            .second;
    TROUPE_CHECK(is_new, "each task has a name of its own");
  }

  /// Binds the name of a task that streams to what it runs, which takes a `Yield<T>&` before the arguments, and may
  /// take a `Context&` before that. It runs in a thread of its own.
  template <Value T, class... Args, class Body>
  requires(std::is_invocable_r_v<void, Body, Yield<T>&, Args...> ||
           std::is_invocable_r_v<void, Body, Context&, Yield<T>&, Args...>) &&
      (Value<Args> && ...) void add(const Task<Stream<T>(Args...)>& task, Body body) {
    ActorClass made;
    made.make = [body = std::move(body)](Context& context, std::span<const Payload> given) -> std::shared_ptr<void> {
      auto run = [body, &context, arguments = decode_arguments<Args...>(given)](StreamSource& source) mutable {
        Yield<T> yield(source);
        std::apply(
            [&](auto&&... each) {
              if constexpr (std::is_invocable_r_v<void, Body, Context&, Yield<T>&, Args...>) {
                body(context, yield, std::move(each)...);
              } else {
                body(yield, std::move(each)...);
              }
            },
            std::move(arguments));
      };
      return std::make_shared<StreamSource>(context, std::move(run));
    };
    made.methods.emplace(next_method, [](Context&, void* source, std::span<const Payload> given) -> Returned {
      return static_cast<StreamSource*>(source)->take(std::get<0>(decode_arguments<std::uint64_t>(given)));
    });
    const bool is_new = actors_.emplace(task.name, std::move(made)).second;
    TROUPE_CHECK(is_new, "each task has a name of its own");
  }

  /// Binds an actor's name to its constructor, which may take a `Context&` before the arguments and keep it, and its
  /// methods' names to its methods, which may be coroutines.
  template <class T, class... Args, auto... members>
  requires(std::is_constructible_v<T, Args...> || std::is_constructible_v<T, Context&, Args...>) &&
      (Value<Args> && ...) &&
      (std::is_base_of_v<typename Method<members>::Class, T> && ...) void add(const ActorType<T(Args...)>& type,
                                                                              const Method<members>&... methods) {
    ActorClass made;
    made.make = [](Context& context, std::span<const Payload> given) -> std::shared_ptr<void> {
      return std::apply(
          [&](auto&&... arguments) {
            if constexpr (std::is_constructible_v<T, Context&, Args...>) {
              return std::make_shared<T>(context, std::move(arguments)...);
            } else {
              return std::make_shared<T>(std::move(arguments)...);
            }
          },
          decode_arguments<Args...>(given));
    };
    (made.methods.emplace(methods.name, bind<T, members>(static_cast<typename Method<members>::Signature*>(nullptr))),
     ...);
    if constexpr (NamesHooks<T>) add_hooks<T>(made);
    const bool is_new = actors_.emplace(type.name, std::move(made)).second;
    TROUPE_CHECK(is_new, "each actor type has a name of its own");
  }

  const Function* function(std::string_view name) const { return find(functions_, name); }
  const ActorClass* actor(std::string_view name) const { return find(actors_, name); }

 private:
  template <class T>
  static void add_hooks(ActorClass& made) {
    static_assert(
        HasHooks<T>,
        "an actor's hooks are `State checkpoint() const` and `void restore(State)`, State an argument's type");
    if constexpr (HasHooks<T>) {
      using State = std::remove_cvref_t<decltype(std::declval<const T&>().checkpoint())>;
      made.checkpoint = [](const void* object) {
        return encode_value<State>(static_cast<const T*>(object)->checkpoint());
      };
      made.restore = [](void* object, const Bytes& bytes) {
        auto state = decode<State>(bytes, value_limits);
        if (!state) throw std::invalid_argument("another class's state: " + state.error().message);
        static_cast<T*>(object)->restore(std::move(state).value());
      };
    }
  }

  template <class T, auto member, class R, class... Args>
  static std::function<Returned(Context&, void*, std::span<const Payload>)> bind(R (*)(Args...)) {
    return [](Context& context, void* object, std::span<const Payload> given) -> Returned {
      auto arguments = decode_arguments<Args...>(given);
      typename Method<member>::Class& self = *static_cast<T*>(object);  // Which may be a base of T.
      return encode_return<R>([&] {
        const auto begin = [&] {
          return std::apply([&](auto&&... each) { return (self.*member)(std::move(each)...); }, std::move(arguments));
        };
        if constexpr (std::is_same_v<typename Method<member>::Return, Coroutine<R>>) {
          return run(CoroutineLoop([&context] { return context.session(); }, &context.turn()), begin());
        } else {
          return begin();
        }
      });
    };
  }

  template <class Map>
  static const typename Map::mapped_type* find(const Map& map, std::string_view name) {
    const auto found = map.find(name);
    return found == map.end() ? nullptr : &found->second;
  }

  std::map<std::string, Function, std::less<>> functions_;
  std::map<std::string, ActorClass, std::less<>> actors_;
};

}  // namespace troupe
