// A set of small numbers that grows as it is used.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::scheduler {

class Bits {
 public:
  void set(std::size_t number) {
    if (number / 64 >= words_.size()) words_.resize(number / 64 + 1, 0);
    words_[number / 64] |= std::uint64_t{1} << (number % 64);
  }
  void clear(std::size_t number) {
    if (number / 64 < words_.size()) words_[number / 64] &= ~(std::uint64_t{1} << (number % 64));
  }
  bool has(std::size_t number) const {
    return number / 64 < words_.size() && (words_[number / 64] >> (number % 64) & 1) != 0;
  }
  /// How many lower numbers are in it.
  std::size_t rank(std::size_t number) const {
    const std::size_t last = std::min(number / 64, words_.size());
    std::size_t lower = 0;
    for (std::size_t i = 0; i < last; ++i) lower += static_cast<std::size_t>(std::popcount(words_[i]));
    if (last == words_.size()) return lower;
    return lower + static_cast<std::size_t>(std::popcount(words_[last] & ((std::uint64_t{1} << (number % 64)) - 1)));
  }
  bool meets(const Bits& other) const {
    for (std::size_t i = 0; i < std::min(words_.size(), other.words_.size()); ++i)
      if ((words_[i] & other.words_[i]) != 0) return true;
    return false;
  }

  /// Calls `visit` with each number, from the lowest.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) visit_word(i, words_[i], visit);
  }
  /// With each for which `is_meant` holds; it is asked about all of a word first, so it may cost no branch each.
  template <class IsMeant, class Visit>
  void for_each_that(const IsMeant& is_meant, const Visit& visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      std::uint64_t meant = 0;
      visit_word(i, words_[i], [&](std::size_t number) { meant |= std::uint64_t{is_meant(number)} << (number % 64); });
      visit_word(i, meant, visit);
    }
  }
  /// With each number that is in both.
  template <class Visit>
  void for_each_in_both(const Bits& other, const Visit& visit) const {
    for (std::size_t i = 0; i < std::min(words_.size(), other.words_.size()); ++i)
      visit_word(i, words_[i] & other.words_[i], visit);
  }

 private:
  template <class Visit>
  static void visit_word(std::size_t place, std::uint64_t word, const Visit& visit) {
    for (; word != 0; word &= word - 1) visit(64 * place + static_cast<std::size_t>(std::countr_zero(word)));
  }

  std::vector<std::uint64_t> words_;
};

}  // namespace troupe::scheduler
