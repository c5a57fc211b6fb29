// Numbers that may lie in the shared memory of their node: whoever gets them reads them where they are.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe {

/// An array that does not change; copies share it. As an argument or a result it is what a std::vector of the same
/// numbers is, but large ones are not copied out of the store of objects: `span()` looks at shared memory, which stays
/// as long as any copy.
///
/// Where it comes from the store it begins at a multiple of 64 bytes.
template <class T>
requires((std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) || std::is_same_v<T, std::byte>) class SharedArray {
 public:
  SharedArray() = default;
  SharedArray(std::vector<T> values) {  // NOLINT: what is made of a vector is the same value.
    const auto owned = std::make_shared<const std::vector<T>>(std::move(values));
    values_ = *owned;
    owner_ = owned;
  }
  /// `owner` keeps the numbers where they are.
  SharedArray(std::span<const T> values, std::shared_ptr<const void> owner)
      : values_(values), owner_(std::move(owner)) {}

  std::span<const T> span() const { return values_; }
  operator std::span<const T>() const { return values_; }  // NOLINT: as a vector does.
  const T* data() const { return values_.data(); }
  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  const T& operator[](std::size_t index) const { return values_[index]; }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  std::span<const T> values_;
  std::shared_ptr<const void> owner_;
};

}  // namespace troupe
