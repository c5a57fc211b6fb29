// None, or a T on the heap: what few of many values have, at the price of a pointer in the others. Otherwise a value
// like any other: copies are deep, two are equal when what they hold is.
#pragma once

#include <memory>
#include <utility>

namespace troupe {

template <class T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(T value) : held_(std::make_unique<T>(std::move(value))) {}
  Boxed(const Boxed& other) : held_(other.held_ ? std::make_unique<T>(*other.held_) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(Boxed other) noexcept {
    held_ = std::move(other.held_);
    return *this;
  }

  template <class... Argument>
  T& emplace(Argument&&... arguments) {
    held_ = std::make_unique<T>(std::forward<Argument>(arguments)...);
    return *held_;
  }
  void reset() { held_.reset(); }

  bool has_value() const { return held_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  // Requires: has_value().
  T& operator*() { return *held_; }
  const T& operator*() const { return *held_; }
  T* operator->() { return held_.get(); }
  const T* operator->() const { return held_.get(); }
  T* get() { return held_.get(); }  ///< nullptr for none.
  const T* get() const { return held_.get(); }

  friend bool operator==(const Boxed& a, const Boxed& b) {
    return a.has_value() == b.has_value() && (!a.has_value() || *a == *b);
  }

 private:
  std::unique_ptr<T> held_;
};

}  // namespace troupe
