// A vector that costs a pointer where it is empty: for what few of many values have. Otherwise a vector like any other.
#pragma once

#include <compare>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#include "runtime/base/boxed.h"
#include "runtime/base/prefetch.h"

namespace troupe {

template <class T>
class RareVector {
 public:
  RareVector() = default;
  RareVector(std::initializer_list<T> values) : RareVector(std::vector<T>(values)) {}
  RareVector(std::vector<T> values) {
    if (!values.empty()) held_ = std::move(values);
  }

  void push_back(T value) { as_vector().push_back(std::move(value)); }
  template <class... Argument>
  T& emplace_back(Argument&&... arguments) {
    return as_vector().emplace_back(std::forward<Argument>(arguments)...);
  }
  void clear() { held_.reset(); }
  std::vector<T>& as_vector() { return held_ ? *held_ : held_.emplace(); }

  const std::vector<T>& as_vector() const {
    static const std::vector<T> none;
    return held_ ? *held_ : none;
  }
  operator const std::vector<T>&() const { return as_vector(); }
  void prefetch() const { troupe::prefetch(as_vector().data(), size() * sizeof(T)); }
  bool empty() const { return as_vector().empty(); }
  std::size_t size() const { return as_vector().size(); }

  T* begin() { return held_ ? held_->data() : nullptr; }
  T* end() { return begin() + size(); }
  const T* begin() const { return as_vector().data(); }
  const T* end() const { return begin() + size(); }

  // Requires: it is there.
  T& operator[](std::size_t place) { return (*held_)[place]; }
  const T& operator[](std::size_t place) const { return as_vector()[place]; }
  T& front() { return held_->front(); }
  const T& front() const { return as_vector().front(); }
  T& back() { return held_->back(); }
  const T& back() const { return as_vector().back(); }

  friend bool operator==(const RareVector& a, const RareVector& b) { return a.as_vector() == b.as_vector(); }
  friend auto operator<=>(const RareVector& a, const RareVector& b) { return a.as_vector() <=> b.as_vector(); }

 private:
  Boxed<std::vector<T>> held_;
};

}  // namespace troupe
