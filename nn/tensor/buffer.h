// Owned memory for numbers, on a cache line's border and zeroed: vectors load from it whole, and padding reads as 0.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <utility>

namespace troupe::nn {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t floats)
      : data_(static_cast<float*>(::operator new(floats * sizeof(float), alignment))), size_(floats) {
    std::memset(data_, 0, floats * sizeof(float));
  }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, std::size_t{0})) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { ::operator delete(data_, alignment); }

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::span<float> span() { return {data_, size_}; }

 private:
  static constexpr std::align_val_t alignment{64};
  float* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace troupe::nn
