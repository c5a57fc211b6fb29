#include <algorithm>
#include <cmath>
#include <vector>

#include <catch2/catch.hpp>

#include "nn/data/dataset.h"

using namespace troupe::nn;

namespace {

std::vector<std::uint32_t> order_of(std::uint64_t seed, std::uint64_t epoch, std::uint32_t size) {
  const SampleOrder order(seed, epoch, size);
  std::vector<std::uint32_t> ids(size);
  for (std::uint32_t position = 0; position < size; ++position) ids[position] = order.at(position);
  return ids;
}

bool is_permutation(std::vector<std::uint32_t> ids) {
  std::sort(ids.begin(), ids.end());
  for (std::uint32_t i = 0; i < ids.size(); ++i) {
    if (ids[i] != i) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("every sample comes exactly once an epoch, for every size", "[order]") {
  for (std::uint32_t size = 1; size <= 600; ++size) {
    for (const std::uint64_t seed : {0u, 1u, 12345u}) {
      if (is_permutation(order_of(seed, size % 7, size))) continue;
      CAPTURE(size, seed);
      FAIL("a sample is lost or doubled");
    }
  }
  for (const std::uint32_t size : {1023u, 1024u, 1025u, 50000u, 60000u, 65536u, 65537u, 1000000u}) {
    CAPTURE(size);
    CHECK(is_permutation(order_of(3, 4, size)));
  }
}

TEST_CASE("the largest data set has an order too", "[order]") {
  const SampleOrder order(1, 2, 0xffffffffu);
  std::vector<std::uint32_t> ids;
  for (std::uint32_t position = 0; position < 1000; ++position) ids.push_back(order.at(position));
  ids.push_back(order.at(0xfffffffeu));
  std::sort(ids.begin(), ids.end());
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
}

TEST_CASE("the order is a function of seed, epoch and size, and of nothing else", "[order]") {
  const std::vector<std::uint32_t> first = order_of(1, 0, 60000);
  CHECK(first == order_of(1, 0, 60000));
  for (const auto& other : {order_of(1, 1, 60000), order_of(2, 0, 60000), order_of(0, 1, 60000)}) {
    std::size_t same = 0;
    for (std::size_t i = 0; i < first.size(); ++i) same += first[i] == other[i];
    CHECK(same < 20);
  }
  // Pinned: a resume must find the order of the run it goes on with, whatever the version.
  CHECK(std::vector<std::uint32_t>(first.begin(), first.begin() + 6) ==
        std::vector<std::uint32_t>{37720, 3876, 575, 29011, 15733, 52642});
  CHECK(order_of(7, 3, 10) == std::vector<std::uint32_t>{5, 3, 7, 9, 1, 0, 8, 6, 4, 2});
}

TEST_CASE("every sample is as likely at every place", "[order]") {
  for (const std::uint32_t size : {2u, 3u, 5u, 10u, 100u}) {
    const int epochs = 20000;
    for (const std::uint32_t position : {0u, size / 2, size - 1}) {
      std::vector<double> counts(size);
      for (int epoch = 0; epoch < epochs; ++epoch) {
        ++counts[SampleOrder(5, static_cast<std::uint64_t>(epoch), size).at(position)];
      }
      const double mean = static_cast<double>(epochs) / size;
      double chi_squared = 0;
      for (const double count : counts) chi_squared += (count - mean) * (count - mean) / mean;
      CAPTURE(size, position, chi_squared);
      // Five standard deviations and some for the small sizes.
      CHECK(chi_squared < (size - 1) + 5 * std::sqrt(2.0 * (size - 1)) + 5);
    }
  }
}

TEST_CASE("neighbours in the file are not neighbours in the order", "[order]") {
  const std::vector<std::uint32_t> ids = order_of(9, 0, 60000);
  std::size_t neighbours = 0;
  double distance = 0;
  for (std::size_t i = 1; i < ids.size(); ++i) {
    const double d = std::abs(static_cast<double>(ids[i]) - ids[i - 1]);
    neighbours += d == 1;
    distance += d;
  }
  CHECK(neighbours < 20);
  // Two draws are a third of the range apart.
  CHECK(distance / 60000 == Approx(20000).epsilon(0.02));
}
