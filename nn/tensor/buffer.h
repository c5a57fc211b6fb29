// Owned memory for numbers, on a cache line's border and zeroed: vectors load from it whole, and padding reads as 0.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace troupe::nn {

template <class Number>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(std::size_t size)
      : data_(static_cast<Number*>(::operator new(size * sizeof(Number), alignment))), size_(size) {
    std::memset(data_, 0, size * sizeof(Number));
  }
  AlignedArray(AlignedArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, std::size_t{0})) {}
  AlignedArray& operator=(AlignedArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~AlignedArray() { ::operator delete(data_, alignment); }

  Number* data() { return data_; }
  const Number* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::align_val_t alignment{64};
  Number* data_ = nullptr;
  std::size_t size_ = 0;
};

using Buffer = AlignedArray<float>;

}  // namespace troupe::nn
