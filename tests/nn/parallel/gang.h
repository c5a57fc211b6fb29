// A gang whose ranks are threads of the test, and slot gradients whose sum shows the order of additions.
#pragma once

#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nn/parallel/communicator.h"
#include "nn/parallel/shared_memory_communicator.h"
#include "nn/parallel/shared_segment.h"

namespace troupe::nn::testing {

/// Runs `body` as every rank; each fills its place of the result.
template <class T>
std::vector<T> run_gang(const Mesh& mesh, std::chrono::milliseconds deadline,
                        const std::function<T(Communicator&)>& body) {
  SharedSegment segment = SharedSegment::anonymous(segment_bytes(mesh)).value();
  std::vector<T> results(mesh.world());
  {
    std::vector<std::jthread> ranks;
    for (std::size_t rank = 0; rank < mesh.world(); ++rank) {
      ranks.emplace_back([&, rank] {
        auto communicator = join_shared_memory(
            {.mesh = mesh, .rank = rank, .create = rank == 0, .deadline = deadline, .segment = &segment});
        results[rank] = body(*communicator.value());
      });
    }
  }
  return results;
}

/// Element `i` of the gradient of a slot, in some step and stage.
inline float gradient_value(std::size_t slot, std::size_t i, std::size_t salt) {
  const auto bits = static_cast<std::uint32_t>((slot * 1000003 + i + salt * 7919) * 2654435761u);
  return std::ldexp(static_cast<float>(bits >> 8) - 8388608.0f, static_cast<int>(bits & 31) - 40);
}

/// The sum of the slots from `begin` on, `size` of them if there were enough, as the tree defines it.
inline std::vector<float> tree_value(std::size_t begin, std::size_t size, std::size_t filled, std::size_t elements,
                                     std::size_t salt) {
  if (filled == 0) return std::vector<float>(elements);
  std::vector<float> left(elements);
  if (size == 1) {
    for (std::size_t i = 0; i < elements; ++i) left[i] = gradient_value(begin, i, salt);
    return left;
  }
  left = tree_value(begin, size / 2, filled, elements, salt);
  if (begin + size / 2 >= filled) return left;
  const std::vector<float> right = tree_value(begin + size / 2, size / 2, filled, elements, salt);
  for (std::size_t i = 0; i < elements; ++i) left[i] = left[i] + right[i];
  return left;
}

inline std::vector<float> root_value(std::size_t filled, std::size_t elements, std::size_t salt) {
  return tree_value(0, std::bit_ceil(filled), filled, elements, salt);
}

}  // namespace troupe::nn::testing
